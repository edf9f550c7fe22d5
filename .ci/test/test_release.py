"""A tag is released only when it, version, changelog and commit go together."""

import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

CHANGELOG = """# Changelog

## 1.2.3 (2026-11-20)

- Counts faster.

## 1.2.2 (2026-10-01)

- Counts.
"""

PROJECT = """[project]
version = "1.2.3"

[tool.other]
version = "9.9.9"
"""


@dataclass
class Repository:
    """A repository of a version 1.2.3 that is ready to be released."""

    path: Path

    def git(self, *arguments: str) -> None:
        """Run git in it."""
        subprocess.run(
            ["git", "-c", "user.name=n", "-c", "user.email=e", *arguments],
            cwd=self.path,
            check=True,
            capture_output=True,
            timeout=20,
        )

    def write(self, name: str, text: str) -> None:
        """Write a file, and commit it."""
        path = self.path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
        self.git("add", ".")
        self.git("commit", "--quiet", "--message", name)

    def release(self, task: str, tag: str) -> tuple[int, str]:
        """Return status and output of `make release-check` or `release-notes`."""
        done = subprocess.run(
            [sys.executable, ".ci/releases/release.py", task],
            cwd=self.path,
            env={"PATH": "/usr/bin:/bin", "TAG": tag},
            check=False,
            capture_output=True,
            text=True,
            timeout=20,
        )
        return done.returncode, done.stdout


@pytest.fixture(name="repository")
def make_repository(tmp_path: Path) -> Repository:
    """Give a repository that is ready for v1.2.3."""
    repository = Repository(tmp_path)
    (tmp_path / ".ci/releases").mkdir(parents=True)
    for name in ("releases/release.py", "version"):
        shutil.copy(ROOT / ".ci" / name, tmp_path / ".ci" / name)
    repository.git("init", "--quiet", "--initial-branch", "main")
    repository.write("CHANGELOG.md", CHANGELOG)
    repository.write("web/pyproject.toml", PROJECT)
    return repository


def test_should_release_when_all_goes_together(repository: Repository) -> None:
    # When
    before = repository.release("check", "v1.2.3")
    repository.git("tag", "--annotate", "--message", "m", "v1.2.3")
    after = repository.release("check", "v1.2.3")

    # Then
    assert before == after == (0, "v1.2.3 can be released.\n")


@pytest.mark.parametrize("tag", ["v1.2.4", "1.2.3", "v1.2.3-rc1"])
def test_should_refuse_when_the_tag_is_not_the_version(
    repository: Repository, tag: str
) -> None:
    # When
    status, output = repository.release("check", tag)

    # Then
    assert status == 1
    assert f"The tag is {tag} and the version 1.2.3: tag it v1.2.3" in output


def test_should_refuse_when_the_version_is_not_three_numbers(
    repository: Repository,
) -> None:
    # Given
    repository.write("web/pyproject.toml", '[project]\nversion = "1.2.3rc1"\n')

    # When
    status, output = repository.release("check", "v1.2.3rc1")

    # Then
    assert status == 1
    assert "1.2.3rc1 is no version to release" in output


@pytest.mark.parametrize(
    ("heading", "reason"),
    [
        ("## 1.2.3 (unreleased)", "has 1.2.3 as 'unreleased': write the day"),
        ("## 1.2.4 (2026-11-20)", "has no '## 1.2.3 (2026-01-31)': write it"),
        ("## 1.2.3 (2026-11-20)\n\n## 1.2.2b (2026-11-19)", "says nothing below 1.2.3"),
    ],
)
def test_should_refuse_when_the_changelog_is_not_ready(
    repository: Repository, heading: str, reason: str
) -> None:
    # Given
    changelog = CHANGELOG.replace("## 1.2.3 (2026-11-20)", heading)
    repository.write("CHANGELOG.md", changelog)

    # When
    status, output = repository.release("check", "v1.2.3")

    # Then
    assert status == 1
    assert reason in output


def test_should_refuse_when_the_tag_is_on_another_commit(
    repository: Repository,
) -> None:
    # Given
    repository.git("tag", "v1.2.3")
    repository.write("later", "")

    # When
    status, output = repository.release("check", "v1.2.3")

    # Then
    assert status == 1
    assert "git checkout v1.2.3" in output


def test_should_refuse_when_the_commit_is_not_on_main(repository: Repository) -> None:
    # Given
    repository.git("checkout", "--quiet", "-b", "topic")
    repository.write("later", "")

    # When
    status, output = repository.release("check", "v1.2.3")

    # Then
    assert status == 1
    assert "is not on main: merge it there first" in output


def test_should_refuse_when_git_knows_no_main(repository: Repository) -> None:
    # Given
    repository.git("branch", "--move", "topic")

    # When
    status, output = repository.release("check", "v1.2.3")

    # Then
    assert status == 1
    assert "git fetch origin main:main" in output


def test_should_refuse_when_there_is_no_checkout(repository: Repository) -> None:
    # Given
    shutil.rmtree(repository.path / ".git")

    # When
    status, output = repository.release("check", "v1.2.3")

    # Then
    assert status == 1
    assert "This is no checkout" in output


def test_should_refuse_when_something_is_not_committed(repository: Repository) -> None:
    # Given
    (repository.path / "web/pyproject.toml").write_text(
        '[project]\nversion = "1.2.3" \n', encoding="utf-8"
    )
    (repository.path / "a b").touch()

    # When
    status, output = repository.release("check", "v1.2.3")

    # Then
    assert status == 1
    assert 'Not committed: web/pyproject.toml, "a b".' in output


def test_should_say_all_that_is_to_mend_at_once(repository: Repository) -> None:
    # Given
    repository.git("checkout", "--quiet", "-b", "topic")
    repository.write("CHANGELOG.md", "# Changelog\n")

    # When
    status, output = repository.release("check", "v2.0.0")

    # Then
    assert status == 1
    assert output.endswith("v2.0.0 can not be released: 3 to mend, see above.\n")


def test_should_write_the_section_as_notes(repository: Repository) -> None:
    # When
    status, _ = repository.release("notes", "v1.2.3")

    # Then
    assert status == 0
    notes = (repository.path / "dist/release-notes.md").read_text(encoding="utf-8")
    assert notes == "- Counts faster.\n"


def test_should_write_no_notes_when_there_is_no_section(repository: Repository) -> None:
    # When
    status, output = repository.release("notes", "v2.0.0")

    # Then
    assert status == 1
    assert "nothing of 2.0.0" in output
    assert not (repository.path / "dist").exists()
