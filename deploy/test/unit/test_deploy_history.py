"""The history of deployments: what ran when, and what to roll back to."""

import json
from typing import Any

import pytest

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


TO_SECOND = ("deploy", SECOND, FIRST, "kept")
AGAIN = ("deploy", SECOND, SECOND, "kept")
TO_THIRD = ("deploy", THIRD, SECOND, "kept")


@pytest.mark.parametrize(
    ("deployments", "live", "before"),
    [
        pytest.param([TO_SECOND], SECOND, FIRST, id="the first"),
        pytest.param([TO_SECOND, TO_THIRD], THIRD, SECOND, id="once"),
        pytest.param(
            [TO_SECOND, TO_THIRD, ("rollback", SECOND, THIRD, "kept")],
            *(SECOND, FIRST),
            id="twice",
        ),
        pytest.param(
            [TO_SECOND, ("rollback", FIRST, SECOND, "kept")],
            *(FIRST, None),
            id="to the first",
        ),
        pytest.param(
            [TO_SECOND, (*TO_THIRD[:3], "rolled back"), (*TO_THIRD[:3], "")],
            *(SECOND, FIRST),
            id="skips what was not kept",
        ),
        pytest.param([TO_SECOND, AGAIN], SECOND, FIRST, id="deployed twice"),
        pytest.param(
            [TO_SECOND, AGAIN, ("rollback", FIRST, SECOND, "kept")],
            *(FIRST, None),
            id="deployed twice, back once",
        ),
        pytest.param([TO_SECOND], THIRD, SECOND, id="another started by hand"),
    ],
)
def test_should_roll_back_to_the_image_that_was_kept_before(
    deployments: list[tuple[str, str, str, str]], live: str, before: str | None
) -> None:
    # When
    image = History.of(lines(*deployments)).kept_before(live)

    # Then
    assert image == before


def test_should_find_a_deployment_that_was_killed() -> None:
    # Given
    killed, kept = ("deploy", SECOND, FIRST, ""), TO_SECOND

    # When
    found = History.of(lines(kept, killed)).unfinished()

    # Then
    assert found
    assert (found.step, found.before.image) == ("watch", FIRST)
    assert History.of(lines(killed, kept)).unfinished() is None


def test_should_skip_a_line_that_is_incomplete() -> None:
    # Given
    cut = lines(("deploy", SECOND, FIRST, "kept")) + '{"deployment": "9", "ti'

    # When
    history = History.of(cut)

    # Then
    assert [record.deployment for record in history.records] == ["0"]


def test_should_print_a_table() -> None:
    # Given
    text = lines(
        ("deploy", SECOND, FIRST, "kept"), ("rollback", FIRST, SECOND, "rolled back")
    )
    text += (
        text.splitlines()[-1].replace("outcome", "reason").replace("rolled back", "x")
    )

    # When
    table = History.of(text).table().splitlines()

    # Then
    assert [line.split() for line in table] == [
        "when by what image outcome at took why".split(),
        ["2026-11-20", "16:40:00", "me@here", "deploy", "web@sha256:222222222222"]
        + ["kept", "watch", "9", "s"],
        ["2026-11-20", "16:41:00", "me@here", "rollback", "web@sha256:111111111111"]
        + ["rolled", "back", "watch", "9", "s", "x"],
    ]
