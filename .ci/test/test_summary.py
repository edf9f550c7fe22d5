"""The summary of several targets tells the truth about each."""

import os
from pathlib import Path

from support import on_path, run


def test_should_run_every_target_and_fail_when_one_has_failed(tmp_path: Path) -> None:
    # Given
    make = 'echo "output of $2"; [ "$2" != lint ]'
    path = on_path(tmp_path, make=make)
    environment = os.environ | {"PATH": path, "MAKE": "make"}

    # When
    status, output = run(".ci/summary", "lint unit", "e2e", environment=environment)

    # Then
    assert status == 1
    for target in ("lint", "unit", "e2e"):
        assert f"== make {target}\noutput of {target}\n" in output
    _, table = output.split("== Summary\n")
    words = [line.split()[:2] for line in table.splitlines()[:3]]
    assert words == [["lint", "FAILED"], ["unit", "passed"], ["e2e", "passed"]]
    assert table.splitlines()[3].endswith(" s: lint. See the first failure above.")


def test_should_give_each_target_a_temporary_folder_of_its_own(tmp_path: Path) -> None:
    # Given
    path = on_path(tmp_path, make='echo "folder $TMPDIR"; touch "$TMPDIR/left"')
    environment = os.environ | {"PATH": path, "MAKE": "make"}

    # When
    _, output = run(".ci/summary", "lint unit", "e2e", environment=environment)

    # Then
    folders = {line for line in output.splitlines() if line.startswith("folder ")}
    assert len(folders) == 3
    assert not any(Path(folder.split()[1]).exists() for folder in folders)
