"""Opens the Redis of another counter: a running one, or a file that a Redis wrote.

A temporary Redis of ours reads such a file (RDB): its format differs between versions.
"""

import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeVar

from redis import Redis
from redis.exceptions import AuthenticationError, RedisError

from page_tracker.importing.models import ImportRefused
from page_tracker.importing.source import Source, open_source
from page_tracker.store.connection import connect
from page_tracker.store.errors import RedisServerError
from page_tracker.store.keeper import Keeper
from page_tracker.store.server import RedisServer, find_program
from page_tracker.store.url import RedisUrl

RDB = (b"REDIS", b"VALKEY")
"""The first bytes of a file that Redis, or Valkey, wrote."""

URLS = (b"redis", b"unix://")

FILE = "other.rdb"
OPTIONS = ("--appendonly", "no", "--dbfilename", FILE, "--databases", "256")

SECONDS = 10
"""Seconds that a Redis has for a connection, and then for each reply."""

MOST_URL = 4096
MOST_LOOKED_AT = 10_000
MOST_NAMED = 5

Found = TypeVar("Found")


def find_in_redis(
    source: str, looked_for: str, find: Callable[[Redis], Found | None]
) -> Found:
    """Return what a function finds in the Redis of a source.

    The source is a URL, a file that a Redis wrote, or a file with a URL. Of a file that
    a Redis wrote, each database is looked into. Raises ImportRefused, which says what
    was looked for and what is there. It has no password.
    """
    with ExitStack() as stack:
        if "://" in source:
            return _find_at(source.strip(), looked_for, find)
        opened = stack.enter_context(open_source(source))
        if opened.start.startswith(RDB):
            url = stack.enter_context(_loaded(opened))
            return _find_in_databases(url, opened.name, looked_for, find)
        if opened.start.lower().startswith(URLS):
            url = opened.start[:MOST_URL].decode(errors="replace").split()[0]
            return _find_at(url, looked_for, find)
        raise ImportRefused(
            f"{opened.name} is neither a file that a Redis wrote (RDB) nor has it the "
            "URL of a Redis: make one with redis-cli --rdb FILE, or use "
            "redis://[[USER]:PASSWORD@]HOST[:PORT][/DATABASE]"
        )


def _find_at(url: str, looked_for: str, find: Callable[[Redis], Found | None]) -> Found:
    try:
        address = RedisUrl.read(url).address
    except ValueError as error:
        raise ImportRefused(f"the URL of the Redis is invalid: {error}") from error
    with explaining(f"the Redis at {address}"), connect(url, SECONDS) as redis:
        found = find(redis)
        if found is None:
            raise _nothing(f"the Redis at {address}", looked_for, redis)
        return found


def _find_in_databases(
    url: str, name: str, looked_for: str, find: Callable[[Redis], Found | None]
) -> Found:
    with explaining(name), connect(url, SECONDS) as first:
        for number in _databases(first):
            with connect(f"{url}?db={number}", SECONDS) as redis:
                if (found := find(redis)) is not None:
                    return found
        raise _nothing(name, looked_for, first)


@contextmanager
def explaining(name: str) -> Iterator[None]:
    """Explain errors of the other Redis. Raises ImportRefused for them."""
    try:
        yield
    except RedisError as error:
        said = " ".join(str(error).split()).removesuffix(".")
        hint = "; check the user and the password in its URL"
        hint = hint if isinstance(error, AuthenticationError) else ""
        raise ImportRefused(f"{name} cannot be read: {said}{hint}") from error


@contextmanager
def _loaded(source: Source) -> Iterator[str]:
    """Load a file into a temporary Redis, and yield its URL. Raises ImportRefused."""
    try:
        program = find_program()
    except RedisServerError as error:
        raise ImportRefused(
            f"{source.name} needs a Redis to read it, and none is on this machine: "
            "install redis-server, or name the URL of the running Redis"
        ) from error
    with TemporaryDirectory(prefix="page-tracker-") as folder:
        with (Path(folder) / FILE).open("wb") as copy, source.explaining():
            shutil.copyfileobj(source.file, copy)
        keeper = Keeper(RedisServer(program, Path(folder), options=OPTIONS))
        try:
            keeper.start()
            yield keeper.url
        except RedisServerError as error:
            # The name of the temporary Redis' log helps nobody.
            reason = str(error).rpartition(" (see ")[0] or str(error)
            raise ImportRefused(f"{source.name} cannot be loaded: {reason}") from error
        finally:
            keeper.stop()


def _databases(redis: Redis) -> list[int]:
    """Return the numbers of the databases that have keys."""
    found = redis.info("keyspace")
    return sorted(int(name.removeprefix("db")) for name in found)


def _nothing(name: str, looked_for: str, redis: Redis) -> ImportRefused:
    return ImportRefused(f"{name} has no {looked_for}. {_contents(redis)}")


def _contents(redis: Redis) -> str:
    """Say in words what keys a Redis has, by the beginnings of their names."""
    said = []
    beginnings: Counter[str] = Counter()
    number = 0
    for key in islice(redis.scan_iter(count=1000), MOST_LOOKED_AT):
        number += 1
        beginning, colon, _ = key.decode(errors="replace").partition(":")
        if colon:
            beginnings[beginning] += 1
    if not number:
        said.append("This database is empty.")
    elif beginnings:
        named = ", ".join(f"{one}:" for one, _ in beginnings.most_common(MOST_NAMED))
        said.append(f"Its keys begin with {named}")
    else:
        said.append("Its keys are those of another program.")
    try:
        databases = _databases(redis)
    except RedisError:  # its user may not ask
        databases = []
    if len(databases) > 1 or (databases and not number):
        numbers = ", ".join(map(str, databases))
        said.append(f"Databases with keys: {numbers}; the URL ends in /NUMBER")
    return " ".join(said)
