"""The progress of a long run, with an estimate of the rest."""

import sys
import time


class Progress:
    """Prints what is done, and how long the rest takes."""

    def __init__(self, seconds: float) -> None:
        """Plan for some seconds of work; starts and pauses come on top."""
        self._began = time.monotonic()
        self._planned = seconds
        self._done = 0.0

    def step(self, name: str, result: str, seconds: float) -> None:
        """Note that a step is done, for which some seconds were planned."""
        self._done += seconds
        passed = time.monotonic() - self._began
        rest = passed / self._done * max(0.0, self._planned - self._done)
        minutes, seconds_left = divmod(round(rest), 60)
        self.say(f"{minutes:3}:{seconds_left:02} left  {name}: {result}")

    def say(self, text: str) -> None:
        """Print a line."""
        print(text, file=sys.stderr, flush=True)
