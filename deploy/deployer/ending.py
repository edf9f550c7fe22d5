"""How a deployment ends, and what it says: lines that read well in the log of a job."""

import signal
from collections.abc import Callable
from enum import IntEnum
from types import FrameType

WIDTH = 8
"""Of the name of a step."""


class Status(IntEnum):
    """What the command exits with."""

    KEPT = 0
    WENT_BACK = 1
    REFUSED = 2
    STUCK = 3
    BUSY = 75


class Ending(Exception):
    """Ends the command: its last line says why, and its status tells."""

    title: str
    status: Status


class DeploymentError(Ending):
    """A step failed, for the reason that this says."""

    title, status = "Failed", Status.WENT_BACK


class UnsettledError(DeploymentError):
    """Something was left in the middle, for the next deployment to settle."""

    title = "Left as it is, for the next deployment to settle"
    status = Status.STUCK


class RefusedError(Ending):
    """The request is invalid, and nothing was touched: says what is valid."""

    title, status = "Refused", Status.REFUSED


class BusyError(Ending):
    """Another deployment of this stack is under way."""

    title, status = "Busy", Status.BUSY


class Interruption(BaseException):
    """The deployment was interrupted by a signal, and goes back."""

    def __init__(self, number: int) -> None:
        super().__init__(f"It was interrupted by {signal.Signals(number).name}")
        self.status = 128 + number


class Interruptions:
    """Turns SIGINT, SIGTERM and SIGHUP into an Interruption, once, until put off."""

    def __init__(self) -> None:
        self._is_put_off = False
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            # Under nohup, the end of a terminal means nothing.
            if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:
                signal.signal(number, self._come)

    def put_off(self) -> None:
        """Let what runs come to its end, whatever signals come."""
        self._is_put_off = True

    def _come(self, number: int, _frame: FrameType | None) -> None:
        if not self._is_put_off:
            self._is_put_off = True
            raise Interruption(number)


def say(text: str) -> None:
    """Print a line, at once."""
    print(text, flush=True)


def quote(title: str, text: str) -> None:
    """Print what something else said, set apart."""
    say(f"{title}:")
    for line in text.splitlines() or ["(nothing)"]:
        say(f"  | {line}")


def status_of(action: Callable[[], int]) -> int:
    """Do it, say on the last line why it was not done, and return the status."""
    try:
        return action()
    except Ending as ending:
        say(f"{ending.title}: {ending}")
        return ending.status
    except Interruption as error:
        say(f"{error}, before this deployment began.")
        return error.status
