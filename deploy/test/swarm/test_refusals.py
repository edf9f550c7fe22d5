"""What a swarm needs and does not have is named, before anything is touched."""

import pytest

from support.checkout import command

pytestmark = pytest.mark.timeout(120)

DEPLOY = ("deploy/release", "--strategy", "rolling")


# The first test: the others have a swarm.
@pytest.mark.parametrize("words", [("deploy/swarm",), (*DEPLOY, "history")])
def test_should_say_that_there_is_no_swarm(
    nothing: dict[str, str], words: tuple[str, ...]
) -> None:
    # When
    done = command(*words, environment=nothing)

    # Then
    assert done.returncode == 2
    assert "docker swarm init" in done.stdout.splitlines()[-1]
    assert "Traceback" not in done.stdout + done.stderr


def test_should_name_all_that_is_missing(
    nothing: dict[str, str], swarm: None, image: str
) -> None:
    # Given
    del swarm
    settings = {
        "PAGE_TRACKER_IMAGE": image,
        "PAGE_TRACKER_PROXY_IMAGE": "127.0.0.1:1/no/proxy:here",
    }

    # When
    done = command("deploy/swarm", environment=nothing | settings)

    # Then
    assert done.returncode == 2
    for named in (
        "page-tracker-redis=yes",
        "PAGE_TRACKER_DOMAIN",
        "make secrets",
        "PAGE_TRACKER_PROXY_IMAGE",
    ):
        assert named in done.stdout


@pytest.mark.parametrize(
    ("image", "reason"),
    [("", "IMAGE is not set"), ("page-tracker:local", "by digest")],
)
def test_should_want_an_image_by_digest(
    nothing: dict[str, str], swarm: None, image: str, reason: str
) -> None:
    # Given
    del swarm

    # When
    done = command("deploy/swarm", environment=nothing | {"PAGE_TRACKER_IMAGE": image})

    # Then
    assert done.returncode == 2
    assert reason in done.stdout


def test_should_say_that_there_is_no_stack_to_deploy_to(
    nothing: dict[str, str], swarm: None, image: str
) -> None:
    # Given
    del swarm

    # When
    done = command(*DEPLOY, "deploy", image, environment=nothing)

    # Then
    assert done.returncode == 2
    assert "make swarm" in done.stdout.splitlines()[-1]
