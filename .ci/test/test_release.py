"""A tag is released only when all goes together, and verified by what the page says."""

import os
import shutil
import subprocess
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
name = "small"
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

    def check(self, tag: str, **environment: str) -> tuple[int, str]:
        """Return status and output of `make release-check`."""
        done = subprocess.run(
            [".ci/releases/check"],
            cwd=self.path,
            env={"PATH": os.environ["PATH"], "TAG": tag} | environment,
            check=False,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=20,
        )
        return done.returncode, done.stdout


@pytest.fixture(name="repository")
def make_repository(tmp_path: Path) -> Repository:
    """Give a repository that is ready for v1.2.3."""
    repository = Repository(tmp_path)
    (tmp_path / ".ci/releases").mkdir(parents=True)
    for name in ("releases/check", "version"):
        shutil.copy(ROOT / ".ci" / name, tmp_path / ".ci" / name)
    repository.git("init", "--quiet", "--initial-branch", "main")
    repository.write(".gitignore", "dist/\nsummary\n")
    repository.write("CHANGELOG.md", CHANGELOG)
    repository.write("web/pyproject.toml", PROJECT)
    return repository


def test_should_release_with_the_section_as_notes_when_all_goes_together(
    repository: Repository,
) -> None:
    # When
    before = repository.check("v1.2.3", PYPI_PROJECT="small")
    repository.git("tag", "--annotate", "--message", "m", "v1.2.3")
    after = repository.check("v1.2.3", PYPI_PROJECT="small")

    # Then
    assert before == after
    assert before[0] == 0
    assert before[1].startswith("v1.2.3 can be released.")
    notes = repository.path / "dist/release-notes.md"
    assert notes.read_text(encoding="utf-8") == "- Counts faster.\n"


def test_should_say_what_is_left_out_when_no_package_index_is_set_up(
    repository: Repository,
) -> None:
    # Given
    summary = repository.path / "summary"

    # When
    status, _ = repository.check("v1.2.3", GITHUB_STEP_SUMMARY=str(summary))

    # Then
    assert status == 0
    assert "Not published to PyPI" in summary.read_text(encoding="utf-8")


def test_should_refuse_when_the_package_has_another_name_at_the_index(
    repository: Repository,
) -> None:
    # When
    status, output = repository.check("v1.2.3", PYPI_PROJECT="mine")

    # Then
    assert status == 1
    assert "PYPI_PROJECT is mine, but web/pyproject.toml calls the package small" in (
        output
    )


@pytest.mark.parametrize(
    ("tag", "version", "heading", "reason"),
    [
        ("v1.2.4", "1.2.3", "1.2.3 (2026-11-20)", "The tag is v1.2.4 and the version"),
        ("1.2.3", "1.2.3", "1.2.3 (2026-11-20)", "1.2.3: tag it v1.2.3"),
        ("v1.2.3rc1", "1.2.3rc1", "1.2.3rc1 (2026-11-20)", "a version is three"),
        ("v1.2.3", "1.2.3", "1.2.3 (unreleased)", "no '## 1.2.3 (2026-01-31)'"),
        ("v1.2.3", "1.2.3", "1.2.4 (2026-11-20)", "no '## 1.2.3 (2026-01-31)'"),
        ("v1.2.3", "1.2.3", "1.2.3 (2026-11-20)\n\n## Old", "nothing below 1.2.3"),
    ],
)
def test_should_refuse_when_tag_version_and_changelog_differ(
    repository: Repository, tag: str, version: str, heading: str, reason: str
) -> None:
    # Given
    changelog = CHANGELOG.replace("1.2.3 (2026-11-20)", heading)
    repository.write("CHANGELOG.md", f"{changelog}\n")
    repository.write("web/pyproject.toml", PROJECT.replace("1.2.3", version) + "\n")

    # When
    status, output = repository.check(tag)

    # Then
    assert status == 1
    assert reason in output


def test_should_name_all_that_is_in_the_way_of_a_commit_at_once(
    repository: Repository,
) -> None:
    # Given
    repository.git("tag", "v1.2.3")
    repository.git("checkout", "--quiet", "-b", "topic")
    repository.write("later", "")
    (repository.path / "not-committed").touch()

    # When
    status, output = repository.check("v1.2.3")

    # Then
    assert status == 1
    assert "git checkout v1.2.3" in output
    assert "not on main: merge it there first" in output
    assert "Not committed: not-committed" in output
    assert output.endswith("v1.2.3 cannot be released: 3 to mend, see above.\n")


def verify(folder: Path, failing: str = "") -> tuple[int, list[str]]:
    """Return the status of `make verify`, and the commands of others that it ran."""
    ran = folder / "ran"
    for name in ("cosign", "gh", "docker", "sha256sum"):
        command = folder / name
        command.write_text(
            f'#!/bin/sh\necho "{name} $*" >>{ran}\n'
            f'[ {name} = docker ] && echo sha256:1\n[ "{name} $1" != "{failing}" ]\n'
        )
        command.chmod(0o755)
    (folder / "SHA256SUMS").touch()
    done = subprocess.run(
        [ROOT / ".ci/releases/verify"],
        env={
            "PATH": f"{folder}{os.pathsep}{os.environ['PATH']}",
            "DIST": str(folder),
            "PAGE_TRACKER_IMAGE": "ghcr.io/Me/It:1.0.0",
            "REPOSITORY": "Me/It",
            "TAG": "v1.0.0",
        },
        check=False,
        capture_output=True,
        timeout=20,
    )
    return done.returncode, ran.read_text().splitlines()


def test_should_verify_by_every_command_of_the_page(tmp_path: Path) -> None:
    # When
    status, ran = verify(tmp_path)

    # Then
    signed_by = (
        "--certificate-identity https://github.com/Me/It/.github/workflows/release.yml"
        "@refs/tags/v1.0.0 --certificate-oidc-issuer"
        " https://token.actions.githubusercontent.com"
    )
    attest = "cosign verify-attestation"
    built_from = "--repo Me/It --source-ref refs/tags/v1.0.0"
    assert status == 0
    assert [line for line in ran if not line.startswith("docker")] == [
        f"cosign verify {signed_by} ghcr.io/me/it:1.0.0",
        f"{attest} {signed_by} --type cyclonedx ghcr.io/me/it@sha256:1",
        f"cosign verify-blob {signed_by} --bundle SHA256SUMS.sigstore.json SHA256SUMS",
        "sha256sum --check --ignore-missing SHA256SUMS",
        f"gh attestation verify oci://ghcr.io/me/it:1.0.0 {built_from}",
        f"gh attestation verify page-tracker-linux-amd64 {built_from}",
    ]


@pytest.mark.parametrize(
    "failing",
    ["cosign verify", "cosign verify-attestation", "cosign verify-blob"]
    + ["docker buildx", "sha256sum --check", "gh attestation"],
)
def test_should_fail_when_a_command_of_the_page_does(
    tmp_path: Path, failing: str
) -> None:
    # When
    status, ran = verify(tmp_path, failing)

    # Then
    assert status != 0
    assert ran[-1].startswith(failing)
