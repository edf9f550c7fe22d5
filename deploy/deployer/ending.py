"""How the command ends, and how it prints its lines."""

import signal
from collections.abc import Callable
from enum import IntEnum
from types import FrameType

WIDTH = 8
"""Width of a step's name, in characters."""


class Status(IntEnum):
    """Exit statuses of the command."""

    KEPT = 0
    ROLLED_BACK = 1
    REFUSED = 2
    STUCK = 3
    BUSY = 75


class Ending(Exception):
    """Ends the command, with a status and a last line that says why."""

    title: str
    status: Status


class DeploymentError(Ending):
    """A step failed; the message says why."""

    title, status = "Failed", Status.ROLLED_BACK


class UnsettledError(DeploymentError):
    """The deployment is unfinished, and the next one settles it."""

    title = "Unfinished; the next deployment settles it"
    status = Status.STUCK


class RefusedError(Ending):
    """The request is invalid. Nothing was changed; the message says what is valid."""

    title, status = "Refused", Status.REFUSED


class BusyError(Ending):
    """Another deployment of this stack is running."""

    title, status = "Busy", Status.BUSY


class Interruption(BaseException):
    """A signal interrupted the deployment, which rolls back."""

    def __init__(self, number: int) -> None:
        super().__init__(f"Interrupted by {signal.Signals(number).name}")
        self.status = 128 + number


class Interruptions:
    """Turns the first SIGINT, SIGTERM or SIGHUP into an Interruption."""

    def __init__(self) -> None:
        self._is_ignoring = False
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            # nohup ignores SIGHUP.
            if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:
                signal.signal(number, self._interrupt)

    def ignore(self) -> None:
        """Ignore all further signals."""
        self._is_ignoring = True

    def _interrupt(self, number: int, _frame: FrameType | None) -> None:
        if not self._is_ignoring:
            self._is_ignoring = True
            raise Interruption(number)


def say(text: str) -> None:
    """Print a line, without buffering."""
    print(text, flush=True)


def quote(title: str, text: str) -> None:
    """Print the output of another program, indented."""
    say(f"{title}:")
    for line in text.splitlines() or ["(nothing)"]:
        say(f"  | {line}")


def status_of(action: Callable[[], int]) -> int:
    """Run an action and return its status. If it fails, print why on the last line."""
    try:
        return action()
    except Ending as ending:
        say(f"{ending.title}: {ending}")
        return ending.status
    except Interruption as error:
        say(f"{error} before this deployment began.")
        return error.status
