"""Archives in a folder, ways to break them, and what they must bring back."""

import base64
import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

from redis import Redis

from page_tracker.backup.naming import note_of
from support.recording import keys_in

NOT_IN_ARCHIVES = (
    *("visitors:", ":event:", "salt", "rate:", ":live:", "seen:", "reading"),
    *("pt:backup", "pt:restoring"),
    *("pt:session", "pt:setup", "pt:secret", "pt:attempts", "pt:tokens:used"),
    "pt:changes",
)
"""Parts of keys that live for two days at most, or are neither counts nor accounts."""


def counts_in(redis: Redis) -> dict[str, Any]:
    """Return all keys that an archive has, with their values and lifetimes."""
    found = {}
    for key in keys_in(redis):
        if not any(part in key for part in NOT_IN_ARCHIVES):
            line = line_of(redis, key)
            line.get("hash", {}).pop("edits", None)  # a restore has its own
            found[key] = (line, redis.expiretime(key))
    return found


def line_of(redis: Redis, key: str, name: str = "") -> dict[str, Any]:
    """Return the line of a key in an archive."""
    kind = cast(bytes, redis.type(key)).decode()
    read: dict[str, Callable[[], Any]] = {
        "hash": lambda: redis.hgetall(key).items(),
        "zset": lambda: redis.zrange(key, 0, -1, withscores=True),
        "list": lambda: redis.lrange(key, 0, -1),
        "string": lambda: redis.get(key),
    }
    value = read[kind]()
    if kind == "string" and value.startswith(b"HYLL"):
        return {"key": name, "hyperloglog": base64.b64encode(value).decode()}
    if kind == "hash":
        return {"key": name, kind: {field.decode(): of.decode() for field, of in value}}
    if kind == "zset":
        return {"key": name, kind: {page.decode(): int(of) for page, of in value}}
    if kind == "list":
        return {"key": name, kind: [one.decode() for one in value]}
    return {"key": name, kind: value.decode()}


def archive_in(folder: Path) -> Path:
    """Return the newest archive in a folder."""
    return max(folder.glob("*.jsonl.gz*"))


def rewritten(path: Path, change: Callable[[list[dict[str, Any]]], Any]) -> None:
    """Change the lines of an archive."""
    lines = [
        json.loads(line) for line in gzip.decompress(path.read_bytes()).splitlines()
    ]
    lines = change(lines) or lines
    text = "".join(f"{json.dumps(line)}\n" for line in lines)
    replace(path, gzip.compress(text.encode()))


def flip(path: Path, place: int, has_note: bool = True) -> None:
    """Change one byte of an archive."""
    content = bytearray(path.read_bytes())
    content[place] ^= 1
    replace(path, bytes(content), has_note)


def replace(path: Path, content: bytes, has_note: bool = False) -> None:
    """Write an archive with another content, and drop its note."""
    path.write_bytes(content)
    if not has_note:
        (path.parent / note_of(path.name)).unlink(missing_ok=True)


def cut(path: Path, size: int) -> None:
    """Cut bytes off the end of an archive."""
    replace(path, path.read_bytes()[:-size])


def line_of_end(lines: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the last line that fits the others, however odd they are."""
    views: dict[str, int] = {}
    site = ""
    for line in lines:
        site = line.get("site", site)
        if line.get("key") == "totals":
            views[site] = int(line["hash"].get("views", 0))
    return {
        "end": {
            "sites": len({line["site"] for line in lines if "site" in line}),
            "views": sum(views.values()),
            "keys": sum("key" in line and "more" not in line for line in lines),
            "lines": len(lines) - 1,
        }
    }
