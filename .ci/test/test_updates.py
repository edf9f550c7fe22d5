"""What keeps the dependencies new finds all that it needs."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_should_name_a_command_that_renovate_can_run_when_it_raises_the_pins() -> None:
    # Given
    locking = (ROOT / "Makefile").read_text("utf-8").split("\nlock: ")[1]

    # When
    head = (ROOT / "web/constraints.txt").read_text("utf-8").splitlines()[1]
    command = re.fullmatch(r"#    (uv pip compile (?:--[\w-]+(?:=\S+)? )+\S+)", head)

    # Then
    assert command, "make lock writes it; each option has its value behind a ="
    assert set(command[1].split()) <= set(locking.split())
