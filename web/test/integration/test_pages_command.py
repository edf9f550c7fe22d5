"""page-tracker pages: pages are listed, merged, forgotten and blocked."""

import json
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from unittest.mock import patch

import pytest
from redis import Redis

from page_tracker.tracking import moving_pages
from page_tracker.tracking.days import Span, span_of
from page_tracker.tracking.moving_pages import move_page
from page_tracker.tracking.sites import LONGEST_RETENTION, Site
from support.fixture_types import Command, Count
from support.recording import keys_in, sorted_set, table, today_key

pytestmark = pytest.mark.usefixtures("site")

DAY = re.compile(r"\d{4}-\d\d-\d\d")


def texts_in(redis: Redis) -> str:
    """Return the names of all keys, and all texts in them."""
    texts: list[object] = []
    for key in keys_in(redis, "pt:*"):
        texts.append(key)
        kind = redis.type(key)
        if kind == b"hash":
            texts.append(redis.hgetall(key))
        elif kind == b"list":
            texts.append(redis.lrange(key, 0, -1))
        elif kind == b"zset":
            texts.append(redis.zrange(key, 0, -1))
    return str(texts)


def views_of(command: Command, *what: str) -> int:
    """Return how many views a site, or a page of it, has."""
    output = command("count", "show", "example.org", *what, "--json").output
    return int(json.loads(output)["views"])


def pages_of(command: Command, *patterns: str) -> list[tuple[object, ...]]:
    """Return page, title, views and unique views of the pages of a site."""
    output = command("pages", "list", "example.org", *patterns, "--json").output
    return [tuple(page.values()) for page in json.loads(output)]


def test_should_leave_no_name_and_all_sums_when_a_page_is_forgotten(
    command: Command, count: Count, redis_client: Redis
) -> None:
    # Given
    for days_ago in (0, 0, 1, 40):
        count('/users/jane "doe"', days_ago=days_ago, title="Jane")
        count("/about", days_ago=days_ago, visitor=2)
    command("count", "set", "example.org", '/users/jane "doe"', "12")
    command("count", "add", "example.org", "/about", "3")
    assert "jane" in texts_in(redis_client)

    # When
    page = 'https://example.org/users/jane "doe"/?utm_source=a'
    result = command("pages", "forget", "example.org", page, "--yes")

    # Then
    assert result.output.endswith(
        "\nForgot 1 page of example.org. 12 views are now in (other).\n"
    )
    assert "jane" not in texts_in(redis_client).lower()
    assert views_of(command) == 19
    assert views_of(command, "/about") == 7
    assert views_of(command, "(other)") == 12
    assert sorted_set(redis_client, today_key("pages")) == {"/about": 2, "(other)": 2}
    log = json.loads(command("count", "log", "example.org", "--json").output)
    assert [change["page"] for change in log] == ["/about", "(other)"]
    assert table(redis_client, "pt:{example.org}:adjusted") == {
        "/about": 3,
        "(other)": 8,
    }
    verified = command("verify")
    assert verified.exit_code == 0, verified.output


def test_should_forget_a_page_when_only_its_days_know_it(
    command: Command, count: Count, redis_client: Redis
) -> None:
    # Given
    count("/jane")
    command("count", "set", "example.org", "/jane", "0")

    # When
    result = command("pages", "forget", "example.org", "/jane", "--yes")

    # Then
    assert "\nForgot 1 page of example.org." in result.output
    assert "jane" not in texts_in(redis_client)
    assert command("verify").exit_code == 0


def test_should_show_the_pages_and_ask_when_a_pattern_matches_many(
    command: Command, count: Count, redis_client: Redis
) -> None:
    # Given
    for number in range(7):
        for _ in range(number + 1):
            count(f"/users/{number}?a=[1]")
    count("/users")
    arguments = ("pages", "forget", "example.org", "/users/*?a=[1]*")

    # When
    refused = command(*arguments, answer="n\n")
    before = texts_in(redis_client)
    done = command(*arguments, answer="y\n")

    # Then
    assert refused.exit_code == 1
    assert "/users/0?a=[1]" in before
    assert re.search(r"/users/6\?a=\[1\] +7\n", done.output)
    assert "/users/1" not in done.output
    assert "and 2 more" in done.output
    assert "Forget these 7 pages?" in done.output
    assert done.output.endswith("28 views are now in (other).\n")
    assert "/users/" not in texts_in(redis_client)
    assert views_of(command, "/users") == 1
    assert command("verify").exit_code == 0


