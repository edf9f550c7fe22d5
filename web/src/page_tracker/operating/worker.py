"""gunicorn's worker with an event loop, with one way of ending for every reason.

It stops listening at once, answers the requests that have reached it, and ends. When a
connection is refused, a proxy asks another replica. A client that is accepted, but gets
no answer, never learns whether its view counted.
"""

import asyncio
import ctypes
import faulthandler
import gc
import os
import signal
import sys
from queue import Empty, SimpleQueue
from types import FrameType
from typing import Any

import uvloop
from gunicorn.arbiter import Arbiter
from gunicorn.util import import_app
from gunicorn.workers.base import Worker

from page_tracker.environment import load_settings
from page_tracker.http.edge import Edge
from page_tracker.http.request_log import request_log
from page_tracker.operating.levels import Levels
from page_tracker.operating.listening import Listening
from page_tracker.operating.tallies import Tallies
from page_tracker.operating.traces import Traces, exporter_of

ENDS = (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT)
"""The signals that end a worker."""

SECONDS_OF_A_THREAD = 0.0005
"""Python's default is ten times as long. So long a page that a thread makes keeps the
event loop waiting, at each of its turns."""

PR_SET_PDEATHSIG = 1
"""From linux/prctl.h: the signal for a process whose parent ends."""


async def broken(_scope: Any, _receive: Any, send: Any) -> None:
    """Answer while changed code has a syntax error, which the log has."""
    body = b"The code has a syntax error. The log shows it."
    length = (b"Content-Length", b"%d" % len(body))
    start = {"type": "http.response.start", "status": 500, "headers": [length]}
    await send(start)
    await send({"type": "http.response.body", "body": body})


class DrainingWorker(Worker):  # type: ignore[misc]  # gunicorn ships no types
    """A worker that drains: for a signal, a dead master, changed code.

    Each reason makes `alive` false; all that follows is the same.
    """

    wsgi: Any
    metrics: Any = None
    tallies: Tallies | None
    """The numbers of all workers, if the server has metrics."""
    place: int
    """The place for those of this one."""
    signals_of_master: SimpleQueue[int]
    """The signals that reached this process before it handled any itself."""
    levels: Levels
    traces: Traces | None = None

    def init_signals(self) -> None:
        """Handle signals, and those that came since the master forked this process."""
        super().init_signals()
        if sys.platform == "linux":  # elsewhere, `is_to_end` looks
            ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
        try:
            while True:
                if self.signals_of_master.get_nowait() in ENDS:
                    self.alive = False
        except Empty:
            pass

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Drain, and end in time also if the loop or a thread hangs."""
        is_first, self.alive = self.alive, False
        if is_first:
            self.end_in_time()

    def handle_quit(self, sig: int, frame: FrameType | None) -> None:
        """Drain at the first signal; end at once at the second."""
        if not self.alive:
            os._exit(0)
        self.handle_exit(sig, frame)

    def load_wsgi(self) -> None:
        """Load the application. With a syntax error, gunicorn gives one of WSGI."""
        super().load_wsgi()
        if not isinstance(self.wsgi, Edge) and self.cfg.reload:
            self.wsgi = broken
        if isinstance(self.wsgi, Edge) and (exporter := exporter_of()):
            self.traces = self._begin_traces(exporter)
            self.wsgi = self.traces.around(self.wsgi, load_settings().proxies)
        if self.tallies and self.wsgi is not broken:
            self.metrics = import_app("page_tracker.app:metrics")

    def _begin_traces(self, exporter: str) -> Traces:
        """Begin traces. If the library refuses a variable, the server ends."""
        try:
            return Traces(exporter)
        except Exception as error:  # pylint: disable=broad-exception-caught  # any kind
            self.log.error("An OTEL_ variable is invalid: %s", error)
            sys.exit(Arbiter.WORKER_BOOT_ERROR)

    def end_in_time(self) -> None:
        """End after the time for it, also if something hangs."""
        faulthandler.dump_traceback_later(
            self.cfg.graceful_timeout, exit=True, file=sys.stderr or self.tmp
        )

    def run(self) -> None:
        """Serve until the end."""
        # The collector would look at all that the modules made, again and again. It
        # stays, and nobody is answered meanwhile, for 20 milliseconds each time.
        gc.collect()
        gc.freeze()
        request_log.begin()
        sys.setswitchinterval(SECONDS_OF_A_THREAD)
        loop = uvloop.new_event_loop()
        asyncio.set_event_loop(loop)
        # In the order of the addresses in the configuration.
        applications = [self.wsgi, self.metrics or broken]
        loop.run_until_complete(Listening(self, applications, loop).serve())
        if self.traces:
            self.traces.end()
        request_log.end()

    def beat(self, connections: int) -> None:
        """Do what has to be done once a second: show that this worker runs."""
        self.notify()
        self.levels.look()
        if self.tallies and self.metrics:
            self.metrics.share(self.tallies, self.place, connections)

    def is_to_end(self) -> bool:
        """Return whether a signal, changed code or a dead master ends this worker."""
        if self.alive and self.ppid != os.getppid():
            self.alive = False
        return not self.alive
