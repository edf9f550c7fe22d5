"""Makes a backup: reads all counts, and writes them into a store as they come."""

import hashlib
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import NamedTuple, cast

from redis import Redis

from page_tracker.backup.archive import Contents, Line, compressed
from page_tracker.backup.encryption import check_recipient, encrypted
from page_tracker.backup.errors import BackupError
from page_tracker.backup.naming import Backup, archive_name
from page_tracker.backup.object_store import ObjectStore
from page_tracker.backup.reading import read_common, read_site
from page_tracker.backup.redis_id import id_of
from page_tracker.tracking.keys import DATA_VERSION, RESTORING
from page_tracker.tracking.sites import Sites

STEPS = 1_000
"""A site is so many steps of the progress."""


class Made(NamedTuple):
    """A backup, and the seconds that it took."""

    backup: Backup
    seconds: float


def make_backup(
    redis: Redis,
    sites: Sites,
    store: ObjectStore,
    recipient: str,
    on_progress: Callable[[int, int], None],
) -> Made:
    """Write all counts into a new archive, and then its note.

    It is encrypted if there is a recipient. Raises BackupError and RedisError, for
    example while a restore is not done; no backup is listed then.
    """
    _refuse_half(redis)
    began = time.monotonic()
    made = datetime.now(UTC).replace(microsecond=0)
    if recipient:
        check_recipient(recipient)
    contents = Contents(made=made.isoformat().replace("+00:00", "Z"))
    chunks = compressed(_lines(redis, sites, on_progress), contents)
    if recipient:
        chunks = encrypted(chunks, recipient)
    written = _Written()
    name = archive_name(made, bool(recipient))
    store.put(name, written.through(chunks))
    backup = Backup(
        archive=name,
        made=made,
        bytes=written.bytes,
        sha256=written.hash.hexdigest(),
        sites=len(contents.sites),
        views=contents.all_views,
        data_version=DATA_VERSION,
        encrypted=bool(recipient),
        redis_id=id_of(redis),
    )
    _refuse_half(redis)
    store.put_text(backup.note, backup.model_dump_json())
    return Made(backup, time.monotonic() - began)


def _refuse_half(redis: Redis) -> None:
    """Refuse counts of which a restore has brought back a part only."""
    if redis.exists(RESTORING):
        (name,) = cast(list[bytes | None], redis.hmget(RESTORING, "archive"))
        raise BackupError(
            f"the restore of {(name or b'a backup').decode()} is not done: run "
            "page-tracker restore again, and back up after it"
        )


def _lines(
    redis: Redis, sites: Sites, on_progress: Callable[[int, int], None]
) -> Iterator[Line]:
    yield from read_common(redis)
    found = sites.all()
    for place, site in enumerate(found):

        def on_days(done: int, all_: int, place: int = place) -> None:
            on_progress(place * STEPS + done * STEPS // all_, len(found) * STEPS)

        yield from read_site(redis, site.name, on_days)


class _Written:
    """Counts and hashes the bytes that pass."""

    def __init__(self) -> None:
        self.bytes = 0
        self.hash = hashlib.sha256()

    def through(self, chunks: Iterator[bytes]) -> Iterator[bytes]:
        """Give the same chunks."""
        for chunk in chunks:
            self.bytes += len(chunk)
            self.hash.update(chunk)
            yield chunk
