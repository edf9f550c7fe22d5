"""One line of the log for each request, without anything about its visitor.

The logging module takes a tenth of the time of an answer. So a line is formatted here,
and a thread writes lines together, after 100 ms at the latest. The lines of other
loggers of a worker go the same way, at once. A slow reader keeps no request waiting:
lines are dropped instead.
"""

import json
import logging
import os
import re
import time
from collections import deque
from collections.abc import Mapping
from functools import lru_cache
from io import UnsupportedOperation
from threading import Event, Thread
from typing import Any, NamedTuple, TextIO
from urllib.parse import quote
from wsgiref.types import WSGIEnvironment

from page_tracker.http.incoming import REASON, ROUTE

NAME = "page_tracker.requests"

SECONDS_TO_WAIT = 0.1
SECONDS_AT_END = 0.5
"""How long lines wait to be written, and how long the last lines wait for a reader."""

MOST_LINES = 4_096
"""Lines that wait for a slow reader."""

PIPE_BUF = 4_096
"""Bytes that a pipe takes as a whole: POSIX has 512, Linux 4,096."""

LONGEST_PATH = 512
LONGEST_METHOD = 16
"""Characters that a line has of a path and of a method, which may be anything."""

HARMLESS = re.compile("[A-Za-z0-9_.~/-]*")

logger = logging.getLogger(NAME)


class Second(NamedTuple):
    """A second, and the start of its lines: before and after the milliseconds."""

    second: int
    before: str
    after: Mapping[int, str]
    """By level."""


class RequestLog:  # pylint: disable=too-many-instance-attributes  # of its thread
    """The lines that wait, and where they are written.

    A worker begins a thread that writes them: the loop never waits for their reader.
    Without it, as in commands, each line is written at once.
    """

    def __init__(self, most_lines: int = MOST_LINES) -> None:
        self._most_lines = most_lines
        self._lines: deque[str] = deque()
        self._dropped = 0
        self._stream: TextIO | None = None
        self._is_json = True
        self._thread: Thread | None = None
        self._is_ending = False
        self._is_due, self._is_written = Event(), Event()
        self._is_stuck = False
        self._second = Second(0, "", {})

    def open(self, stream: TextIO | None, *, is_json: bool = True) -> None:
        """Write to a stream from now on; to None, and before, nothing is written."""
        self._stream = stream
        self._is_json = is_json
        self._second = Second(0, "", {})

    def begin(self) -> None:
        """Let a thread write the lines of this process."""
        self._thread = Thread(target=self._write_on, name="log", daemon=True)
        self._thread.start()

    def end(self) -> None:
        """Write the last lines, if somebody reads them in time."""
        if self._thread:
            self._is_ending = True
            self._is_due.set()
            self._thread.join(SECONDS_AT_END)

    def note(
        self, environ: WSGIEnvironment, status: int, seconds: float, identity: str
    ) -> None:
        """Add the line of an answer, if its level is to be logged."""
        level = logging.INFO
        if status >= 400:
            level = logging.WARNING if status < 500 else logging.ERROR
        if self._stream is None or not logger.isEnabledFor(level):
            return
        method = _harmless(environ["REQUEST_METHOD"], LONGEST_METHOD)
        path = _harmless(environ["PATH_INFO"], LONGEST_PATH)
        reason, route = environ[REASON], environ[ROUTE]
        milliseconds = f"{seconds * 1000:.1f}"
        start = self._start(level)
        if self._is_json:
            line = (
                f'{start}"request_id": "{identity}", "method": "{method}", "path": '
                f'"{path}", "route": "{route}", "status": {status}, "milliseconds": '
                f'{milliseconds}{_reason(reason) if reason else ""}}}\n'
            )
        else:
            why = f" ({reason})" if reason else ""
            line = (
                f"{start}{method} {path} {status} in {milliseconds} ms{why} "
                f"[{identity}]\n"
            )
        self.add(line)

    def _start(self, level: int) -> str:
        """Return the start of a line: its time and its level."""
        now = time.time()
        second, before, after = self._second
        if second != int(now):
            second, before, after = self._second = self._of_second(int(now))
        return f"{before}{int((now - second) * 1000):03}{after[level]}"

    def _of_second(self, second: int) -> Second:
        """Return how the lines of a second start."""
        names = {
            level: logging.getLevelName(level)
            for level in (logging.INFO, logging.WARNING, logging.ERROR)
        }
        if self._is_json:
            form, moment = '{"time": "%Y-%m-%dT%H:%M:%S.', time.gmtime(second)
            after = '+00:00", "level": "{}", "logger": "{}", "process": {}, '
        else:
            form, moment = "%Y-%m-%d %H:%M:%S,", time.localtime(second)
            after = " {:7} "
        return Second(
            second,
            time.strftime(form, moment),
            {
                level: after.format(one, NAME, os.getpid())
                for level, one in names.items()
            },
        )

    def add(self, line: str) -> None:
        """Add a line, with its end; also one of another logger."""
        if len(self._lines) >= self._most_lines:
            self._dropped += 1
            return
        self._lines.append(line)
        if not self._thread:
            self._write()

    def add_now(self, line: str) -> None:
        """Add a line, and wait until it is written, unless the reader is slow."""
        self._is_written.clear()
        self.add(line)
        self._is_due.set()
        if self._thread and not self._is_stuck:
            self._is_stuck = not self._is_written.wait(SECONDS_TO_WAIT)

    def _write_on(self) -> None:
        is_over = False
        while not is_over:
            self._is_due.wait(SECONDS_TO_WAIT)
            self._is_due.clear()
            is_over = self._is_ending
            try:
                self._write()
            except (OSError, ValueError):  # nobody will read it
                self._lines.clear()
            self._is_written.set()
            self._is_stuck = False

    def _write(self) -> None:
        stream: Any = self._stream
        try:
            output = stream.fileno()
        except UnsupportedOperation:  # a text in memory
            output = None
        while chunk := self._chunk():
            if output is None:
                stream.write(chunk.decode())
            while output is not None and chunk:
                chunk = chunk[os.write(output, chunk) :]

    def _chunk(self) -> bytes:
        """Return lines that a pipe takes as a whole: other processes write there."""
        if self._dropped and len(self._lines) < self._most_lines // 2:
            self._lines.append(self._apology())
        chunk = bytearray()
        while self._lines:
            line = self._lines[0].encode(errors="backslashreplace")
            if chunk and len(chunk) + len(line) > PIPE_BUF:
                break
            chunk += line
            self._lines.popleft()
        return bytes(chunk)

    def _apology(self) -> str:
        dropped, self._dropped = self._dropped, 0
        text = f"{dropped:,} lines were dropped: the log was not read"
        start = self._start(logging.WARNING)
        return (
            f'{start}"message": "{text}"}}\n' if self._is_json else f"{start}{text}\n"
        )


def _harmless(text: str, longest: int) -> str:
    """Return a text quoted, so that a line break in it cannot forge a line."""
    if not HARMLESS.fullmatch(text):
        text = quote(text[:longest], encoding="latin-1")
    return text if len(text) <= longest else f"{text[:longest]}..."


@lru_cache(maxsize=256)
def _reason(reason: str) -> str:
    return f', "reason": {json.dumps(reason)}'


request_log = RequestLog()
"""The one of this process: all lines of a process have one output."""
