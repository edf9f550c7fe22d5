"""A production that lacks something is refused, and nothing is started."""

from collections.abc import Callable

import pytest
from support.stack import PRODUCTION, Stack

DIGEST = f"registry.example/page-tracker@sha256:{64 * '0'}"


@pytest.fixture
def nothing(install: Callable[..., Stack]) -> Stack:
    """Give an installation that has neither settings nor secrets."""
    return install(PAGE_TRACKER_IMAGE="")


def test_should_list_everything_that_is_missing(nothing: Stack) -> None:
    # Given
    nothing.settings["PAGE_TRACKER_TOKEN"] = "a token that was in .env"

    # When
    refused = nothing.run("make", "production")

    # Then
    assert refused.returncode
    named = [
        line.strip().partition(": ")[0] for line in refused.stderr.splitlines()[1:-1]
    ]
    assert named == [
        "PAGE_TRACKER_IMAGE",
        "PAGE_TRACKER_DOMAIN",
        "PAGE_TRACKER_TOKEN",
        str(nothing.secrets),
        f"{nothing.secrets}/certificates/DOMAIN/fullchain.pem",
        f"{nothing.secrets}/certificates/DOMAIN/privkey.pem",
    ]
    assert nothing.env_file.read_text() == ""
    assert nothing.compose("ps", "--all", "--quiet") == ""


@pytest.mark.parametrize("name", ["page-tracker:local", "page-tracker", "a/b:1.2.3"])
def test_should_refuse_an_image_without_a_digest_or_a_commit(
    nothing: Stack, name: str
) -> None:
    # Given
    nothing.settings["PAGE_TRACKER_IMAGE"] = name

    # When
    refused = nothing.run("make", "production")

    # Then
    assert refused.returncode
    assert f"PAGE_TRACKER_IMAGE: {name} may be another one tomorrow" in refused.stderr
    assert nothing.compose("ps", "--all", "--quiet") == ""


@pytest.mark.parametrize(
    ("settings", "name"),
    [
        ({"PAGE_TRACKER_IMAGE": DIGEST}, "PAGE_TRACKER_DOMAIN"),
        ({"PAGE_TRACKER_DOMAIN": "localhost"}, "PAGE_TRACKER_IMAGE"),
    ],
)
def test_should_refuse_without_settings_when_compose_is_called(
    nothing: Stack, settings: dict[str, str], name: str
) -> None:
    # Given
    nothing.settings |= settings

    # When
    refused = nothing.run("docker", "compose", *PRODUCTION, "up", "--detach")

    # Then
    assert refused.returncode
    assert f"variable {name} is missing a value: set the" in refused.stderr
    assert "make production lists all that is missing" in refused.stderr
    assert nothing.compose("ps", "--all", "--quiet") == ""


@pytest.mark.parametrize("missing", ["", "redis-url", "certificates"])
def test_should_refuse_without_secrets_when_compose_is_called(
    install: Callable[..., Stack], missing: str
) -> None:
    # Given
    it = install(PAGE_TRACKER_DOMAIN="localhost")
    it.must("docker", "compose", *PRODUCTION[:2], "build", "--quiet", "proxy-service")
    if missing:
        it.must("make", "secrets")
        (it.secrets / missing).rename(it.secrets / "elsewhere")

    # When
    refused = it.run("docker", "compose", *PRODUCTION, "up", "--detach")

    # Then
    assert refused.returncode
    assert f"bind source path does not exist: {it.secrets}/{missing}" in refused.stderr
    assert it.compose("ps", "--quiet") == ""
