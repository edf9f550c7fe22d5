"""`deploy/deploy` as somebody runs it, with the time of each line that it says."""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Timer

from support import ROOT
from support.operated import Operated

SECONDS_AT_MOST = 300


@dataclass
class Run:
    """A run of the command: its lines, when they came, and its status."""

    status: int = 0
    lines: list[tuple[float, str]] = field(default_factory=list)
    """With the seconds from the start until each of them."""

    @property
    def reason(self) -> str:
        """Return its last line."""
        return self.lines[-1][1] if self.lines else "(it said nothing)"

    def time_of(self, beginning: str, after: str = "") -> float | None:
        """Return when a line came that begins so, the first one after another."""
        begun = not after
        for moment, line in self.lines:
            if begun and line.startswith(beginning):
                return moment
            begun = begun or line.startswith(after)
        return None


def deploy(
    stack: Operated,
    *arguments: str,
    at: str = "",
    act: Callable[[int], None] = lambda _: None,
    settings: dict[str, str] | None = None,
) -> Run:
    """Run the command, and do something to its process as soon as a line begins so."""
    began = time.monotonic()
    result = Run()
    with subprocess.Popen(
        [ROOT / "deploy/deploy", *arguments],
        env=os.environ | stack.environment | (settings or {}),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    ) as process:
        assert process.stdout
        timer = Timer(SECONDS_AT_MOST, process.kill)
        timer.start()
        try:
            for line in process.stdout:
                result.lines.append((time.monotonic() - began, line.rstrip()))
                sys.stdout.write(f"    {line}")
                sys.stdout.flush()
                if at and line.startswith(at):
                    at = ""
                    act(process.pid)
            result.status = process.wait()
        finally:
            timer.cancel()
    return result
