"""What a swarm needs and does not have is named, before anything is touched."""

from pathlib import Path

import pytest
from conftest import Operator
from stacks import environment_of

pytestmark = pytest.mark.timeout(120)


@pytest.fixture(name="newcomer")
def somebody_new(tmp_path: Path) -> Operator:
    """Give somebody who has prepared nothing."""
    folder = {"PAGE_TRACKER_SECRETS": str(tmp_path / "secrets")}
    return Operator(environment_of("page-tracker-nobody") | folder)


# The first test: the others have a swarm.
@pytest.mark.parametrize(
    "command", [["deploy/swarm"], ["deploy/release", "--strategy", "rolling", "history"]]
)
def test_should_say_that_there_is_no_swarm(
    newcomer: Operator, command: list[str]
) -> None:
    # When
    done = newcomer.runs(*command)

    # Then
    assert done.returncode == 2
    assert "docker swarm init" in done.stdout.splitlines()[-1]
    assert "Traceback" not in done.stdout + done.stderr


def test_should_name_all_that_is_missing(
    newcomer: Operator, swarm: None, image: str
) -> None:
    # Given
    del swarm
    settings = {
        "PAGE_TRACKER_IMAGE": image,
        "PAGE_TRACKER_PROXY_IMAGE": "127.0.0.1:1/no/proxy:here",
    }

    # When
    done = newcomer.runs("deploy/swarm", **settings)

    # Then
    assert done.returncode == 2
    for named in ("page-tracker-redis=yes", "make secrets", "PAGE_TRACKER_PROXY_IMAGE"):
        assert named in done.stdout


@pytest.mark.parametrize(
    ("image", "reason"),
    [("", "IMAGE is not set"), ("page-tracker:local", "by digest")],
)
def test_should_want_an_image_by_digest(
    newcomer: Operator, swarm: None, image: str, reason: str
) -> None:
    # Given
    del swarm

    # When
    done = newcomer.runs("deploy/swarm", PAGE_TRACKER_IMAGE=image)

    # Then
    assert done.returncode == 2
    assert reason in done.stdout


def test_should_say_that_there_is_no_stack_to_deploy_to(
    newcomer: Operator, swarm: None, image: str
) -> None:
    # Given
    del swarm

    # When
    done = newcomer.runs("deploy/release", "--strategy", "rolling", "deploy", image)

    # Then
    assert done.returncode == 2
    assert "make swarm" in done.stdout.splitlines()[-1]
