"""A run of `deploy/deploy`, with the time of each line."""

import subprocess
import time
from pathlib import Path
from threading import Timer

from support import ROOT

SECONDS_AT_MOST = 300


class Deploying:
    """A run of the command, read as far as a test needs."""

    def __init__(
        self, *arguments: str, environment: dict[str, str], checkout: Path = ROOT
    ) -> None:
        self.lines: list[tuple[float, str]] = []
        """Each with its seconds since the start."""
        self._began = time.monotonic()
        # pylint: disable-next=consider-using-with  # `read` waits for its end
        self.process = subprocess.Popen(
            [checkout / "deploy/deploy", *arguments],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def read(self, until: str = "") -> int | None:
        """Read up to a line with some beginning, or to the end; return the status."""
        timer = Timer(SECONDS_AT_MOST, self.process.kill)
        timer.start()
        try:
            if self.process.returncode is not None:
                return self.process.returncode
            for line in self.process.stdout or []:
                self.lines.append((time.monotonic() - self._began, line.rstrip()))
                print(f"    {line}", end="", flush=True)
                if until and line.startswith(until):
                    return None
            self.process.communicate()  # closes the pipes
            return self.process.returncode
        finally:
            timer.cancel()

    def time_of(self, beginning: str, after: str = "") -> float | None:
        """Return when the first line with some beginning came, after another."""
        begun = not after
        for moment, line in self.lines:
            if begun and line.startswith(beginning):
                return moment
            begun = begun or line.startswith(after)
        return None
