"""Servers of a test, on this machine."""

import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import requests
from redis.exceptions import RedisError
from support import wait_for


@contextmanager
def running(
    *command: str | Path, until: Callable[[], object], **environment: str
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a server while a test needs it."""

    def answers() -> bool:
        with suppress(RedisError, requests.RequestException):
            return bool(until())
        return False

    with subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL) as it:
        try:
            assert wait_for(answers, 20)
            yield it
        finally:
            it.terminate()
