"""The stack on a swarm goes on counting, whatever its operator does to it."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread

import pytest
import requests
from drill.stacks import run
from drill.swarm_stack import SwarmStack

from support.checkout import command
from support.waiting import wait_for

pytestmark = pytest.mark.timeout(400)

SECONDS_TO_SETTLE = 120


class Visitors:
    """Some who view the counter page again and again, and keep what they were told."""

    def __init__(self, url: str) -> None:
        self.told: list[str] = []
        self._url = url
        self._leave = Event()
        self._threads = [Thread(target=self._view, args=(n,)) for n in range(4)]

    def come(self) -> None:
        """Begin."""
        for thread in self._threads:
            thread.start()

    def leave(self) -> None:
        """Return when all is answered."""
        self._leave.set()
        for thread in self._threads:
            thread.join(30)

    @property
    def disappointed(self) -> list[str]:
        """Return the answers that are no number."""
        return [told for told in self.told if "This page has been seen" not in told]

    def _view(self, number: int) -> None:
        headers = {"User-Agent": f"visitor {number}"}
        with requests.Session() as session:
            session.trust_env = False
            while not self._leave.wait(0.01):
                try:
                    answer = session.get(self._url, headers=headers, timeout=15)
                    self.told.append(answer.text)
                except requests.RequestException as error:
                    self.told.append(repr(error))


@contextmanager
def visited(stack: SwarmStack) -> Iterator[Visitors]:
    """Have the stack visited."""
    visitors = Visitors(stack.url)
    visitors.come()
    try:
        wait_for(lambda: len(visitors.told) > 20, 20)
        yield visitors
    finally:
        visitors.leave()


@pytest.fixture(name="crashing")
def image_that_crashes(tmp_path: Path, image: str) -> Iterator[str]:
    """Give the id of an image that ends as soon as it starts."""
    name = f"page-tracker-crashes-{secrets.token_hex(3)}"
    run("docker", "tag", image, f"{name}:base")
    (tmp_path / "Dockerfile").write_text(f'FROM {name}:base\nCMD ["false"]\n')
    run("docker", "build", "--quiet", "--tag", f"{name}:crashes", str(tmp_path))
    yield run("docker", "image", "inspect", "--format", "{{.Id}}", f"{name}:crashes")
    run("docker", "image", "rm", "--force", f"{name}:crashes", f"{name}:base")


def update_of(stack: SwarmStack, service: str) -> str:
    """Return what Swarm says of the last update of a service."""
    state = "{{with .UpdateStatus}}{{.State}}{{end}}"
    name = f"{stack.project}_{service}"
    return run("docker", "service", "inspect", "--format", state, name)


def test_should_have_swarm_take_back_what_crashes(
    stack: SwarmStack, image: str, crashing: str
) -> None:
    # Given
    before = stack.stored()

    # When: by hand, past `make deploy`
    with visited(stack) as visitors:
        run(
            *(
                "docker",
                "service",
                "update",
                "--quiet",
                "--detach",
                "--image",
                crashing,
            ),
            f"{stack.project}_web-service",
        )
        ended = wait_for(
            lambda: update_of(stack, "web-service") == "rollback_completed",
            SECONDS_TO_SETTLE,
        )

    # Then
    assert ended
    assert stack.running() == {image}
    assert visitors.disappointed == []
    assert stack.stored() == before + len(visitors.told)


def test_should_take_back_settings_that_will_not_do(
    stack: SwarmStack,
) -> None:
    # When
    with visited(stack) as visitors:
        done = command(
            "deploy/swarm",
            environment=stack.environment | {"PAGE_TRACKER_RATE": "many"},
        )

    # Then
    assert done.returncode == 1
    assert "web-service" in done.stdout.splitlines()[-1]
    assert visitors.disappointed == []


def test_should_replace_what_has_a_secret_when_that_changes(
    stack: SwarmStack,
) -> None:
    # Given
    before = stack.stored()
    token = Path(stack.environment["PAGE_TRACKER_SECRETS"]) / "token"
    token.write_text("another-token-of-a-test\n", encoding="utf-8")

    # When
    with visited(stack) as visitors:
        done = command("deploy/swarm", environment=stack.environment)

    # Then
    assert done.returncode == 0, done.stdout
    container, *_ = stack.containers("web-service")
    assert "another-token" in run(
        "docker", "exec", container, "cat", "/run/secrets/token"
    )
    assert visitors.disappointed == []
    assert stack.stored() == before + len(visitors.told)


def test_should_keep_the_counts_when_redis_dies(stack: SwarmStack) -> None:
    # Given
    with visited(stack):
        pass
    before = stack.stored()

    # When
    run("docker", "kill", *stack.containers("redis-service"))

    # Then: Swarm starts another, on the node that has the volume
    assert wait_for(lambda: stack.containers("redis-service"), SECONDS_TO_SETTLE)

    def answer() -> str:
        return str(requests.get(stack.url, timeout=15).text)

    assert wait_for(
        lambda: answer() == f"This page has been seen {before + 1} times.", 30
    )


def test_should_let_nobody_into_redis_without_a_password(stack: SwarmStack) -> None:
    # When
    (redis,) = stack.containers("redis-service")
    ask = ["redis-cli", "--tls", "--cacert", "/run/secrets/redis-ca.crt"]
    answer = run("docker", "exec", redis, *ask, "get", "page_views")

    # Then
    assert "NOAUTH" in answer
