"""gunicorn's master, which watches the keeper of its Redis, and ends in one way."""

import signal
import sys
from types import FrameType
from typing import Any

from gunicorn.arbiter import Arbiter

from page_tracker.store.keeper import Keeper


class Master(Arbiter):  # type: ignore[misc]  # gunicorn ships no types
    """The process that starts the workers."""

    def __init__(self, app: Any, keeper: Keeper | None) -> None:
        """Take the application, and the keeper of its Redis if it has one."""
        self._keeper = keeper
        super().__init__(app)

    def manage_workers(self) -> None:
        """Replace dead children; the end of one calls this at once."""
        if self._keeper:
            self._keeper.replace_if_dead(self.LISTENERS)
        super().manage_workers()


def exit_at_signal() -> None:
    """Exit with status 0 at a signal, until gunicorn handles signals."""
    for one in (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT):
        signal.signal(one, lambda *_: sys.exit())


def drain_at_signal(master: Arbiter, drains_at_hangup: bool) -> None:
    """Drain at every signal that ends a process, as at SIGTERM.

    gunicorn cuts answers off at SIGINT and SIGQUIT. It does so here at the second one.
    At SIGHUP, which a closed terminal sends, it would reload its configuration; ours
    comes from the environment, which does not change.
    """
    at_once = (signal.SIGINT, signal.SIGQUIT)

    def drain(_number: int, frame: FrameType | None) -> None:
        for one in at_once:
            signal.signal(one, master.signal)
        master.signal(signal.SIGTERM, frame)

    for one in at_once:
        signal.signal(one, drain)
    signal.signal(signal.SIGHUP, drain if drains_at_hangup else signal.SIG_IGN)
