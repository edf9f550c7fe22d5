"""The experiment on the look of the counter page, from visitors to its result."""

import json
import re
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from unittest.mock import patch

import pytest
from flask.testing import FlaskClient
from redis import Redis

from page_tracker.app import create_app
from page_tracker.settings import Settings
from page_tracker.store.server import RedisServer
from page_tracker.store.waiting import wait_for
from page_tracker.tracking.registry import Registry
from page_tracker.tracking.sites import make_site
from support import BROWSER
from support.flags import SITE, flags_text, look_of, pixels_of, visit
from support.servers import complaint_of_serve, page_tracker
from support.usage import Command

FROM_COUNTER = "http://localhost/"


@pytest.fixture
def http_client(redis_client: Redis, flags: Path) -> Iterator[FlaskClient]:
    """Give a client of a Page Tracker that counts its own experiment."""
    with patch("page_tracker.app.redis", return_value=redis_client):
        yield create_app(Settings(sites=SITE, flags=flags)).test_client()


@pytest.fixture
def experiment(command: Command, flags: Path) -> Callable[..., str]:
    """Give a way to ask how the experiment stands."""

    def ask(*options: str) -> str:
        result = command("experiment", *options, PAGE_TRACKER_FLAGS=str(flags))
        assert result.exit_code == 0, result.output
        return result.output

    return ask


def come(client: FlaskClient, visitor: int, goes_on: bool = False, **sent: str) -> str:
    """See the counter page, as a browser with its images does; return its look."""
    page = visit(client, visitor=visitor, **sent)
    pages = [page]
    if goes_on:
        pages.append(visit(client, "/embed", visitor, Referer=FROM_COUNTER, **sent))
    for pixel in (pixel for shown in pages for pixel in pixels_of(shown)):
        assert visit(client, pixel, visitor, **sent).status_code == 200
    return look_of(page)


def test_should_count_each_visitor_once_in_the_look_that_was_shown(
    http_client: FlaskClient, experiment: Callable[..., str], redis_client: Redis
) -> None:
    # Given
    shown: Counter[str] = Counter()
    went_on: Counter[str] = Counter()
    agents = [BROWSER, BROWSER.replace("140", "141")]
    for visitor in range(75):
        for agent in agents:
            goes_on = visitor % 3 == 0
            look = come(http_client, visitor, goes_on, User_Agent=agent)
            # They come again, and reload: the look stays, and none counts twice.
            assert come(http_client, visitor, goes_on, User_Agent=agent) == look
            shown[look] += 1
            went_on[look] += goes_on
    # Nobody who counts: a bot, one who wants privacy, one who came by a bookmark.
    come(http_client, 1, True, User_Agent="Googlebot/2.1 (+http://google.com/bot.html)")
    come(http_client, 2, True, DNT="1")
    visit(http_client, "/embed", 3)

    # When
    result = json.loads(experiment("--json"))

    # Then
    for of in result["looks"]:
        # Visitors are estimated, of so many within two; each came twice and reloaded.
        assert of["visitors"] == pytest.approx(shown[of["look"]], abs=2)
        assert of["went_on"] == pytest.approx(went_on[of["look"]], abs=1)
        assert of["weight"] == 50
    assert 55 < shown["plain"] < 95
    assert result["split_p_value"] > 0.001
    assert not result["warning"]
    assert result["difference"]["low"] < 0 < result["difference"]["high"]
    # And the counter page itself, as ever, each view.
    assert int(redis_client.get("page_views") or 0) == 2 * 2 * 75 + 2


@pytest.fixture
def seen(redis_client: Redis, sites: Registry) -> Callable[..., None]:
    """Give a way to let visitors have been counted, on a day some days ago."""
    sites.add(site := make_site(SITE))

    def count(
        tiles: tuple[int, int], plain: tuple[int, int], days_ago: int = 0
    ) -> None:
        day = site.today() - timedelta(days=days_ago)
        if days_ago:
            redis_client.hset(site.keys.totals, "since", str(day))
        for look, (went_on, shown) in {"tiles": tiles, "plain": plain}.items():
            visits = {f"/look/{look}": shown, f"/look/{look}/embed": went_on}
            redis_client.zadd(site.keys.day(day).visits, visits)

    return count


def test_should_say_how_large_a_difference_is_that_chance_would_not_make(
    seen: Callable[..., None], experiment: Callable[..., str]
) -> None:
    # Given
    seen(tiles=(50, 1_000), plain=(100, 1_010))

    # When
    lines = experiment().splitlines()
    result = json.loads(experiment("--json"))

    # Then
    assert lines[0].startswith("Visitors who went on to count their own pages, ")
    tiles, plain = lines[3:5]
    assert tiles.split()[:7] == "tiles 1,000 50 5.0% 3.8% to 6.5%".split()
    assert plain.split()[:7] == "plain 1,010 100 9.9% 8.2% to 11.9%".split()
    bars = [re.search("(█+)(░*)$", line.rstrip()) for line in (tiles, plain)]
    shortest, longest = (len(found[0]) for found in bars if found)
    assert shortest / longest == pytest.approx(6.5 / 11.9, abs=0.05)
    assert lines[6] == "plain against tiles: +4.9 points, +2.6 to +7.2 with 95 %"
    assert "".join(lines[7:]).startswith(
        "Of 100 visitors who are shown plain, 2.6 to 7.2 more go on than of 100 who"
    )
    assert result["difference"]["rate"] == pytest.approx(0.049, abs=0.0001)
    assert result["difference"]["p_value"] < 0.001


