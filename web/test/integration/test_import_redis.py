"""page-tracker import --from busuanzi and vercount: the Redis of another counter."""

import gzip
import re
from collections.abc import Callable
from hashlib import md5
from pathlib import Path
from typing import Any

import pytest
from redis import Redis

from page_tracker.store.connection import connect
from page_tracker.store.server import RedisServer
from page_tracker.store.waiting import wait_for
from page_tracker.tracking.all_visitors import all_visitors
from page_tracker.tracking.keys import SiteKeys
from page_tracker.tracking.sites import Site
from support.fixture_types import Command, Count

pytestmark = pytest.mark.usefixtures("site")

KEYS = SiteKeys("example.org")

SECONDS = 30


def hashed(text: str, is_long: bool = False) -> str:
    """Return the hash of a host or a path as busuanzi writes it."""
    digest = md5(text.encode(), usedforsecurity=False).hexdigest()
    return digest if is_long else digest[8:24]


class Busuanzi:
    """Counts as soxft's server does, into a Redis."""

    def __init__(self, redis: Redis, **settings: str | bool) -> None:
        self._redis = redis
        self._prefix = settings.get("prefix", "bsz")
        self._is_long = bool(settings.get("is_long"))
        self._of_host = bool(settings.get("of_host"))

    def count(self, host: str, path: str, *visitors: str) -> None:
        """Count a view of each visitor."""
        h = hashed(host, self._is_long)
        p = hashed(f"{host}&{path}" if self._of_host else path, self._is_long)
        for visitor in visitors:
            self._redis.incr(f"{self._prefix}:site_pv:{h}")
            self._redis.zincrby(f"{self._prefix}:page_pv:{h}", 1, p)
            self._redis.pfadd(f"{self._prefix}:site_uv:{h}", visitor)
            self._redis.pfadd(f"{self._prefix}:page_uv:{h}:{p}", visitor)


@pytest.fixture
def other(other_redis_server: RedisServer) -> Redis:
    """Give the Redis of the other counter."""
    return connect(other_redis_server.url)


@pytest.fixture
def imported(command: Command, other_redis_server: RedisServer) -> Callable[..., str]:
    """Give a function that imports from the other Redis and returns the output."""

    def run(kind: str, *options: str, source: str = "") -> str:
        url = source or other_redis_server.url
        arguments = ("import", "example.org", "--from", kind, url, *options)
        return re.sub(r"\s+", " ", command(*arguments).output)

    return run


def numbers(redis: Redis) -> dict[str, tuple[int, int]]:
    """Return views and unique views of each page."""
    views: Any = redis.zrange(KEYS.pages, 0, -1, withscores=True)
    unique: Any = redis.zrange(KEYS.uniques, 0, -1, withscores=True)
    uniques = dict(unique)
    return {
        page.decode(): (int(number), int(uniques.get(page, 0)))
        for page, number in views
        if number
    }


def totals(redis: Redis) -> tuple[int, ...]:
    """Return views, unique views and visitors of the site."""
    found = redis.hmget(KEYS.totals, "views", "uniques", "visitors")
    return tuple(int(one or 0) for one in found)


@pytest.mark.parametrize(
    "settings", [{}, {"is_long": True}, {"of_host": True}, {"prefix": "counter"}]
)
# pylint: disable-next=too-many-arguments,too-many-positional-arguments  # fixtures
def test_should_continue_the_numbers_of_busuanzi(
    settings: dict[str, str | bool],
    other: Redis,
    imported: Callable[..., str],
    count: Count,
    command: Command,
    redis_client: Redis,
    site: Site,
    folder: Path,
) -> None:
    # Given
    old = Busuanzi(other, **settings)
    old.count("example.org", "/", "a", "b")
    old.count("example.org", "/post/one", "a", "b")
    old.count("example.org", "/post/one/", "a", "c")
    old.count("www.example.org", "/post/one/index.html", "d")
    old.count("example.org", "/关于/", "a")
    old.count("example.org", "/secret", "a", "e")
    old.count("example.com", "/post/one", "a", "z")
    count("/post/one")
    pages = folder / "pages.txt"
    pages.write_text("# mine\nhttps://example.org/关于/\n", encoding="utf-8")
    prefix = str(settings.get("prefix", ""))
    options = ("--prefix", prefix, "--pages", str(pages))

    # When
    output = imported("busuanzi", *options)
    again = imported("busuanzi", *options)
    count("/post/one", visitor=2)

    # Then
    assert numbers(redis_client) == {
        "/": (2, 2),
        "/post/one": (5 + 2, 4 + 2),
        "/关于": (1, 1),
        "(other)": (2, 2),
    }
    assert totals(redis_client) == (10 + 2, 9 + 2, 5 + 2)
    assert all_visitors(redis_client, site) == 7
    assert "views 10" in output and "2 views are of 1 pages" in output
    assert "Nothing new for example.org" in again
    assert command("verify").exit_code == 0


