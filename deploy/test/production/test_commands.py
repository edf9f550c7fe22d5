"""Commands of the default stack exit with the right status, in any order."""

import socket
from collections.abc import Callable

import pytest
from support.stack import Stack

TESTS = ("--profile", "testing", "up", "--no-build", "--exit-code-from", "test-service")


@pytest.fixture
def tested(install: Callable[..., Stack]) -> Stack:
    """Give a stack whose tests ask web-service for SENTENCE."""
    ask = (
        "import os, urllib.request as r; "
        "output = r.urlopen('http://web-service:8000/', timeout=5).read().decode(); "
        "raise SystemExit(os.environ['SENTENCE'] not in output)"
    )
    tests = {
        "image": "${PAGE_TRACKER_IMAGE}",
        "command": ["python", "-c", ask],
        "environment": {"SENTENCE": "${SENTENCE:-This page has been seen}"},
    }
    it = install()
    it.override = {"services": {"test-service": tests}}
    it.compose("build", "--quiet", "proxy-service")
    return it


def test_should_exit_with_the_result_of_the_tests_in_any_order(tested: Stack) -> None:
    # Given
    def test() -> int:
        return tested.run("docker", "compose", *TESTS).returncode

    # When
    twice = [test(), test()]
    tested.compose("down")
    after_down = test()
    tested.settings["SENTENCE"] = "another sentence"
    failed = test()
    tested.compose("up", "--no-build", "--detach", "--wait")
    shown = tested.count(1, "http")
    del tested.settings["SENTENCE"]
    fixed = test()

    # Then
    assert (twice, after_down, failed, fixed) == ([0, 0], 0, 1, 0)
    assert shown == 5


def test_should_suggest_another_port_when_the_port_is_taken(
    install: Callable[..., Stack],
) -> None:
    # Given
    with socket.create_server(("0.0.0.0", 0)) as taken:
        port = taken.getsockname()[1]
        it = install(PAGE_TRACKER_PORT=str(port))

        # When
        refused = it.run("make", "up")

    # Then
    assert refused.returncode
    *_, why, advice, _make = refused.stderr.splitlines()
    assert why.startswith("Nothing was started: ") and f"0.0.0.0:{port}" in why
    assert advice.endswith("make up PAGE_TRACKER_PORT=8080")
    assert it.compose("ps", "--all", "--quiet") == ""


def test_should_remove_everything_when_that_is_confirmed(tested: Stack) -> None:
    # Given
    tested.must("docker", "compose", *TESTS)
    volume = f"{tested.project}_deployment-volume"
    tested.must("docker", "volume", "create", volume)
    tested.compose("down", "--volumes")

    def left() -> list[str]:
        kinds = (("container", "--all"), ("network",), ("volume",))
        own = ["--quiet", "--filter", f"name={tested.project}"]
        return [
            tested.must("docker", *kind[:1], "ls", *kind[1:], *own) for kind in kinds
        ]

    # When
    refused, before = tested.run("make", "remove"), left()
    done = tested.run("make", "remove", "YES=1")

    # Then
    assert refused.returncode and "Nothing was removed" in refused.stderr
    assert f"{tested.project}-test-service-1" in refused.stdout
    assert volume in refused.stdout
    assert any(before)
    assert done.returncode == 0, done.stderr
    assert not any(left())
