"""Notes the last backup, and the last failure of one, in Redis: metrics read them."""

import logging
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import chain

import click
from redis import Redis
from redis.exceptions import RedisError

from page_tracker.backup.errors import BackupError
from page_tracker.backup.making import Made
from page_tracker.commands.opening import open_counts
from page_tracker.store.explaining import explain
from page_tracker.tracking.keys import BACKUP

LONGEST_REASON = 500

NOTE = """#!lua flags=allow-oom
redis.call('HDEL', KEYS[1], 'failure', 'reason')
redis.call('HSET', KEYS[1], unpack(ARGV))
"""
"""Notes an outcome: a few bytes, which a full Redis takes too."""

logger = logging.getLogger(__name__)


def note_success(redis: Redis, made: Made) -> None:
    """Note a backup, and forget the last failure.

    A Redis that refuses writes does not spoil a backup: the failure is only logged.
    """
    numbers: dict[str, int | str] = {
        "success": int(time.time()),
        "bytes": made.backup.bytes,
        "seconds": f"{made.seconds:.3f}",
        "sites": made.backup.sites,
        "views": made.backup.views,
    }
    try:
        _note(redis, numbers)
    except RedisError as error:
        logger.error("The backup is not noted in Redis: %s", explain(error))


@contextmanager
def noting_failure() -> Iterator[None]:
    """Note why a backup fails, if Redis takes the note."""
    try:
        yield
    except Exception as error:
        reason = f"unforeseen {type(error).__name__}: the log has more"
        if isinstance(error, BackupError | click.ClickException):
            reason = str(error)[:LONGEST_REASON]
        try:
            with open_counts() as counts:
                _note(counts.redis, {"failure": int(time.time()), "reason": reason})
        except click.ClickException as refusal:
            logger.error("The failure is not noted in Redis: %s", refusal.message)
        raise


def _note(redis: Redis, fields: Mapping[str, int | str]) -> None:
    redis.eval(NOTE, 1, BACKUP, *chain.from_iterable(fields.items()))
