"""The container's health check, which ends a server that no longer answers.

The engine restarts a container that has ended, but not one that is unhealthy.
"""

import os
import signal
import sys
import time
from http.client import HTTPConnection, HTTPException
from pathlib import Path

SECONDS_TO_ANSWER = 2
SECONDS_UNTIL_TERMINATED = 60
SECONDS_UNTIL_KILLED = 70

LOG = Path("/proc/1/fd/2")
STATE = Path("/dev/shm/page-tracker-alive")  # nosec B108  # of this container alone
"""Missing until the first answer. Empty if the last check passed; else it has the time
of the first check that failed since then. The folder is empty after a restart."""


def main() -> int:
    """Ask the server on this machine. Returns the status of the command."""
    is_answered = answers()
    ending = due(STATE, is_answered, time.monotonic())
    if ending:
        # The container's log, because the engine shows no output of this check.
        name = signal.Signals(ending).name
        LOG.write_text(f"The server does not answer: {name}.\n", encoding="utf-8")
    if ending == signal.SIGTERM:
        os.kill(1, ending)  # an init passes it on
    elif ending == signal.SIGKILL:
        os.kill(-1, ending)  # all but 1: an init ends then
    return 0 if is_answered else 1


def answers() -> bool:
    """Return whether the server answers `/health`."""
    # http.client ignores the proxy that the environment may name.
    connection = HTTPConnection("127.0.0.1", 8000, timeout=SECONDS_TO_ANSWER)
    try:
        connection.request("GET", "/health")
        status = connection.getresponse().status
        print(f"/health: status {status}")
        return status == 200
    except (OSError, HTTPException) as error:
        print(f"/health: {error!r}")
        return False
    finally:
        connection.close()


def due(state: Path, is_answered: bool, now: float) -> signal.Signals | None:
    """Note the result of a check, and return the signal that the server must get.

    A server that has never answered may still start, and gets none. `now` is in seconds
    of a clock that never jumps.
    """
    if is_answered:
        state.write_text("", encoding="ascii")
        return None
    if not state.exists():
        return None
    failing_since = float(state.read_text(encoding="ascii") or now)
    state.write_text(str(failing_since), encoding="ascii")
    if now - failing_since >= SECONDS_UNTIL_KILLED:
        return signal.SIGKILL
    if now - failing_since >= SECONDS_UNTIL_TERMINATED:
        return signal.SIGTERM
    return None


if __name__ == "__main__":
    sys.exit(main())
