"""The history of deployments: what ran when, and what to go back to."""

import json
from typing import Any

from deployer.journal import History

FIRST, SECOND, THIRD = (f"web@sha256:{digit * 64}" for digit in "123")


def lines(*deployments: tuple[str, str, str, str]) -> str:
    """Return the lines of deployments: command, image, image before, outcome."""
    written: list[dict[str, Any]] = []
    for number, (command, image, before, outcome) in enumerate(deployments):
        name = {"deployment": str(number)}
        begun = {"time": f"2026-11-20T16:4{number}:00+00:00", "by": "me@here"}
        version = {"service": "web-service", "image": before}
        what = {"command": command, "image": image}
        written.append(name | begun | what | {"before": version})
        written.append(name | {"time": f"2026-11-20T16:4{number}:09+00:00"})
        written[-1]["step"] = "watch"
        if outcome:
            written.append(written[-1] | {"outcome": outcome})
    return "".join(json.dumps(line) + "\n" for line in written)


def test_should_go_back_to_what_ran_before_when_it_is_the_first() -> None:
    # Given
    history = History.of(lines(("deploy", SECOND, FIRST, "kept")))

    # When
    image = history.kept_before(SECOND)

    # Then
    assert image == FIRST


def test_should_go_back_by_two_when_it_goes_back_twice() -> None:
    # Given
    deployed = [
        ("deploy", SECOND, FIRST, "kept"),
        ("deploy", THIRD, SECOND, "kept"),
    ]
    once = History.of(lines(*deployed))

    # When
    first_time = once.kept_before(THIRD)
    twice = History.of(lines(*deployed, ("rollback", SECOND, THIRD, "kept")))
    second_time = twice.kept_before(SECOND)

    # Then
    assert [first_time, second_time] == [SECOND, FIRST]


def test_should_have_nothing_to_go_back_to_when_it_went_back_to_the_first() -> None:
    # Given
    history = History.of(
        lines(("deploy", SECOND, FIRST, "kept"), ("rollback", FIRST, SECOND, "kept"))
    )

    # When
    image = history.kept_before(FIRST)

    # Then
    assert image is None


def test_should_pass_over_what_was_not_kept_when_it_goes_back() -> None:
    # Given
    history = History.of(
        lines(
            ("deploy", SECOND, FIRST, "kept"),
            ("deploy", THIRD, SECOND, "went back"),
            ("deploy", THIRD, SECOND, ""),
        )
    )

    # When
    image = history.kept_before(SECOND)

    # Then
    assert image == FIRST


def test_should_go_back_to_another_image_when_one_was_deployed_twice() -> None:
    # Given
    history = History.of(
        lines(("deploy", SECOND, FIRST, "kept"), ("deploy", SECOND, SECOND, "kept"))
    )

    # When
    image = history.kept_before(SECOND)

    # Then
    assert image == FIRST


def test_should_go_back_once_when_one_was_deployed_twice() -> None:
    # Given
    history = History.of(
        lines(
            ("deploy", SECOND, FIRST, "kept"),
            ("deploy", SECOND, SECOND, "kept"),
            ("rollback", FIRST, SECOND, "kept"),
        )
    )

    # When
    image = history.kept_before(FIRST)

    # Then
    assert image is None


def test_should_go_back_to_what_was_kept_last_when_something_else_is_live() -> None:
    # Given: somebody started THIRD by hand
    history = History.of(lines(("deploy", SECOND, FIRST, "kept")))

    # When
    image = history.kept_before(THIRD)

    # Then
    assert image == SECOND


def test_should_know_a_deployment_that_was_killed() -> None:
    # When
    left = History.of(lines(("deploy", SECOND, FIRST, ""))).left()

    # Then
    assert left
    assert (left.step, left.before.image) == ("watch", FIRST)


def test_should_know_none_when_the_last_came_to_an_end() -> None:
    # Given
    ended = lines(("deploy", SECOND, FIRST, ""), ("deploy", SECOND, FIRST, "kept"))

    # When
    left = History.of(ended).left()

    # Then
    assert left is None


def test_should_pass_over_a_line_that_was_cut_in_the_writing() -> None:
    # Given
    cut = lines(("deploy", SECOND, FIRST, "kept")) + '{"deployment": "9", "ti'

    # When
    history = History.of(cut)

    # Then
    assert [record.deployment for record in history.records] == ["0"]


def test_should_be_readable() -> None:
    # Given
    told = lines(
        ("deploy", SECOND, FIRST, "kept"), ("rollback", FIRST, SECOND, "went back")
    )
    told += told.splitlines()[-1].replace("outcome", "reason").replace("went back", "x")

    # When
    table = History.of(told).table().splitlines()

    # Then
    assert [line.split() for line in table] == [
        "when by what image outcome at took why".split(),
        ["2026-11-20", "16:40:00", "me@here", "deploy", "web@sha256:222222222222"]
        + ["kept", "watch", "9", "s"],
        ["2026-11-20", "16:41:00", "me@here", "rollback", "web@sha256:111111111111"]
        + ["went", "back", "watch", "9", "s", "x"],
    ]
