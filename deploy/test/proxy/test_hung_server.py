"""A server that runs but no longer answers is started again."""

from support import succeed, wait_for
from support.stack import Stack

STOP = "import os, signal; os.kill(-1, signal.SIGSTOP)"
"""Stops all processes of a container but the first one, which ends with the others."""

SECONDS_AT_MOST = 150


def restarts(stack: Stack) -> int:
    (container,) = stack.containers("web-service")
    return int(container["RestartCount"])


def test_should_start_a_server_again_that_does_not_answer_for_a_minute(
    stack: Stack,
) -> None:
    # Given
    before, views = restarts(stack), stack.count(1)

    # When
    succeed(stack.exec("web-service", "python", "-c", STOP))

    # Then
    assert wait_for(lambda: restarts(stack) > before, SECONDS_AT_MOST)
    assert wait_for(lambda: stack.get("/health").ok)
    assert stack.count(1) == views + 1
    log = stack.compose("logs", "--no-log-prefix", "web-service")
    assert "The server does not answer: SIGKILL." in log