@pytest.mark.parametrize("page", ["/nobody", "/a.out", "/x*"])
def test_should_fail_when_no_page_has_the_name(
    command: Command, count: Count, page: str
) -> None:
    # Given
    count("/about")

    # When
    result = command("pages", "forget", "example.org", page)

    # Then
    error = f"Error: no page of example.org is named {page}\n"
    assert (result.exit_code, result.output) == (1, error)


def test_should_forget_one_page_when_its_name_has_a_star(
    command: Command, count: Count
) -> None:
    # Given
    count("/x*y")
    count("/xzy")

    # When
    result = command("pages", "forget", "example.org", "/x*y", "--exact", "--yes")

    # Then
    assert result.output.endswith(
        "Forgot 1 page of example.org. 1 view is now in (other).\n"
    )
    assert views_of(command, "/xzy") == 1


def test_should_refuse_the_name_that_stands_for_others(command: Command) -> None:
    # When
    result = command("pages", "forget", "example.org", "(other)", "--yes")

    # Then
    assert result.exit_code == 2
    assert "(other) is not a page" in result.output


@pytest.mark.parametrize("pattern", ["/*?utm_source=*", "/*/index.html", "/*/"])
def test_should_forget_no_other_page_when_a_part_of_a_pattern_is_never_kept(
    command: Command, count: Count, pattern: str
) -> None:
    # Given
    count("/about?utm_source=a")

    # When
    result = command("pages", "forget", "example.org", pattern, "--yes")

    # Then
    assert result.exit_code == 1
    assert views_of(command, "/about") == 1


def test_should_list_all_pages_that_match(command: Command, count: Count) -> None:
    # Given
    for number in range(1_200):
        count(f"/blog/{number}")
    for _ in range(2):
        count("/blog/7", title="Seven", visitor=2)
    count("/about", title="About us")
    count(500 * "/a")

    # When
    lines = command("pages", "list", "example.org", "/blog/*").output.splitlines()
    document = json.loads(
        command("pages", "list", "example.org", "/a*", "*g/7", "--json").output
    )
    everything = command("pages", "list", "example.org").output.splitlines()

    # Then
    assert lines[0].split() == ["page", "title", "views", "unique"]
    assert lines[1].split() == ["/blog/7", "Seven", "3", "2"]
    assert len(lines) == 1 + 1_200 + 2
    assert lines[-1] == "1,200 pages of example.org: 1,202 views, 1,201 unique"
    assert document == [
        {"page": "/blog/7", "title": "Seven", "views": 3, "uniques": 2},
        {"page": "/about", "title": "About us", "views": 1, "uniques": 1},
    ]
    assert any(line.startswith("(other) ") for line in everything)
    assert everything[-1] == "1,201 pages of example.org: 1,204 views, 1,203 unique"


def test_should_say_so_when_no_page_is_listed(command: Command) -> None:
    assert command("pages", "list", "example.org", "/a*").output == (
        "0 pages of example.org: 0 views, 0 unique\n"
    )


def test_should_keep_all_numbers_when_pages_are_merged(
    command: Command, count: Count, redis_client: Redis, site: Site
) -> None:
    # Given
    for days_ago in (0, 1, 40):
        for visitor in (1, 2):
            count("/old", days_ago=days_ago, visitor=visitor, title="Old")
        count("/old?a=1", days_ago=days_ago, visitor=2)
    count("/new", visitor=3)
    count("/about")
    command("count", "set", "example.org", "/old", "100")
    command("count", "add", "example.org", "/new", "5")
    arguments = ("pages", "merge", "example.org", "/old", "/old?*", "/new/")

    # When
    refused = command(*arguments, answer="n\n")
    result = command(*arguments, answer="y\n")

    # Then
    assert refused.exit_code == 1
    assert "Merge these 2 pages into /new? [y/N]" in refused.output
    assert result.output.endswith(
        "\nMerged 2 pages of example.org into /new, which has 103 views more.\n"
    )
    assert "/old" not in texts_in(redis_client)
    assert pages_of(command, "/new*") == [("/new", "Old", 109, 10)]
    assert table(redis_client, site.keys.adjusted) == {"/new": 99}
    day = site.keys.day(site.today())
    assert redis_client.pfcount(f"{day.visitors}:/new") == 3
    assert 0 < redis_client.ttl(f"{day.visitors}:/new") <= 48 * 3600
    assert sorted_set(redis_client, day.pages) == {"/about": 1, "/new": 4}
    log = json.loads(command("count", "log", "example.org", "--json").output)
    assert [change["page"] for change in log] == ["/new", "/new"]
    verified = command("verify")
    assert verified.exit_code == 0, verified.output


