"""`deploy/deploy` refuses what is invalid before it asks any engine."""

import os
import subprocess
from pathlib import Path

import pytest
from support import ROOT

IMAGE = "web@sha256:" + "a" * 64


def deploy(*arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
    """Run the command where there is no engine."""
    return subprocess.run(
        [ROOT / "deploy/deploy", *arguments],
        env=os.environ | {"DOCKER_HOST": "unix:///dev/null/none"} | settings,
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )


def docker_that(folder: Path, script: str) -> str:
    """Put a docker command that runs a script first, and return the PATH for it."""
    (folder / "docker").write_text(f"#!/bin/sh\n{script}\n")
    (folder / "docker").chmod(0o755)
    return f"{folder}:{os.environ['PATH']}"


@pytest.mark.parametrize(
    "image", ["web", "web:latest", "web:v1@sha256:abc", "sha256:abc", IMAGE + "0"]
)
def test_should_refuse_an_image_that_can_change(image: str) -> None:
    # When
    done = deploy("deploy", image)

    # Then
    assert done.returncode == 2
    assert done.stdout.startswith(f"Refused: '{image}' can mean another image tomorrow")
    assert "docker image inspect --format '{{.Id}}' NAME" in done.stdout


def test_should_say_how_it_is_called_when_there_is_no_image() -> None:
    # When
    done = deploy("deploy", "")

    # Then
    assert done.returncode == 2
    assert "make deploy IMAGE=name@sha256:…" in done.stdout


@pytest.mark.parametrize(
    ("name", "value", "valid"),
    [
        ("CANARY_SHARE", "ten", "use a number, for example 30"),
        ("CANARY_SHARE", "91", "use 0 to 90"),
        ("WATCH_SECONDS", "-1", "use a number, for example 30"),
        ("HEALTHY_SECONDS", "1.5", "use a number, for example 30"),
    ],
)
def test_should_refuse_a_setting_that_is_invalid(
    name: str, value: str, valid: str
) -> None:
    # When
    done = deploy("deploy", IMAGE, **{name: value})

    # Then
    assert done.returncode == 2
    assert done.stdout.startswith(f"Refused: {name} is ")
    assert valid in done.stdout


def test_should_refuse_a_url_that_nothing_here_can_check(tmp_path: Path) -> None:
    # Given
    (tmp_path / "python3").symlink_to("/usr/bin/python3")

    # When
    url = "https://counter.example.org"
    done = deploy("deploy", IMAGE, DEPLOY_URL=url, PATH=f"{tmp_path}:/bin")

    # Then
    assert done.returncode == 2
    assert "no command page-tracker" in done.stdout


def test_should_say_on_one_line_that_there_is_no_engine(tmp_path: Path) -> None:
    # Given
    config = '{"name": "x", "services": {"web-service": {"networks": {}}}}'
    nobody = 'echo "Cannot connect to the Docker daemon" >&2; exit 1'
    path = docker_that(
        tmp_path, f"case $* in *\" config \"*) echo '{config}' ;; *) {nobody} ;; esac"
    )

    # When
    done = deploy("deploy", IMAGE, PATH=path)

    # Then
    assert done.returncode == 1
    assert done.stdout.splitlines()[-1].startswith("Failed: docker ps")
    assert "Cannot connect to the Docker daemon" in done.stdout
    assert not done.stderr


def test_should_say_what_to_install_when_docker_has_no_compose(tmp_path: Path) -> None:
    # Given
    path = docker_that(tmp_path, "echo \"Run 'docker --help'\" >&2; exit 125")

    # When
    done = deploy("deploy", IMAGE, PATH=path)

    # Then
    assert done.returncode == 2
    assert done.stdout.startswith("Refused: docker has no plugin compose here: install")


def test_should_name_what_is_wrong_in_the_files(tmp_path: Path) -> None:
    # Given
    wrong = "echo 'no such file: more.yml' >&2; exit 1"
    path = docker_that(tmp_path, f'[ "$2" = version ] || {{ {wrong}; }}')

    # When
    done = deploy("deploy", IMAGE, PATH=path)

    # Then
    assert done.returncode == 2
    assert done.stdout == "Refused: The Compose files: no such file: more.yml\n"


def test_should_explain_settings_rule_and_statuses() -> None:
    # When
    explained = deploy("--help").stdout

    # Then
    for word in ("CANARY_SHARE", "20 requests", "2 times", "50 ms", "75:", "143:"):
        assert word in explained
