"""`deploy/release` refuses what will not do before it asks any engine."""

import os
import subprocess

import pytest

from support import ROOT

RELEASE = ROOT / "deploy/release"
IMAGE = "web@sha256:" + "a" * 64


def release(*arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
    """Run the command where there is no engine."""
    return subprocess.run(
        [RELEASE, *arguments],
        env=os.environ | {"DOCKER_HOST": "unix:///dev/null/none"} | settings,
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )


@pytest.mark.parametrize(
    "image", ["web", "web:latest", "web:v1@sha256:abc", "sha256:abc", IMAGE + "0"]
)
def test_should_refuse_an_image_that_can_change(image: str) -> None:
    # When
    done = release("deploy", image)

    # Then
    assert done.returncode == 2
    assert done.stdout.startswith(f"Refused: '{image}' can mean another image tomorrow")
    assert "docker image inspect --format '{{.Id}}' NAME" in done.stdout


def test_should_say_how_it_is_called_when_there_is_no_image() -> None:
    # When
    done = release("deploy", "")

    # Then
    assert done.returncode == 2
    assert "make deploy IMAGE=name@sha256:…" in done.stdout


@pytest.mark.parametrize(
    ("name", "value", "would_do"),
    [
        ("CANARY_SHARE", "ten", "a number as 30 would do"),
        ("CANARY_SHARE", "91", "0 to 90 would do"),
        ("WATCH_SECONDS", "-1", "a number as 30 would do"),
        ("HEALTHY_SECONDS", "1.5", "a number as 30 would do"),
    ],
)
def test_should_refuse_a_setting_that_will_not_do(
    name: str, value: str, would_do: str
) -> None:
    # When
    done = release("deploy", IMAGE, **{name: value})

    # Then
    assert done.returncode == 2
    assert done.stdout.startswith(f"Refused: {name} is ")
    assert would_do in done.stdout


def test_should_say_on_one_line_that_there_is_no_engine() -> None:
    # When
    done = release("deploy", IMAGE)

    # Then
    assert done.returncode == 1
    assert "docker" in done.stdout.splitlines()[-1]
    assert "Traceback" not in done.stderr


def test_should_explain_settings_rule_and_statuses() -> None:
    # When
    explained = release("--help").stdout

    # Then
    for word in ("CANARY_SHARE", "20 requests", "2 times", "50 ms", "75:", "143:"):
        assert word in explained