def test_should_add_what_is_new_when_the_old_counter_still_runs(
    other: Redis, imported: Callable[..., str], command: Command, redis_client: Redis
) -> None:
    # Given
    old = Busuanzi(other)
    old.count("example.org", "/", *"abc")
    imported("busuanzi")
    old.count("example.org", "/", *"cde")

    # When
    output = imported("busuanzi")

    # Then
    assert numbers(redis_client) == {"/": (6, 5)}
    assert totals(redis_client) == (6, 5, 5)
    assert "views 3" in output
    assert command("verify").exit_code == 0


def test_should_move_views_from_other_when_a_page_is_named_later(
    other: Redis,
    imported: Callable[..., str],
    command: Command,
    redis_client: Redis,
    folder: Path,
) -> None:
    # Given
    old = Busuanzi(other)
    old.count("example.org", "/", "a")
    old.count("example.org", "/b", *"ab")
    old.count("example.org", "/c", *"abc")
    imported("busuanzi")
    assert numbers(redis_client) == {"/": (1, 1), "(other)": (5, 5)}
    old.count("example.org", "/b", "c")
    sitemap = folder / "sitemap.xml.gz"
    sitemap.write_bytes(
        gzip.compress(
            b'<?xml version="1.0"?><urlset><url><loc> https://example.org/b </loc>'
            b"</url><url><loc>https://example.com/c</loc></url></urlset>"
        )
    )

    # When
    imported("busuanzi", "--pages", str(sitemap))

    # Then
    assert numbers(redis_client) == {"/": (1, 1), "/b": (3, 3), "(other)": (3, 3)}
    assert totals(redis_client) == (7, 7, 3)
    assert command("verify").exit_code == 0


def test_should_keep_the_numbers_when_the_old_counter_began_anew(
    other: Redis, imported: Callable[..., str], redis_client: Redis
) -> None:
    # Given
    Busuanzi(other).count("example.org", "/", *"abc")
    Busuanzi(other).count("example.org", "/b", *"abc")
    imported("busuanzi")
    other.flushdb()
    Busuanzi(other).count("example.org", "/", "a")

    # When
    imported("busuanzi")

    # Then
    assert numbers(redis_client) == {"/": (3, 3), "(other)": (3, 3)}


@pytest.mark.parametrize("is_packed", [False, True])
def test_should_read_a_file_that_redis_wrote(
    is_packed: bool,
    other: Redis,
    other_redis_server: RedisServer,
    imported: Callable[..., str],
    redis_client: Redis,
) -> None:
    # Given
    with connect(f"{other_redis_server.url}?db=3") as third:
        Busuanzi(third).count("example.org", "/", *"abc")
    other.set("another", "program")
    other.save()
    file = other_redis_server.folder / "dump.rdb"
    if is_packed:
        file.write_bytes(gzip.compress(file.read_bytes()))

    # When
    imported("busuanzi", source=str(file))

    # Then
    assert numbers(redis_client) == {"/": (3, 3)}