def test_should_merge_into_a_page_that_has_no_views_yet(
    command: Command, count: Count, redis_client: Redis, site: Site
) -> None:
    # Given
    count("/a", title="A")

    # When
    command("pages", "merge", "example.org", "*", "/b", "--yes")
    count("/b")

    # Then
    assert pages_of(command) == [("/b", "A", 2, 1)]
    key = f"{site.keys.day(site.today()).visitors}:/b"
    assert 0 < redis_client.ttl(key) <= 48 * 3600
    assert command("verify").exit_code == 0


@pytest.mark.parametrize(
    ("arguments", "status", "complaint"),
    [
        (["/a", "/b*"], 2, "INTO must be one page, but '/b*' has a *"),
        (["/a", "(other)"], 2, "page-tracker pages forget"),
        (["(other)", "/b"], 2, "(other) is not a page"),
        (["/a", "https://example.com/"], 1, "is not on example.org"),
        (["https://example.com/*", "/b"], 1, "is not on example.org"),
        (["/a", 500 * "/b"], 1, "INTO is too long: use at most 500 bytes"),
        (["/b*", "/b"], 1, "no page of example.org besides /b is named /b*"),
        (["/c", "/d", "/b"], 1, "no page of example.org besides /b is named /c, /d"),
        (["/b"], 2, "Missing argument"),
    ],
)
def test_should_say_why_when_pages_cannot_be_merged(
    command: Command, count: Count, arguments: list[str], status: int, complaint: str
) -> None:
    # Given
    count("/a")
    count("/b")

    # When
    result = command("pages", "merge", "example.org", *arguments, "--yes")

    # Then
    assert result.exit_code == status
    assert complaint in result.output
    assert len(pages_of(command)) == 2


def test_should_not_count_views_of_blocked_pages(
    command: Command, make_count: Callable[..., Count]
) -> None:
    # Given
    make_count()("/shop?session=1")

    # When
    blocked = command("pages", "block", "example.org", "*session=*", "/wp admin/*")
    for page in ("/shop?session=2&a=1", "/wp admin/login", "/shop"):
        make_count()(page)
    listed = command("sites", "list").output
    document = json.loads(command("report", "example.org", "--json").output)
    unblocked = command("pages", "unblock", "example.org", "/wp admin/*")
    make_count()("/wp admin/login")

    # Then
    assert blocked.output == (
        "Views of *session=*, /wp%20admin/* on example.org no longer count.\n"
    )
    for text in ("blocked pages", "*session=*", "/wp%20admin/*"):
        assert text in listed
    assert [(row["reason"], row["views"]) for row in document["filtered"]] == [
        ("blocked page", 2)
    ]
    assert unblocked.output == "Views of /wp%20admin/* on example.org count again.\n"
    assert [page for page, *_ in pages_of(command)] == [
        "/shop",
        "/shop?session=1",
        "/wp%20admin/login",
    ]
    shown = json.loads(command("sites", "show", "example.org", "--json").output)
    assert shown["blocked"] == ["*session=*"]


@pytest.mark.parametrize(
    ("arguments", "status", "complaint"),
    [
        (["block", "(other)"], 2, "(other) is not a page"),
        (["block", "https://example.com/*"], 1, "is not on example.org"),
        (["block", ""], 1, "page: is required"),
        (["block"], 2, "Missing argument"),
        (["unblock", "/a"], 1, "/a is not blocked on example.org; nothing is"),
    ],
)
def test_should_say_why_when_pages_cannot_be_blocked(
    command: Command, arguments: list[str], status: int, complaint: str
) -> None:
    # When
    name, *patterns = arguments
    result = command("pages", name, "example.org", *patterns)

    # Then
    assert result.exit_code == status
    assert complaint in result.output


