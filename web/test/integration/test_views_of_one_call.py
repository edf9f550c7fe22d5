"""Views that share a call of the script count as if they had come one by one."""

from datetime import date
from random import Random
from typing import Any, TypeVar

import pytest
from redis import Redis
from redis.exceptions import ResponseError

from page_tracker.tracking.keys import LONGEST
from page_tracker.tracking.reasons import Reason
from page_tracker.tracking.recorded import Recorded
from page_tracker.tracking.sites import Moment, Site, make_site
from page_tracker.tracking.view import View
from page_tracker.tracking.visitor import Salts, Sender, Standing
from page_tracker.tracking.wire import Attempt, Limits, record
from support import BROWSER
from support.recording import keys_in

Value = TypeVar("Value")

SITE = make_site("example.org")
SITES = (SITE, make_site("example.net", retention=10), make_site("removed.example"))
NOW = 4_000_000_000 // 60
TODAY = date(2096, 10, 2)
YESTERDAY = date(2096, 10, 1)

PERSON = Sender("192.0.2.1", BROWSER)
ADDRESSES = ("", "192.0.2.1", "192.0.2.2", "2001:db8::1", "2001:db8:0:1::1")
PAGES = ("/", "/a", "/b", "/c", "/d", "/" + LONGEST * "a")


class Invented:
    """Invents views that share few pages, ids, titles and senders."""

    def __init__(self, seed: int) -> None:
        self._random = Random(seed)

    def limits(self) -> Limits:
        """Invent limits, some of which the views reach."""
        return Limits(
            pages=self._one_of(3, 6, 100),
            values=self._one_of(2, 100),
            rate=self._one_of(0, 5, 100),
            site_rate=self._one_of(0, 25, 1000),
        )

    def group(self) -> list[Attempt]:
        """Invent views of one call, or of many."""
        number = self._one_of(1, 5, 60)
        if self._is(0.7):
            moment = Moment(TODAY, 7)
            return [self._attempt(SITE, moment, NOW) for _ in range(number)]
        return [
            self._attempt(
                self._one_of(SITE, SITE, *SITES),
                Moment(self._one_of(TODAY, YESTERDAY), self._one_of(7, 8)),
                self._one_of(NOW, NOW + 1),
                is_shared=self._is(0.3),
                is_vouched_for=self._is(0.3),
            )
            for _ in range(number)
        ]

    def _attempt(
        self, site: Site, moment: Moment, minute: int, **sender: Any
    ) -> Attempt:
        seen = View(
            site.name,
            self._one_of(*PAGES),
            self._one_of("", "a.example", "b.example", "c.example"),
            self._one_of("", "spring"),
            self._one_of("", "A", "B"),
            self._one_of(*6 * [""], "signup", "order"),
            self._one_of(*4 * [""], "id-1", "id-2", "id-3"),
        )
        by = Sender(
            self._one_of(*ADDRESSES),
            self._one_of(None, BROWSER, "Mozilla/5.0 (X11) Gecko Firefox/1"),
            self._one_of("", "de"),
            self._one_of("", "AT"),
            wants_privacy=self._is(0.2),
            **sender,
        )
        reason = self._one_of(*6 * [None], Reason.BOT, Reason.OWN)
        standing = Standing(self._is(0.8), self._is(0.5), self._is(0.5))
        return Attempt(site, seen, by, moment, minute, reason, standing)

    def _one_of(self, *values: Value) -> Value:
        return self._random.choice(values)

    def _is(self, often: float) -> bool:
        return self._random.random() < often


@pytest.mark.parametrize("seed", range(20))
def test_should_count_and_answer_as_one_by_one_when_views_share_a_call(
    redis_client: Redis, seed: int
) -> None:
    # Given
    invented, salts = Invented(seed), Salts()
    groups, limits = [invented.group() for _ in range(4)], invented.limits()
    start(redis_client)
    alone = [
        answer
        for group in groups
        for attempt in group
        for answer in record(redis_client, [attempt], salts, limits)
    ]
    stored_alone = stored(redis_client)

    # When
    start(redis_client)
    together = [
        answer
        for group in groups
        for answer in record(redis_client, group, salts, limits)
    ]

    # Then
    assert list(map(comparable, together)) == list(map(comparable, alone))
    assert stored(redis_client) == stored_alone


def test_should_fail_one_view_only_when_redis_has_another_type_for_its_page(
    redis_client: Redis,
) -> None:
    # Given
    start(redis_client)
    redis_client.lpush(f"{SITE.keys.prefix}day:{TODAY}:visitors:/b", "of another type")
    attempts = [
        Attempt(SITE, View("", page), PERSON, Moment(TODAY, 7), NOW, None)
        for page in ("/a", "/b", "/a")
    ]

    # When
    first, broken, second = record(redis_client, attempts, Salts(), Limits())

    # Then
    assert isinstance(broken, ResponseError)
    assert isinstance(first, Recorded) and isinstance(second, Recorded)
    assert (first.page.views, second.page.views) == (1, 2)
    assert redis_client.zscore(SITE.keys.pages, "/a") == 2


def start(redis: Redis) -> None:
    """Register two of the sites in an empty Redis."""
    for key in keys_in(redis):
        redis.delete(key)
    for site in SITES[:2]:
        redis.hset(site.keys.totals, "since", str(TODAY))


def comparable(answer: Recorded | Exception) -> object:
    """Return an answer, or what an error says."""
    return repr(answer) if isinstance(answer, Exception) else answer


def stored(redis: Redis) -> dict[str, object]:
    """Return the values of all keys, and when they expire."""
    found: dict[str, object] = {}
    for key in keys_in(redis):
        value: object
        match redis.type(key):
            case b"hash":
                value = redis.hgetall(key)
            case b"zset":
                value = redis.zrange(key, 0, -1, withscores=True)
            case b"list":
                value = redis.lrange(key, 0, -1)
            case _ if ":visitors" in key or ":event:" in key:
                redis.pfcount(key)  # writes the estimate into the value
                value = redis.get(key)
            case _:
                value = redis.get(key)
        # A rate lives for two minutes from its first view.
        expires = 0 if ":rate:" in key else redis.expiretime(key)
        found[key] = (value, expires)
    return found