def test_should_import_what_vercount_has_of_the_site(
    other: Redis, imported: Callable[..., str], command: Command, redis_client: Redis
) -> None:
    # Given
    other.mset(
        {
            "pv:site:example.org": 40,
            "pv:site:example.net:8443": 5,
            "pv:site:example.com": 7,
            "uv:site:count:example.org": 12,
            "uv:site:count:example.com": 3,
            "pv:page:example.org:/": 20,
            "pv:page:example.org:/post/one": 3,
            "pv:page:example.net:8443:/post/one/": 5,
            "pv:page:example.com:/": 7,
            "pv:page:example.org:/broken": "many",
        }
    )
    other.sadd("pv:page:index:example.org", "/", "/post/one")
    other.zadd("ratelimit:192.0.2.1", {"x": 1})

    # When
    output = imported("vercount")
    other.incr("pv:site:example.org")
    other.incr("pv:page:example.org:/")
    imported("vercount")

    # Then
    assert numbers(redis_client) == {
        "/": (21, 0),
        "/post/one": (8, 0),
        "(other)": (17, 0),
    }
    assert totals(redis_client) == (46, 0, 12)
    assert "17 views are of pages that Vercount has forgotten" in output
    assert command("verify").exit_code == 0
    shown = command("report", "example.org", "--json").output
    assert '"views": 46' in shown


@pytest.mark.parametrize(
    ("kind", "option"),
    [("vercount", "--pages"), ("log", "--prefix"), ("page-tracker", "--pages")],
)
def test_should_refuse_the_options_of_busuanzi_when_the_kind_is_another(
    kind: str, option: str, imported: Callable[..., str]
) -> None:
    # When
    output = imported(kind, option, "x", source="-")

    # Then
    assert output.endswith(f"Error: {option} is for --from busuanzi only ")


@pytest.mark.parametrize("kind", ["busuanzi", "vercount"])
def test_should_say_what_is_there_when_the_database_is_another_one(
    kind: str,
    other: Redis,
    other_redis_server: RedisServer,
    imported: Callable[..., str],
    redis_client: Redis,
) -> None:
    # Given
    other.set("sess:1", "secret")
    with connect(f"{other_redis_server.url}?db=3") as third:
        third.set("a", "b")

    # When
    output = imported(kind)

    # Then
    assert "example.org" in output and "looked for" in output
    assert "Its keys begin with sess:" in output
    assert "Databases with keys: 0, 3" in output
    assert not numbers(redis_client)


def test_should_say_that_keys_have_expired_when_a_file_of_vercount_is_old(
    other: Redis, other_redis_server: RedisServer, imported: Callable[..., str]
) -> None:
    # Given
    other.set("pv:site:example.org", 40, px=200)
    other.save()
    file = other_redis_server.folder / "dump.rdb"
    assert wait_for(lambda: not other.exists("pv:site:example.org"), SECONDS)

    # When
    output = imported("vercount", source=str(file))

    # Then
    assert "This database is empty" in output
    assert "Keys of Vercount expire 90 days after the last view, also in a" in output


@pytest.mark.parametrize(
    "source",
    [
        "redis://:hunter2@127.0.0.1:1/0",
        "redis://me:hunter2@127.0.0.1:1/x",
        "redis://:hunter2@127.0.0.1:1?hunter2=1@",
        "http://:hunter2@127.0.0.1/",
    ],
)
def test_should_not_show_the_password_when_the_other_redis_is_unavailable(
    source: str, imported: Callable[..., str]
) -> None:
    # When
    output = imported("busuanzi", source=source)

    # Then
    assert output.startswith("Error: ")
    assert "hunter2" not in output


def test_should_take_the_url_from_a_file(
    other: Redis,
    other_redis_server: RedisServer,
    imported: Callable[..., str],
    folder: Path,
    redis_client: Redis,
) -> None:
    # Given
    Busuanzi(other).count("example.org", "/", "a")
    (folder / "url").write_text(f"{other_redis_server.url}\n", encoding="utf-8")

    # When
    imported("busuanzi", source=str(folder / "url"))

    # Then
    assert numbers(redis_client) == {"/": (1, 1)}


@pytest.mark.parametrize(
    ("content", "error"),
    [
        (b"REDIS0011 but not really", "cannot be loaded"),
        (b"a,b\n1,2\n", "neither a file that a Redis wrote"),
    ],
)
def test_should_explain_a_file_that_is_none_of_a_redis(
    content: bytes, error: str, imported: Callable[..., str], folder: Path
) -> None:
    # Given
    (folder / "file.rdb").write_bytes(content)

    # When
    output = imported("busuanzi", source=str(folder / "file.rdb"))

    # Then
    assert error in output and "/tmp/page-tracker-" not in output.replace(
        str(folder), ""
    )
