"""Every key in Redis is one of those that keys.py lists, as it says."""

import re
import time
from datetime import UTC, datetime
from typing import cast

from flask.testing import FlaskClient
from redis import Redis

from page_tracker.accounts.setup import new_setup_token
from page_tracker.accounts.tokens import list_tokens
from page_tracker.numbers.summing import sum_months
from page_tracker.operating.forgetting import forget_salts
from page_tracker.store.store import Store
from page_tracker.tracking.keys import DAY, FAMILIES, NAMES, PAGE_VIEWS, Family
from page_tracker.tracking.reasons import Reason
from page_tracker.tracking.recorder import Rules
from page_tracker.tracking.sites import make_site
from page_tracker.tracking.spam import spam_domains
from page_tracker.tracking.visitor import Sender
from page_tracker.tracking.wire import Limits
from support.people import Person, add_people
from support.recording import keys_in, make_recorder, person, view

RETENTION = 90
SITE = make_site("example.org", time_zone="Asia/Tokyo", retention=RETENTION)

UNITS = {"hour": 3600, "hours": 3600, "minutes": 60, "day": DAY, "days": DAY}

OTHERS = (
    *("pt:{s}:adjusted", "pt:{s}:audit", "pt:{s}:rate:M:A"),
    *("pt:backup", "pt:restoring", "pt:restoring:K", "pt:{s}:reading"),
    "pt:rewriting",
    *("pt:users", "pt:tokens", "pt:tokens:used", "pt:changes", "pt:secret"),
    *("pt:setup", "pt:session:ID", "pt:sessions:U", "pt:attempts:{all}:G"),
    *("pt:{s}:sent:KIND:D", "pt:{s}:month:Y:new:N", "pt:{s}:month:Y:summing"),
    *("pt:{s}:summing", "pt:{s}:imports"),
)
"""Families that do not stay after views: by hand, by an older version, by a backup, by
accounts, by an import, or while a month is summed."""

PLACES = {
    "{s}": r"\{example\.org\}",
    ":D": r":\d{4}-\d\d-\d\d",
    ":P": r":(/.*|\(other\))",
    ":E": r":(event .*|\(other\))",
    ":M": r":\d+",
    ":Y": r":\d{4}-\d\d",
    ":N": f":({'|'.join(NAMES)})",
    ":A": r":[0-9a-f]{6}",
    ":U": r":[\w.@+-]+",
    ":G": r":(address|both|name|browser|user):[\d:]+",
    ":ID": r":[A-Za-z0-9_-]{8,64}",
}


def pattern_of(family: Family) -> re.Pattern[str]:
    """Return what the keys of a family look like."""
    pattern = re.sub(
        r"\{s\}|:ID\b|:[DPEMAUGYN]\b", lambda place: PLACES[place[0]], family.pattern
    )
    return re.compile(pattern)


def family_of(key: str) -> Family:
    """Return the only family that a key is of."""
    (family,) = [family for family in FAMILIES if pattern_of(family).fullmatch(key)]
    return family


def type_of(redis: Redis, key: str) -> str:
    """Return the type of a key, a HyperLogLog told from other strings."""
    if redis.type(key) == b"string" and redis.getrange(key, 0, 3) == b"HYLL":
        return "hyperloglog"
    return cast(bytes, redis.type(key)).decode()


def longest_life(family: Family) -> float:
    """Return for how many seconds at most a key of a family stays."""
    if family.keeps.startswith("retention"):
        return (RETENTION + 1) * DAY
    number, unit = family.keeps.removesuffix(", capped").split()
    return int(number) * UNITS[unit]


def count_all_sorts(redis: Redis) -> None:
    """Have views of every sort counted, filtered and refused."""
    recorder = make_recorder(
        redis,
        SITE,
        rules=Rules(spam=spam_domains(["a.spam"])),
        limits=Limits(pages=20, values=3, rate=6),
    )
    forget_salts(Store(lambda: redis), datetime.now(UTC).date())
    now = time.time()
    for n in range(10):
        recorder.count(view(title=f"Title {n}"), person(100))
    for n in range(30):
        seen = view(
            f"/{n}/visitors:/hours?utm_campaign={n}",
            referrer=f"https://{n}.example/a:b",
            title=f"Title {n}",
            id=f"id-of-view-{n}",
        )
        sender = person(n)._replace(language="de", country="DE", is_own=n % 5 == 4)
        recorder.count(seen, sender, None if n % 2 else now - n * DAY)
        recorder.count(view(event=f"event {n}"), sender)
    recorder.count(view(), Sender("2001:db8::1", "Googlebot/2.1"))
    recorder.refuse({(Reason.INVALID, "example.org"): 2, (Reason.INVALID, ""): 1})
    sum_months(redis, SITE, [SITE.today().replace(day=1)])
    recorder.refuse({(Reason.UNKNOWN_SITE, "elsewhere.example"): 1})
    redis.incr(PAGE_VIEWS)


def test_should_leave_only_keys_that_are_listed_with_their_type_and_lifetime(
    redis_client: Redis,
) -> None:
    # When
    count_all_sorts(redis_client)

    # Then
    keys = keys_in(redis_client)
    for key in keys:
        family, left = family_of(key), redis_client.ttl(key)
        assert type_of(redis_client, key) == family.type, key
        if family.keeps.startswith("always"):
            assert left == -1, key
        else:
            assert 0 < left <= longest_life(family), key
    assert {family_of(key).pattern for key in keys} == {
        family.pattern for family in FAMILIES if family.pattern not in OTHERS
    }


def test_should_keep_the_counts_of_a_day_for_the_retention_of_the_site(
    redis_client: Redis,
) -> None:
    # Given
    days = 80
    recorder = make_recorder(redis_client, SITE)

    # When
    recorder.count(view(), person(), time.time() - days * DAY)

    # Then
    (key,) = keys_in(redis_client, "pt:{example.org}:day:*:hours")
    left = redis_client.ttl(key) / DAY
    assert RETENTION - days <= left <= RETENTION - days + 1


def test_should_keep_accounts_under_the_keys_that_are_listed(
    redis_client: Redis, http_client: FlaskClient
) -> None:
    # Given
    someone = Person(http_client)
    new_setup_token(redis_client)
    add_people(redis_client)

    # When
    someone.sign_in("olga", "wrong password")
    someone.sign_in("olga")
    someone.send("/tokens", do="add", name="a", scopes=["read"], **{"for": "all"})
    (token,) = list_tokens(redis_client)
    http_client.get("/api/v1/sites", headers={"Authorization": "Bearer pt_unknown"})

    # Then
    assert token.name == "a"
    for key in keys_in(redis_client):
        family = family_of(key)
        assert type_of(redis_client, key) == family.type
        if not family.keeps.startswith(("always", "the last", "retention")):
            assert 0 < redis_client.ttl(key) <= longest_life(family)
