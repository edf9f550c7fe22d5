"""gunicorn's worker with threads, with one way of ending for every reason.

It stops listening at once, answers the requests that have reached it, and ends.
gunicorn's own worker listens until its last connection is closed, but accepts none. A
client that connects meanwhile sends a view, and never learns whether it counted. When
the connection is refused, a proxy asks another replica.
"""

import ctypes
import errno
import os
import signal
import sys
from queue import Empty, SimpleQueue
from types import FrameType
from typing import Any

from gunicorn.workers.gthread import ThreadWorker

ENDS = (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT)
"""The signals that end a worker."""

PR_SET_PDEATHSIG = 1
"""From linux/prctl.h: the signal for a process whose parent ends."""


class DrainingWorker(ThreadWorker):  # type: ignore[misc]  # gunicorn ships no types
    """A worker that drains: for a signal, a dead master, changed code.

    Each reason makes `alive` false; all that follows is the same.
    """

    signals_of_master: SimpleQueue[int]
    """The signals that reached this process before it handled any itself."""

    def init_signals(self) -> None:
        """Handle signals, and those that came since the master forked this process."""
        super().init_signals()
        if sys.platform == "linux":  # elsewhere, gunicorn looks once a second
            ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
        try:
            while True:
                if self.signals_of_master.get_nowait() in ENDS:
                    self.alive = False
        except Empty:
            pass

    def handle_quit(self, sig: int, frame: FrameType | None) -> None:
        """Drain at the first signal; end at once at the second."""
        if self.alive:
            self.handle_exit(sig, frame)
        else:
            super().handle_quit(sig, frame)

    def is_parent_alive(self) -> bool:
        """Return whether the master lives; if not, drain."""
        self.alive = self.alive and super().is_parent_alive()
        return self.alive

    def accept(self, listener: Any) -> None:
        """Accept a connection; when files run out, accept fewer from now on."""
        try:
            super().accept(listener)
        except OSError as error:
            if error.errno not in (errno.EMFILE, errno.ENFILE):
                raise
            # Each thread may need one more, for Redis.
            self.worker_connections = max(1, self.nr_conns - self.cfg.threads)

    def set_accept_enabled(self, enabled: bool) -> None:
        """Accept connections or not; to end, accept those that wait, then close.

        A worker that has just started may have to end, too.
        """
        super().set_accept_enabled(enabled and self.alive)
        if self.sockets and not self.alive and self.ppid != os.getppid():
            self.log.error("The master was killed; this worker ends, too")
        while self.sockets and not self.alive:
            listener = self.sockets.pop()
            taken = None
            while taken != self.nr_conns:
                taken = self.nr_conns
                self.accept(listener)
            listener.close()
