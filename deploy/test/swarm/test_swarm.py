"""The stack on a swarm goes on counting, whatever its operator does to it."""

from collections.abc import Callable, Iterator
from secrets import token_hex

import pytest
import requests
from support import docker, run, succeed, wait_for
from support.swarm import Swarm
from support.visitors import Visitors


@pytest.fixture
def build(image: str) -> Iterator[Callable[[str], str]]:
    """Give a function that builds an image with one more line, and returns its id."""
    name = f"page-tracker-swarm-{token_hex(3)}"
    succeed(docker("tag", image, f"{name}:base"))

    def with_line(line: str) -> str:
        lines = f"FROM {name}:base\n{line}\n"
        command = ("docker", "build", "--quiet", "--tag", f"{name}:other", "-")
        return succeed(run(*command, given=lines))

    yield with_line
    docker("image", "rm", "--force", f"{name}:base", f"{name}:other")


def test_should_deploy_another_image_without_a_failed_request(
    stack: Swarm, build: Callable[[str], str]
) -> None:
    # Given
    other = build("ENV ANOTHER=version")
    before = stack.stored()

    # When
    with Visitors(stack.url, pause=0.01) as visitors:
        visitors.come(20)
        done = stack.deploy(other)

    # Then
    assert done.returncode == 0, done.stderr
    assert stack.images() == {other}
    assert visitors.counted_on_from(before), visitors.failures
    assert stack.stored() == before + len(visitors.numbers)


def test_should_fail_when_swarm_rolled_the_image_back(
    stack: Swarm, good: str, build: Callable[[str], str]
) -> None:
    # Given
    succeed(stack.deploy(good))
    before = stack.stored()

    # When
    with Visitors(stack.url, pause=0.01) as visitors:
        visitors.come(20)
        done = stack.deploy(build('CMD ["false"]'))

    # Then
    assert done.returncode == 1
    assert "web-service has 3/3 tasks, rollback_completed" in done.stderr
    assert stack.images() == {good}
    assert visitors.counted_on_from(before), visitors.failures


def test_should_replace_tasks_when_their_secret_changes(stack: Swarm) -> None:
    # Given
    before = stack.stored()
    (stack.secrets / "token").write_text("another-token-of-a-test\n", encoding="utf-8")

    # When
    with Visitors(stack.url, pause=0.01) as visitors:
        visitors.come(20)
        done = stack.deploy()

    # Then
    assert done.returncode == 0, done.stderr
    token = ("cat", "/run/secrets/token")
    container = stack.containers("web-service")[0]
    assert "another-token" in succeed(docker("exec", container, *token))
    assert visitors.counted_on_from(before), visitors.failures


def test_should_keep_the_counts_when_redis_dies(stack: Swarm) -> None:
    # Given
    with Visitors(stack.url) as visitors:
        visitors.come(20)
    before = stack.stored()

    # When
    succeed(docker("kill", *stack.containers("redis-service")))

    # Then: Swarm starts another, on the node that has the volume
    assert wait_for(lambda: stack.containers("redis-service"), 120)
    assert wait_for(lambda: requests.get(stack.url, timeout=15).ok, 30)
    assert stack.stored() == before + 1
