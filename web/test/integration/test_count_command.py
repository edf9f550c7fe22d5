"""page-tracker count, as an owner uses it."""

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from redis import Redis

from page_tracker.tracking.adjustments import AdjustmentError, Adjustments
from page_tracker.tracking.registry import Registry
from page_tracker.tracking.sites import Site
from page_tracker.tracking.wire import Limits
from support.fixture_types import Command, Count
from support.recording import stored

pytestmark = pytest.mark.usefixtures("site")

LARGEST = 10**15


def views_of(command: Command, *what: str) -> int:
    """Return how many views a site, or a page of it, has."""
    output = command("count", "show", "example.org", *what, "--json").output
    return int(json.loads(output)["views"])


@pytest.mark.parametrize(
    ("what", "said"),
    [([], "example.org: 4 views, 3 unique; today 3 views, 2 unique\n")]
    + [
        ([page], "/about on example.org: 3 views, 2 unique; today 2 views, 1 unique\n")
        for page in (
            "/about",
            "/about/",
            "https://example.org/about/index.html?utm_id=1",
            "HTTPS://www.EXAMPLE.org:8443/about#top",
            "https://example.net/about",  # an alias
            "https://www.example.net/about",
        )
    ],
)
def test_should_show_a_site_or_a_page_in_any_spelling(
    command: Command, count: Count, what: list[str], said: str
) -> None:
    # Given
    count("/about")
    count("/about")
    count("/about", days_ago=3, visitor=2)
    count("/b", visitor=2)

    # When
    result = command("count", "show", "www.example.org", *what)

    # Then
    assert result.output == said


def test_should_carry_over_an_old_count(command: Command, count: Count) -> None:
    # Given
    count("/a")

    # When
    result = command("count", "set", "example.org", "/a/", "12000")
    count("/a")

    # Then
    assert result.output == "/a on example.org: 12,000 views (+11,999, from 1)\n"
    assert views_of(command, "/a") == views_of(command) == 12_001
    assert command("verify").exit_code == 0


@pytest.mark.parametrize(
    ("arguments", "views"),
    [(["5"], 8), (["-2"], 1), (["--", "-2"], 1), (["-3"], 0), (["0"], 3)],
)
def test_should_add_and_subtract(
    command: Command, count: Count, arguments: list[str], views: int
) -> None:
    # Given
    for _ in range(3):
        count("/a")

    # When
    result = command("count", "add", "example.org", "/a", *arguments)

    # Then
    assert result.exit_code == 0
    assert views_of(command, "/a") == views_of(command) == views
    assert command("verify").exit_code == 0


def test_should_delete_a_page_that_is_reset(
    command: Command, count: Count, redis_client: Redis, site: Site
) -> None:
    # Given
    count("/a", title="A")
    count("/a", visitor=2)
    count("/b")

    # When
    command("count", "set", "example.org", "/a", "0")

    # Then
    assert command("count", "show", "example.org", "/a").output.startswith(
        "/a on example.org: 0 views, 0 unique;"
    )
    assert redis_client.zscore(site.keys.pages, "/a") is None
    assert redis_client.hget(site.keys.titles, "/a") is None
    shown = json.loads(command("count", "show", "example.org", "--json").output)
    assert (shown["views"], shown["visits"]) == (1, 1)
    assert command("verify").exit_code == 0

    # When
    count("/a")

    # Then
    assert views_of(command, "/a") == 1
    assert command("verify").exit_code == 0


def test_should_leave_no_more_unique_views_than_views(
    command: Command, count: Count
) -> None:
    # Given
    for visitor in range(5):
        count("/a", visitor=visitor)

    # When
    command("count", "set", "example.org", "/a", "2")

    # Then
    shown = json.loads(command("count", "show", "example.org", "/a", "--json").output)
    assert (shown["views"], shown["visits"]) == (2, 2)
    assert command("verify").exit_code == 0


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (["add", "example.org", "/a", "-2"], "/a has 1 view: cannot subtract 2"),
        (["add", "example.org", "/b", "-1"], "/b has 0 views: cannot subtract 1"),
        (["set", "example.org", "/b", str(LARGEST)], "can have at most 1,000"),
        (["add", "example.org", "/a", str(LARGEST)], "can have at most 1,000"),
        (["set", "example.org", "", "1"], "page: is required"),
        (["set", "example.com", "/a", "1"], "example.com is not registered"),
        (
            ["set", "example.org", "https://example.com/a", "1"],
            "'https://example.com/a' is not on example.org: its host is example.com",
        ),
    ],
)
def test_should_change_nothing_when_the_new_count_is_impossible(
    command: Command, count: Count, change: list[str], complaint: str
) -> None:
    # Given
    count("/a")

    # When
    result = command("count", *change)

    # Then
    assert result.exit_code == 1
    (line,) = result.output.splitlines()
    assert line.startswith("Error: ") and complaint in line
    assert views_of(command, "/a") == views_of(command) == 1
    assert command("count", "log", "example.org").output == (
        "No count of example.org was changed by hand.\n"
    )


@pytest.mark.parametrize("n", ["-1", "1.5", "1e3", "many", "", str(LARGEST + 1)])
def test_should_explain_when_a_number_is_invalid(command: Command, n: str) -> None:
    # When
    result = command("count", "set", "example.org", "/a", n)

    # Then
    assert result.exit_code == 2
    assert "Error: Invalid value for 'N': " in result.output
    assert views_of(command) == 0