@pytest.mark.parametrize(
    ("tiles", "plain", "said"),
    [
        ((0, 0), (0, 0), "nothing to compare until visitors were shown both looks."),
        ((3, 9), (0, 0), "nothing to compare until visitors were shown both looks."),
        ((2, 10), (2, 10), "Both looks make as many go on"),
        ((0, 10), (0, 10), "Both looks make as many go on"),
        ((100, 1_000), (20, 1_000), "6.0 to 10.1 fewer go on"),
        ((1, 10), (11, 10), "90.0 points, +48.8 to +98.2"),
        # 3,843 of each side, of whom 500 came.
        (
            (50, 500),
            (60, 500),
            "The difference may be chance (p = 0.31). If it is real and as large as "
            "this, about 6,685 visitors more would tell, four times out of five.",
        ),
    ],
)
def test_should_say_what_other_numbers_mean(
    seen: Callable[..., None],
    experiment: Callable[..., str],
    tiles: tuple[int, int],
    plain: tuple[int, int],
    said: str,
) -> None:
    # Given
    seen(tiles=tiles, plain=plain)

    # When
    text = " ".join(experiment().split())

    # Then
    assert said in text


@pytest.mark.parametrize(
    ("changed", "warns"),
    [
        (flags_text(), True),
        (flags_text(50, 40), False),
        (flags_text(targeting={}, defaultVariant="plain"), False),  # it is over
    ],
)
def test_should_warn_when_the_split_is_not_what_the_flag_says(
    seen: Callable[..., None],
    experiment: Callable[..., str],
    flags: Path,
    changed: str,
    warns: bool,
) -> None:
    # Given
    seen(tiles=(50, 1_000), plain=(100, 800))
    flags.write_text(changed)

    # When
    text = " ".join(experiment().split())

    # Then
    assert "+7.5 points, " in text and "more go on" in text
    warning = "Do not trust this: the visitors are not split 50 to 50,"
    assert (warning in text) == warns


def test_should_look_at_the_days_asked_for(
    seen: Callable[..., None], experiment: Callable[..., str]
) -> None:
    # Given
    seen(tiles=(1, 10), plain=(2, 10))
    seen(tiles=(5, 90), plain=(6, 90), days_ago=6)

    # When
    visitors = [
        [of["visitors"] for of in json.loads(experiment("--json", *days))["looks"]]
        for days in ([], ["--days", "6"], ["--days", "7"])
    ]

    # Then
    assert visitors == [[100, 100], [10, 10], [100, 100]]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (None, "PAGE_TRACKER_FLAGS is not set: name the file of flags that has the"),
        ("{", "PAGE_TRACKER_FLAGS is '{flags}': the file is no JSON: "),
        ('{"flags": {}}', "no experiment is in it; flags.look.metadata.site names"),
        (flags_text(), f"{SITE} is not registered: page-tracker sites list"),
    ],
)
def test_should_say_in_one_line_why_there_is_no_result(
    command: Command, flags: Path, text: str | None, said: str
) -> None:
    # Given
    flags.write_text(text or "")

    # When
    result = command("experiment", PAGE_TRACKER_FLAGS=str(flags) if text else "")

    # Then
    assert result.exit_code == 1
    assert said.format(flags=flags) in result.output
    assert result.output.count("\n") == 1


def test_should_end_the_start_in_one_line_when_the_file_is_bad(
    folder: Path, flags: Path
) -> None:
    # Given
    flags.write_text(flags_text(0, 0))

    # When
    line = complaint_of_serve(folder, PAGE_TRACKER_FLAGS=str(flags))

    # Then
    assert line == (
        f"Error: PAGE_TRACKER_FLAGS is '{flags}': flags.look: its fractional weights "
        "are all 0"
    )


def test_should_show_another_look_when_the_file_of_a_running_server_changes(
    folder: Path, flags: Path, redis_server: RedisServer
) -> None:
    # Given
    flags.write_text(flags_text(1, 0))
    new = flags.with_name("new.json")
    environment = {"REDIS_URL": redis_server.url, "PAGE_TRACKER_WORKERS": "2"}

    with page_tracker(folder, PAGE_TRACKER_FLAGS=str(flags), **environment) as tracker:

        def looks() -> set[bool]:
            pages = [tracker.get(accept="text/html") for _ in range(20)]
            assert all(page.ok for page in pages)
            return {'class="shown plain"' in page.text for page in pages}

        assert looks() == {False}

        # When
        new.write_text(flags_text(0, 1))
        new.rename(flags)

        # Then
        assert wait_for(lambda: looks() == {True}, 10)

        # When
        flags.write_text("{")

        # Then
        is_said = "stay as they are: the file is no JSON"
        assert wait_for(
            lambda: looks() and is_said in tracker.log.read_text("utf-8"), 10
        )
        assert looks() == {True}
