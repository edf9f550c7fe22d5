"""The data of version 1, as its own code wrote it: `version_1.json`.

The file has keys as text, and what the commands showed of them. Restored, its last day
is yesterday. So its days are past in every time zone, and none has expired.
"""

import json
import re
import time
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, cast

from redis import Redis

TEXT = Path(__file__).with_name("version_1.json").read_text("utf-8")


def restore(redis: Redis) -> dict[str, Any]:
    """Write the data to an empty Redis, and return what was shown of each site."""
    last_day = date.fromisoformat(json.loads(TEXT)["last_day"])
    later = datetime.now(UTC).date() - timedelta(days=1) - last_day
    text = re.sub(
        r"\d{4}-\d\d-\d\d",
        lambda day: str(date.fromisoformat(day[0]) + later),
        TEXT,
    )
    data = json.loads(text)
    for key, entry in data["keys"].items():
        _write(redis, key, entry)
    return cast(dict[str, Any], data["shown"])


def _write(redis: Redis, key: str, entry: dict[str, Any]) -> None:
    if "hash" in entry:
        redis.hset(key, mapping=entry["hash"])
    elif "zset" in entry:
        redis.zadd(key, entry["zset"])
    elif "list" in entry:
        redis.rpush(key, *entry["list"])
    elif "bytes" in entry:
        redis.set(key, bytes.fromhex(entry["bytes"]))
    else:
        redis.set(key, entry["string"])
    if "expires" in entry:
        redis.expireat(key, datetime.fromisoformat(entry["expires"]))
    elif "seconds" in entry:
        redis.expireat(key, int(time.time()) + entry["seconds"])
