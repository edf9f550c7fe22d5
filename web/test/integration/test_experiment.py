"""The experiment on the look of the counter page, from its visitors to its outcome."""

import json
from datetime import UTC, datetime
from itertools import product
from math import comb
from pathlib import Path

import pytest
from redis import Redis

from page_tracker.commands.experiment import rate_of
from page_tracker.store.server import RedisServer
from page_tracker.store.waiting import wait_for
from page_tracker.tracking.keys import SiteKeys
from support.fixture_types import Command
from support.flags import SITE, flags_text
from support.servers import complaint_of_serve, page_tracker


@pytest.mark.parametrize(
    ("visits", "conclusion"),
    [
        ((1_000, 50, 1_010, 100), ": +2.6 to +7.2 points with 95 % confidence. The di"),
        ((1_000, 50, 1_010, 100), "difference is probably not chance (p = 2.9e-05)."),
        ((1_000, 100, 1_000, 20), ": -10.0 to -5.9 points"),
        ((500, 50, 500, 60), "The difference may be chance (p = 0.32)."),
        ((9, 1, 9, 10), "The difference is probably not chance"),
        ((0, 0, 0, 0), "The difference may be chance (p = 1)."),
    ],
)
def test_should_say_whether_a_difference_may_be_chance_when_both_looks_were_counted(
    redis_client: Redis,
    command: Command,
    flags: Path,
    visits: tuple[int, ...],
    conclusion: str,
) -> None:
    # Given
    pages = "/look/tiles /look/tiles/embed /look/plain /look/plain/embed".split()
    redis_client.zadd(
        SiteKeys(SITE).day(datetime.now(UTC).date()).uniques, dict(zip(pages, visits))
    )
    environment = {"PAGE_TRACKER_FLAGS": str(flags), "PAGE_TRACKER_SITES": SITE}

    # When
    lines = command("experiment", **environment).output.splitlines()
    in_json = json.loads(command("experiment", "--json", **environment).output)

    # Then
    assert conclusion in in_json["conclusion"]
    assert lines[1].split()[:3] == ["tiles", f"{visits[0]:,}", f"{visits[1]}"]
    assert lines[2].split()[:3] == ["plain", f"{visits[2]:,}", f"{min(visits[2:])}"]
    assert conclusion in lines[3]


@pytest.mark.parametrize(("size", "rate"), [(10, 0.5), (50, 0.07), (500, 0.07)])
def test_should_contain_the_difference_95_times_in_100_when_two_looks_are_equal(
    size: int, rate: float
) -> None:
    # Given: how probable each number of visitors is who go on.
    chances = [
        comb(size, number) * rate**number * (1 - rate) ** (size - number)
        for number in range(size + 1)
    ]
    likely = [number for number, chance in enumerate(chances) if chance > 1e-6]

    # When
    contains_truth = 0.0
    for first, second in product(likely, repeat=2):
        difference = rate_of(size, first) - rate_of(size, second)
        if abs(difference.zscore(0)) < 1.96:
            contains_truth += chances[first] * chances[second]

    # Then
    assert 0.945 < contains_truth < 0.98


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (None, "PAGE_TRACKER_FLAGS: name a file that has metadata.site"),
        ('{"flags": {}}', "PAGE_TRACKER_FLAGS: name a file that has metadata.site"),
        ("{", "flags.json': invalid JSON: "),
        (flags_text(), f"{SITE} is not registered; page-tracker sites list"),
    ],
)
def test_should_name_the_reason_in_one_line_when_there_is_no_outcome(
    command: Command, flags: Path, text: str | None, reason: str
) -> None:
    # Given
    flags.write_text(text or "")

    # When
    result = command("experiment", PAGE_TRACKER_FLAGS=str(flags) if text else "")

    # Then
    assert result.exit_code == 1
    assert reason in result.output
    assert result.output.count("\n") == 1


def test_should_stop_the_start_with_one_line_when_the_file_is_invalid(
    folder: Path, flags: Path
) -> None:
    # Given
    flags.write_text("{")

    # When
    line = complaint_of_serve(folder, PAGE_TRACKER_FLAGS=str(flags))

    # Then
    assert line.startswith(f"Error: PAGE_TRACKER_FLAGS is '{flags}': invalid JSON: ")


def test_should_show_another_look_when_the_file_of_a_running_server_changes(
    folder: Path, flags: Path, redis_server: RedisServer
) -> None:
    # Given
    flags.write_text(flags_text(1, 0))
    new = flags.with_name("new.json")
    new.write_text(flags_text(0, 1))
    environment = {"REDIS_URL": redis_server.url, "PAGE_TRACKER_WORKERS": "2"}

    with page_tracker(folder, PAGE_TRACKER_FLAGS=str(flags), **environment) as tracker:

        def looks() -> set[bool]:
            pages = [tracker.get(accept="text/html") for _ in range(20)]
            return {'class="shown plain"' in page.text for page in pages}

        assert looks() == {False}

        # When
        new.rename(flags)

        # Then
        assert wait_for(lambda: looks() == {True}, 10)
