"""SIGINT, SIGTERM and SIGHUP: a deployment that is interrupted goes back."""

import signal
from types import FrameType


class Interruption(BaseException):
    """The deployment was interrupted by a signal."""

    def __init__(self, number: int) -> None:
        super().__init__(f"It was interrupted by {signal.Signals(number).name}")
        self.status = 128 + number


class Interruptions:
    """What happens when such a signal comes: until it is put off, an Interruption."""

    def __init__(self) -> None:
        self._is_put_off = False
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._come)
        # Under nohup, the end of a terminal is none of this.
        if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
            signal.signal(signal.SIGHUP, self._come)

    def put_off(self) -> None:
        """Let what runs come to its end, whatever signals come."""
        self._is_put_off = True

    def _come(self, number: int, _frame: FrameType | None) -> None:
        if not self._is_put_off:
            self._is_put_off = True
            raise Interruption(number)
