"""A release needs a matching tag, and is verified with the documented commands."""

import os
import shutil
from pathlib import Path

import pytest
from support import ROOT, Repository, on_path, run

CHANGELOG = """# Changelog

## 1.2.3 (2026-11-20)

- Counts faster.

## 1.2.2 (2026-10-01)

- Counts.
"""
PROJECT = (
    '[project]\nname = "small"\nversion = "1.2.3"\n\n[tool.other]\nversion = "9"\n'
)


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    """Give a repository that is ready for v1.2.3."""
    repository = Repository(tmp_path)
    (tmp_path / ".ci/releases").mkdir(parents=True)
    for name in ("releases/check", "version"):
        shutil.copy(ROOT / ".ci" / name, tmp_path / ".ci" / name)
    repository.commit(".gitignore", "dist/\nsummary\n")
    repository.commit("CHANGELOG.md", CHANGELOG)
    repository.commit("web/pyproject.toml", PROJECT)
    return repository


def check(repository: Repository, tag: str, **environment: str) -> tuple[int, str]:
    """Return status and output of `make release-check`."""
    given = {"PATH": os.environ["PATH"], "TAG": tag} | environment
    return run(".ci/releases/check", cwd=repository.folder, environment=given)


def test_should_release_with_the_section_as_notes_when_everything_matches(
    repository: Repository,
) -> None:
    # Given
    summary = repository.folder / "summary"

    # When: without a tag, and then with one, on GitHub and without a package index
    before = check(repository, "v1.2.3", PYPI_PROJECT="small")
    repository.git("tag", "--annotate", "--message", "m", "v1.2.3")
    status, _ = check(repository, "v1.2.3", GITHUB_STEP_SUMMARY=str(summary))

    # Then
    assert (before[0], status) == (0, 0)
    assert before[1].startswith("v1.2.3 can be released.")
    assert summary.read_text("utf-8").startswith("Not published to PyPI")
    notes = repository.folder / "dist/release-notes.md"
    assert notes.read_text("utf-8") == "- Counts faster.\n"


@pytest.mark.parametrize(
    ("tag", "version", "heading", "reason"),
    [
        ("v1.2.4", "1.2.3", "1.2.3 (2026-11-20)", "The tag is v1.2.4, but the version"),
        ("1.2.3", "1.2.3", "1.2.3 (2026-11-20)", "1.2.3: use the tag v1.2.3"),
        ("v1.2.3rc1", "1.2.3rc1", "1.2.3rc1 (2026-11-20)", "a version is three"),
        ("v1.2.3", "1.2.3", "1.2.3 (unreleased)", "no heading '## 1.2.3 (2026"),
        ("v1.2.3", "1.2.3", "1.2.4 (2026-11-20)", "no heading '## 1.2.3 (2026"),
        (
            "v1.2.3",
            "1.2.3",
            "1.2.3 (2026-11-20)\n\n## Old",
            "nothing below the heading 1.2.3",
        ),
    ],
)
def test_should_refuse_when_tag_version_and_changelog_differ(
    repository: Repository, tag: str, version: str, heading: str, reason: str
) -> None:
    # Given
    changelog = CHANGELOG.replace("1.2.3 (2026-11-20)", heading)
    repository.commit("CHANGELOG.md", f"{changelog}\n")
    repository.commit("web/pyproject.toml", PROJECT.replace("1.2.3", version) + "\n")

    # When
    status, output = check(repository, tag)

    # Then
    assert status == 1
    assert reason in output


def test_should_list_everything_that_prevents_a_release(repository: Repository) -> None:
    # Given
    repository.git("tag", "v1.2.3")
    repository.git("checkout", "--quiet", "-b", "topic")
    repository.commit("later", "")
    (repository.folder / "not-committed").touch()

    # When
    status, output = check(repository, "v1.2.3", PYPI_PROJECT="mine")

    # Then
    assert status == 1
    assert "git checkout v1.2.3" in output
    assert "not on main: merge it first" in output
    assert "Not committed: not-committed" in output
    assert "PYPI_PROJECT is mine, but web/pyproject.toml calls" in output
    assert output.endswith("v1.2.3 cannot be released: 4 to fix, see above.\n")


def verify(folder: Path, failing: str = "") -> tuple[int, list[str]]:
    """Return the status of `make verify`, and the commands that it ran."""
    ran = folder / "ran"
    programs = {
        name: f'echo "{name} $*" >>{ran}\n[ {name} = docker ] && echo sha256:1\n'
        f'[ "{name} $1" != "{failing}" ]'
        for name in ("cosign", "gh", "docker", "sha256sum")
    }
    (folder / "SHA256SUMS").touch()
    status, _ = run(
        ".ci/releases/verify",
        environment={
            "PATH": on_path(folder, **programs),
            "DIST": str(folder),
            "PAGE_TRACKER_IMAGE": "ghcr.io/Me/It:1.0.0",
            "REPOSITORY": "Me/It",
            "TAG": "v1.0.0",
        },
    )
    return status, ran.read_text().splitlines()


@pytest.mark.parametrize(
    ("failing", "last"),
    [
        ("", 6),
        ("cosign verify", 0),
        ("docker buildx", 0),
        ("cosign verify-attestation", 1),
        ("cosign verify-blob", 2),
        ("sha256sum --check", 3),
        ("gh attestation", 4),
    ],
)
def test_should_verify_with_every_documented_command_until_one_fails(
    tmp_path: Path, failing: str, last: int
) -> None:
    # Given
    signed_by = (
        "--certificate-identity https://github.com/Me/It/.github/workflows/release.yml"
        "@refs/tags/v1.0.0 --certificate-oidc-issuer"
        " https://token.actions.githubusercontent.com"
    )
    attest = "cosign verify-attestation"
    built_from = "--repo Me/It --source-ref refs/tags/v1.0.0"

    # When
    status, ran = verify(tmp_path, failing)

    # Then
    assert (status == 0) is not bool(failing)
    assert [line for line in ran if not line.startswith("docker")] == [
        f"cosign verify {signed_by} ghcr.io/me/it:1.0.0",
        f"{attest} {signed_by} --type cyclonedx ghcr.io/me/it@sha256:1",
        f"cosign verify-blob {signed_by} --bundle SHA256SUMS.sigstore.json SHA256SUMS",
        "sha256sum --check --ignore-missing SHA256SUMS",
        f"gh attestation verify oci://ghcr.io/me/it:1.0.0 {built_from}",
        f"gh attestation verify page-tracker-linux-amd64 {built_from}",
    ][: last + 1]