def test_should_keep_all_sums_when_it_is_interrupted_and_runs_again(
    command: Command, count: Count, redis_client: Redis
) -> None:
    # Given
    for number in range(5):
        count(f"/users/{number}", days_ago=number)
    calls = 0

    def interrupted(*arguments: Any) -> int | None:
        nonlocal calls
        calls += 1
        if calls > 2:
            raise KeyboardInterrupt
        return move_page(*arguments)

    arguments = ("pages", "forget", "example.org", "/users/*", "--yes")
    with patch("page_tracker.commands.pages.move_page", interrupted):
        stopped = command(*arguments)
    between = command("verify")

    # When
    result = command(*arguments)

    # Then
    assert stopped.exit_code == 1
    assert between.exit_code == 0, between.output
    assert "\nForgot 3 pages of example.org." in result.output
    assert "/users" not in texts_in(redis_client)
    assert command("verify").exit_code == 0


def test_should_forget_a_page_in_what_an_older_server_counts(
    command: Command, count: Count, redis_client: Redis, site: Site
) -> None:
    # Given
    count("/jane")
    day = site.keys.day(site.today())
    older = {
        f"{site.keys.prefix}pages:visits": site.keys.uniques,
        day.uniques.replace("uniques", "visits"): day.uniques,
    }
    for key, newer in older.items():
        redis_client.rename(newer, key)

    # When
    move_page(redis_client, site, "/jane")

    # Then
    assert "jane" not in texts_in(redis_client)
    for key in older:
        assert sorted_set(redis_client, key) == {"(other)": 1}
    redis_client.hset(site.keys.totals, mapping={"visits": 1, "uniques": 0})
    day_visits = day.hours_uniques.replace("uniques", "visits")
    redis_client.rename(day.hours_uniques, day_visits)
    assert command("verify").exit_code == 0


def test_should_forget_a_page_when_a_view_changes_the_first_day_meanwhile(
    command: Command,
    count: Count,
    redis_client: Redis,
    site: Site,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Given
    count("/jane", days_ago=3)

    def span_before_a_view(redis: Redis, of_site: Site) -> Span:
        span = span_of(redis, of_site)
        if len(span.days) == 5:
            count("/jane", days_ago=40)
        return span

    monkeypatch.setattr(moving_pages, "span_of", span_before_a_view)

    # When
    views = move_page(redis_client, site, "/jane")

    # Then
    assert views == 2
    assert "jane" not in texts_in(redis_client)
    assert command("verify").exit_code == 0


def test_should_ask_redis_for_few_days_when_a_site_that_keeps_many_is_new(
    redis_client: Redis, site: Site, count: Count
) -> None:
    # Given
    count("/jane", days_ago=2)
    patient = site.model_copy(update={"retention": LONGEST_RETENTION})

    # When
    with patch.object(redis_client, "eval", wraps=redis_client.eval) as asked:
        views = move_page(redis_client, patient, "/jane")

    # Then
    assert views == 1
    first = asked.call_args_list[0].args
    days = [text for text in first if DAY.fullmatch(str(text))]
    assert len(set(days)) == 5  # with the oldest that the site may keep


def test_should_keep_all_sums_when_views_arrive_meanwhile(
    command: Command, count: Count
) -> None:
    # Given
    for number in range(20):
        count(f"/users/{number}", days_ago=number % 3)

    def visit(number: int) -> None:
        count(f"/users/{number % 20}", days_ago=number % 5, visitor=number)

    # When
    with ThreadPoolExecutor(4) as visitors:
        visits = [visitors.submit(visit, number) for number in range(200)]
        result = command("pages", "forget", "example.org", "/users/*", "--yes")
    for one in visits:
        one.result()

    # Then
    assert result.exit_code == 0
    assert views_of(command) == 220
    verified = command("verify")
    assert verified.exit_code == 0, verified.output
