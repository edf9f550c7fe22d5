"""Misspellings and words that nobody should have to read twice are found."""

import shutil
import sys
from pathlib import Path

import pytest
from support import ROOT, Repository, on_path


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    """Give a repository with the check and nothing to find."""
    repository = Repository(tmp_path)
    repository.environment["PATH"] = on_path(Path(sys.executable).parent)
    (tmp_path / ".ci").mkdir()
    for name in ("prose", "words.txt"):
        shutil.copy(ROOT / ".ci" / name, tmp_path / ".ci" / name)
    repository.commit("README.md", "# What it is\n\nWhat do you need? It counts.\n")
    return repository


def test_should_pass_when_every_word_is_plain(repository: Repository) -> None:
    # When
    status, output = repository.run(".ci/prose")

    # Then
    assert (status, output) == (0, "")


# The wrong words are in two parts, so that the check of this file does not find them.
@pytest.mark.parametrize(
    ("text", "finding"),
    [
        ("It rec" + "ieves views.", "README.md:2: rec" + "ieves ==> receives"),
        ("It can " + "not count.", "README.md:2:can " + "not ==> cannot"),
        ("It is aw" + "ay.", "README.md:2:is aw" + "ay ==> is unavailable"),
        ("# W" + "ho asks, knows.", "==> begin with a noun"),
    ],
)
def test_should_name_the_line_and_a_better_word_when_one_is_not_plain(
    repository: Repository, text: str, finding: str
) -> None:
    # Given
    repository.commit("README.md", f"It counts.\n{text}\n")

    # When
    status, output = repository.run(".ci/prose")

    # Then
    assert status == 1
    assert finding in output