def test_should_keep_the_largest_count_exactly(command: Command, count: Count) -> None:
    # When
    command("count", "set", "example.org", "/a", str(LARGEST))
    count("/a")

    # Then
    assert views_of(command, "/a") == views_of(command) == LARGEST + 1
    assert command("verify").exit_code == 0


def test_should_add_no_page_when_the_cap_is_reached(
    command: Command, make_count: Callable[..., Count]
) -> None:
    # Given
    count = make_count(Limits(pages=3, rate=0))
    for page in range(5):
        count(f"/{page}")

    # When
    new = command("count", "set", "example.org", "/9", "7", PAGE_TRACKER_MAX_PAGES="3")
    old = command("count", "set", "example.org", "/2", "7", PAGE_TRACKER_MAX_PAGES="3")
    other = command("count", "set", "example.org", "(other)", "1")
    command("count", "set", "example.org", "/1", "0")
    freed = command(
        "count", "set", "example.org", "/9", "1", PAGE_TRACKER_MAX_PAGES="3"
    )

    # Then
    assert new.exit_code == 1
    assert freed.output == "/9 on example.org: 1 view (+1, from 0)\n"
    assert "as many pages as PAGE_TRACKER_MAX_PAGES allows: 3\n" in new.output
    assert old.exit_code == other.exit_code == 0
    assert other.output == "(other) on example.org: 1 view (-1, from 2)\n"
    assert views_of(command) == 1 + 1 + 7 + 1
    assert command("verify").exit_code == 0


def test_should_list_changes_newest_first(command: Command) -> None:
    # Given
    began = datetime.now(UTC).replace(microsecond=0)
    page = '/"quoted"/100%25/文'
    command("count", "set", "example.org", page, "5")
    command("count", "add", "example.org", page, "-2")
    command("count", "set", "example.org", page, "3")  # as it is: no change

    # When
    changes = json.loads(command("count", "log", "example.org", "--json").output)
    table = command("count", "log", "example.org").output.splitlines()

    # Then
    shown = json.loads(command("count", "show", "example.org", page, "--json").output)
    assert [
        (change["page"], change["from"], change["to"], change["amount"])
        for change in changes
    ] == [(shown["page"], 5, 3, -2), (shown["page"], 0, 5, 5)]
    for change in changes:
        assert change["time"].endswith("Z")
        assert began <= datetime.fromisoformat(change["time"]) <= datetime.now(UTC)
    assert table[1].split()[2:5] == ["5", "3", "-2"]


def test_should_remember_a_thousand_changes(
    command: Command, redis_client: Redis, site: Site
) -> None:
    # Given
    redis_client.rpush(
        site.keys.audit,
        *(
            json.dumps(
                {"time": "2026-01-01T00:00:00Z", "page": "/", "from": n, "to": n + 1}
            )
            for n in range(1_000)
        ),
    )

    # When
    command("count", "set", "example.org", "/a", "1")

    # Then
    changes = json.loads(command("count", "log", "example.org", "--json").output)
    assert len(changes) == redis_client.llen(site.keys.audit) == 1_000
    assert changes[0]["page"] == "/a"


@pytest.mark.parametrize("views", [LARGEST + 1, -LARGEST - 1, 10**30])
def test_should_refuse_a_number_that_redis_would_round(
    redis_client: Redis, site: Site, views: int
) -> None:
    # Given
    adjustments = Adjustments(redis_client, site, most_pages=10)

    # Then
    with pytest.raises(AdjustmentError, match="use at most 1,000,000,000,000,000"):
        adjustments.add("/a", views)


def test_should_change_nothing_when_the_site_was_removed(
    redis_client: Redis, site: Site, sites: Registry
) -> None:
    # Given
    sites.remove(site, lambda done, all_keys: None)

    # Then
    with pytest.raises(AdjustmentError, match="example.org was removed"):
        Adjustments(redis_client, site, most_pages=10).set("/a", 1)
    assert not redis_client.keys("pt:{*")


def test_should_print_times_and_numbers_of_changes_whole(command: Command) -> None:
    # Given
    page = f"/a-path/{'of-an-article-' * 8}"
    command("count", "add", "example.org", page, "12000")

    # When
    lines = command("count", "log", "example.org").output.splitlines()

    # Then
    assert re.match(
        r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d +0  12,000  \+12,000  /a", lines[1]
    )
    assert "".join(line[44:].strip() for line in lines[1:]) == page


@pytest.mark.parametrize("number", ["1e300", "9" * 30, "abc", "1.5"])
@pytest.mark.parametrize("field", ["edits", "uniques", "views"])
def test_should_change_nothing_when_a_number_is_broken_in_redis(
    command: Command, redis_client: Redis, site: Site, field: str, number: str
) -> None:
    # Given
    command("count", "set", "example.org", "/", "7")
    redis_client.hset(site.keys.totals, field, number)
    before = stored(redis_client)

    # When
    refused = command("count", "set", "example.org", "/", "9")

    # Then
    assert refused.exit_code == 1
    assert "or of example.org is broken in Redis: restore a backup" in refused.output
    assert stored(redis_client) == before
