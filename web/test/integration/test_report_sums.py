"""Whatever is counted, each table of the report adds up to the views."""

import json
import re
from collections.abc import Callable
from typing import Any

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from redis import Redis

from page_tracker.tracking.wire import Limits
from support import BROWSER
from support.fixture_types import Command, Count

WHOLE = ("pages", "sources", "browsers", "systems", "devices", "languages")
"""Tables that have every view."""

AGENTS = (
    BROWSER,
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 "
    "(KHTML, like Gecko) Version/26.0 Mobile/15E148 Safari/604.1",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like "
    "Gecko) Version/26.0 Safari/605.1.15",
    "Mozilla/5.0 (unheard of) AppleWebKit/537.36 (KHTML, like Gecko) Unheard/1.0",
)
REFERRERS = (
    "",
    "https://example.org/a",
    "https://www.example.net/",
    "https://a.example/",
    "https://b.example/x?y",
    "android-app://com.example",
    "(direct)",
)
VIEWS = st.lists(
    st.fixed_dictionaries(
        {
            "page": st.sampled_from([f"/{n}?utm_campaign=c{n % 3}" for n in range(8)]),
            "visitor": st.integers(1, 4),
            "days_ago": st.sampled_from([0, 0, 1, 3]),
            "referrer": st.sampled_from(REFERRERS),
            "language": st.sampled_from(["", "de", "en", "xx"]),
            "user_agent": st.sampled_from(AGENTS),
            "country": st.sampled_from(["", "", "AT", "CH", "DE", "FR", "JP"]),
        }
    ),
    min_size=1,
    max_size=25,
)


@settings(
    max_examples=25,
    phases=(Phase.explicit, Phase.generate),  # each example takes a while
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    deadline=None,
)
@given(counted=st.tuples(VIEWS, st.integers(1, 5)))
def test_should_add_up_to_the_views(
    command: Command,
    redis_client: Redis,
    make_count: Callable[..., Count],
    counted: tuple[list[dict[str, Any]], int],
) -> None:
    # Given
    views, top = counted
    redis_client.flushdb()
    count = make_count(Limits(pages=5, values=3, rate=0))
    for view in views:
        count(**view)

    # When
    cut, whole = (
        json.loads(command("report", "example.org", "--top", str(n), "--json").output)
        for n in (top, 1000)
    )

    # Then
    assert cut["period"]["views"] == len(views)
    for name in (*WHOLE, "campaigns", "countries", "events"):
        shown = sum(row["views"] for row in cut[name])
        hidden = sum(row["views"] for row in whole[name][len(cut[name]) :])
        assert whole["rest"][name] == 0
        assert cut["rest"][name] == hidden, name
        if name in WHOLE or name == "countries" and whole[name]:
            assert shown + hidden + cut["other"][name] == len(views), name
    assert sum(day["views"] for day in cut["days"]) == len(views)
    today = cut["days"][-1]
    assert sum(hour["views"] for hour in cut["hours"]) == today["views"]
    assert sum(hour["uniques"] for hour in cut["hours"]) == today["uniques"]


def test_should_print_columns_that_add_up_when_tables_are_cut(
    command: Command, make_count: Callable[..., Count]
) -> None:
    # Given
    count = make_count(Limits(pages=9, values=6, rate=0))
    for n in range(12):
        for visitor in range(n + 1):
            count(f"/{n}", visitor=visitor, referrer=f"https://r{n}.example/")
            count(f"/{n}", visitor=visitor)

    # When
    text = command("report", "example.org", "--top", "4", COLUMNS="60").output

    # Then
    pages = numbers_below("Pages", text)
    assert sum(views for views, _ in pages) == 2 * 78
    assert sum(uniques for _, uniques in pages) == 78
    assert len(pages) == 4 + 2  # one row for (other), and one for the rest
    assert sum(views for (views,) in numbers_below("Sources", text)) == 2 * 78
    assert re.search(r"^others, without a name ", text, re.M)
    assert re.search(r"^… \d more ", text, re.M)


def test_should_print_a_row_for_views_without_a_country_when_others_have_one(
    command: Command, count: Count
) -> None:
    # Given
    count("/a", country="AT")
    for _ in range(3):
        count("/a")

    # When
    text = command("report", "example.org", COLUMNS="60").output

    # Then
    assert re.search(r"^Countries .*\nunknown +3 +75 % *\nAustria +1 +25 %", text, re.M)


def numbers_below(title: str, text: str) -> list[tuple[int, ...]]:
    """Return the numbers in the rows of a table, without the shares."""
    table = text[text.index(f"\n{title} ") + 1 :].split("\n\n")[0]
    return [
        tuple(
            int(n.replace(",", ""))
            for n in re.findall(
                r" ([\d,]+)(?! ?%|[\d,])", re.sub(r"^… \d+ more", "", row)
            )
        )
        for row in table.splitlines()[1:]
    ]
