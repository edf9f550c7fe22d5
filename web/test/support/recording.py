"""A recorder over a real Redis, and the numbers that it stored."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import cast

from redis import Redis

from page_tracker.store.store import Store
from page_tracker.tracking.keys import REWRITTEN
from page_tracker.tracking.reasons import Reason
from page_tracker.tracking.recorded import Recorded
from page_tracker.tracking.recorder import Malformed, Recorder, Rules, Submission
from page_tracker.tracking.registry import Registry
from page_tracker.tracking.reports import read_numbers
from page_tracker.tracking.sites import Site, make_site
from page_tracker.tracking.view import SentView
from page_tracker.tracking.visitor import Sender
from page_tracker.tracking.wire import Limits
from support import BROWSER
from support.waiting import wait_for_result

SITE = make_site("example.org")

ANYBODY = Sender()
"""An unknown sender: counts as a view, never as a visit."""


class BlockingRecorder:
    """A recorder whose callers wait for each outcome."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder

    def count(
        self, view: SentView, sender: Sender, at: float | None = None
    ) -> Recorded:
        """Count a view, as a recorder does."""
        return wait_for_result(self._recorder.count(view, sender, at))

    def count_all(
        self, views: Iterable[Submission | Malformed]
    ) -> list[Recorded | Exception]:
        """Count views, as a recorder does."""
        return wait_for_result(self._recorder.count_all(views))

    def refuse(self, refused: Mapping[tuple[Reason, str], int]) -> None:
        """Count refused views, as a recorder does."""
        wait_for_result(self._recorder.refuse(refused))


def make_recorder(
    redis: Redis,
    *configured: Site,
    rules: Rules = Rules(),
    limits: Limits = Limits(),
) -> BlockingRecorder:
    """Return a recorder as a separate process has it: only Redis is shared."""
    store = Store(lambda: redis)
    sites = Registry(store, configured or (SITE,))
    return BlockingRecorder(Recorder(store, sites, rules, limits))


def view(page: str = "/", site: str = "example.org", **fields: str) -> SentView:
    """Return a view of a page of the usual site."""
    return SentView(site=site, page=page, **fields)


def person(number: int = 1) -> Sender:
    """Return a person with an address for each number, in a browser."""
    return Sender(f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}", BROWSER)


def numbers(
    redis: Redis, page: str = "", site: str = "example.org", most_pages: int = 10_000
) -> Recorded:
    """Return the numbers of a page and its site, as a badge reads them."""
    found = Registry(Store(lambda: redis)).get(site)
    return read_numbers(redis, found, [page], most_pages)[0]


def keys_in(redis: Redis, pattern: str = "*") -> list[str]:
    """Return the keys that match a pattern."""
    return sorted(key.decode() for key in cast(list[bytes], redis.keys(pattern)))


def today_key(name: str, site: str = "example.org") -> str:
    """Return a key of this day in UTC."""
    return f"pt:{{{site}}}:day:{datetime.now(UTC).date()}:{name}"


@contextmanager
def nothing_stored(redis: Redis) -> Iterator[None]:
    """Check that Redis stores nothing during the block, except refused views."""
    before = stored(redis)
    yield
    assert stored(redis) == before


def stored(redis: Redis) -> dict[str, object]:
    """Return all of Redis but refused views and the day of the last rewrite."""
    return {
        key: redis.dump(key)
        for key in keys_in(redis)
        if not key.startswith(("pt:nowhere:", REWRITTEN))
        and not key.endswith(":filtered")
    }


def sums(redis: Redis, what: str, site: str = "example.org") -> set[int]:
    """Return all sums of a site's `views` or `uniques`: one number if they agree."""
    prefix = f"pt:{{{site}}}:"
    pages, of_day = {
        "views": ("pages", "pages"),
        "uniques": ("pages:uniques", "uniques"),
    }[what]
    found = {
        int(redis.hget(f"{prefix}totals", what) or 0),
        in_sorted_set(redis, f"{prefix}{pages}"),
        sum(
            in_sorted_set(redis, key)
            for key in keys_in(redis, f"{prefix}day:????-??-??:{of_day}")
        ),
    }
    if what == "views":
        found.add(
            sum(
                int(number)
                for key in keys_in(redis, f"{prefix}day:????-??-??:hours")
                for number in redis.hvals(key)
            )
        )
    return found


def refused(redis: Redis) -> int:
    """Return how many views were refused or filtered, of all sites and of none."""
    keys = keys_in(redis, "pt:*:filtered") + keys_in(redis, "pt:nowhere:day:*")
    return sum(sum(table(redis, key).values()) for key in keys)


def in_sorted_set(redis: Redis, key: str) -> int:
    """Return the sum of a sorted set."""
    return sum(sorted_set(redis, key).values())


def table(redis: Redis, key: str) -> dict[str, int]:
    """Return a hash or a sorted set of numbers."""
    if redis.type(key) == b"zset":
        return sorted_set(redis, key)
    found = cast(dict[bytes, bytes], redis.hgetall(key))
    return {name.decode(): int(of) for name, of in found.items()}


def sorted_set(redis: Redis, key: str) -> dict[str, int]:
    """Return the numbers of a sorted set."""
    found = cast(list[tuple[bytes, float]], redis.zrange(key, 0, -1, withscores=True))
    return {name.decode(): int(of) for name, of in found}
