"""`deploy/deploy` refuses what is invalid before it asks any engine."""

import os
import sys
from pathlib import Path

import pytest
from support import Done, run

IMAGE = "web@sha256:" + "a" * 64


def deploy(*arguments: str, **settings: str) -> Done:
    """Run the command without an engine."""
    environment = os.environ | {"DOCKER_HOST": "unix:///dev/null/none"} | settings
    return run("deploy/deploy", *arguments, environment=environment)


@pytest.mark.parametrize(
    "image", ["", "web", "web:latest", "web:v1@sha256:abc", "sha256:abc", IMAGE + "0"]
)
def test_should_refuse_an_image_that_can_change(image: str) -> None:
    # Given
    why = "IMAGE is not set: make deploy IMAGE=name@sha256:…"
    if image:
        why = f"'{image}' can mean another image tomorrow: name it by digest"

    # When
    done = deploy("deploy", image)

    # Then
    assert done.returncode == 2
    assert done.stdout.startswith(f"Refused: {why}")


@pytest.mark.parametrize(
    ("name", "value", "why"),
    [
        ("CANARY_SHARE", "ten", "is 'ten': use a number, for example 30"),
        ("CANARY_SHARE", "91", "is 91: use 0 to 90"),
        ("WATCH_SECONDS", "-1", "is '-1': use a number"),
        ("HEALTHY_SECONDS", "1.5", "is '1.5': use a number"),
        (
            *("DEPLOY_URL", "https://counter.example.org"),
            "is set, but this machine has no command page-tracker to check it with",
        ),
    ],
)
def test_should_refuse_a_setting_that_is_invalid(
    name: str, value: str, why: str, tmp_path: Path
) -> None:
    # Given: nothing here can check a URL
    (tmp_path / "python3").symlink_to(sys.executable)

    # When
    settings = {"PATH": f"{tmp_path}:/bin", name: value}
    done = deploy("deploy", IMAGE, **settings)

    # Then
    assert done.returncode == 2
    assert done.stdout.startswith(f"Refused: {name} {why}")


def test_should_allow_a_rollback_when_nothing_can_check_a_url(tmp_path: Path) -> None:
    # Given
    (tmp_path / "python3").symlink_to(sys.executable)
    settings = {"PATH": f"{tmp_path}:/bin", "DEPLOY_URL": "https://counter.example.org"}

    # When
    done = deploy("rollback", **settings)

    # Then: it only failed without an engine
    assert "DEPLOY_URL" not in done.stdout
    assert done.returncode != 0


MODEL = '{"name": "x", "services": {"web-service": {"networks": {}}}}'


@pytest.mark.parametrize(
    ("script", "status", "message"),
    [
        (
            f"case $* in *\" config \"*) echo '{MODEL}' ;; *) {{ %s; }} ;; esac"
            % "echo Cannot connect to the Docker daemon >&2; exit 1",
            *(1, "Failed: docker ps --all --quiet failed: Cannot connect to the"),
        ),
        (
            "echo \"Run 'docker --help'\" >&2; exit 125",
            *(2, "Refused: docker has no plugin compose here: install"),
        ),
        (
            '[ "$2" = version ] || { echo no such file: more.yml >&2; exit 1; }',
            *(2, "Refused: Invalid Compose files: no such file: more.yml"),
        ),
    ],
    ids=["no engine", "no Compose", "invalid files"],
)
def test_should_say_on_one_line_what_is_wrong_with_docker(
    tmp_path: Path, script: str, status: int, message: str
) -> None:
    # Given
    (tmp_path / "docker").write_text(f"#!/bin/sh\n{script}\n")
    (tmp_path / "docker").chmod(0o755)

    # When
    done = deploy("deploy", IMAGE, PATH=f"{tmp_path}:{os.environ['PATH']}")

    # Then
    assert done.returncode == status
    assert done.stdout.startswith(message)
    assert len((done.stdout + done.stderr).splitlines()) == 1


def test_should_explain_settings_rule_and_statuses() -> None:
    # When
    explained = deploy("--help").stdout

    # Then
    for word in ("CANARY_SHARE", "20 requests", "2 times", "50 ms", "75:", "143:"):
        assert word in explained
