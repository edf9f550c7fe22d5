"""Levels of loggers that an operator sets while a server runs.

`page-tracker log-level` writes them to a file in the run folder. Each worker looks at
it once a second. Without them, the levels are those of PAGE_TRACKER_LOG_LEVEL.
"""

import logging
import os
from collections.abc import Mapping
from contextlib import suppress

from page_tracker.log_levels import LOGGERS, LogLevels, read_levels
from page_tracker.operating.logs import level_of
from page_tracker.operating.run_folder import run_folder

logger = logging.getLogger(__name__)


class LevelsFile:
    """The file with the levels that were set. It is there while the server runs."""

    def __init__(self, bind: str) -> None:
        """Take the address of the server. Raises OSError if it can have no folder."""
        self._path = run_folder(bind) / "log-levels"

    def begin(self) -> None:
        """Forget the levels that were set for an earlier server."""
        self.write({})

    def end(self) -> None:
        """Show that no server runs."""
        self._path.unlink(missing_ok=True)

    def write(self, levels: Mapping[str, str]) -> None:
        """Write the levels, so that nobody reads half of them. Raises OSError."""
        new = self._path.with_suffix(f".{os.getpid()}")
        new.write_text(written(levels), encoding="ascii")
        new.replace(self._path)

    def read(self) -> dict[str, str]:
        """Return the levels by logger.

        Raises FileNotFoundError if no server runs, and ValueError for a damaged file.
        """
        text = self._path.read_text(encoding="ascii")
        return dict(read_levels(text).loggers) if text else {}

    def version(self) -> tuple[int, int]:
        """Return numbers that change whenever the file does. Raises OSError."""
        found = self._path.stat()
        return found.st_ino, found.st_mtime_ns


def written(levels: Mapping[str, str]) -> str:
    """Return levels as `read_levels` reads them."""
    return ", ".join(f"{name}={level}" for name, level in levels.items())


class Levels:
    """The levels of the loggers of a worker."""

    def __init__(self, bind: str, by_settings: LogLevels) -> None:
        """Take the server's address, and the levels of the settings."""
        self._by_settings = by_settings
        self._file: LevelsFile | None = None
        self._seen: tuple[int, int] | None = None
        with suppress(OSError):  # the master has logged it
            self._file = LevelsFile(bind)
            self._seen = self._file.version()

    def look(self) -> None:
        """Use the levels that were set since the last look."""
        if not self._file:
            return
        try:
            version = self._file.version()
            if version == self._seen:
                return
            self._seen = version
            self._use(self._file.read())
        except FileNotFoundError:  # the master ends
            return
        except (OSError, ValueError) as error:
            logger.error("The levels of log-level cannot be read: %s", error)

    def _use(self, levels: Mapping[str, str]) -> None:
        now = self._by_settings._replace(
            loggers={**self._by_settings.loggers, **levels}
        )
        for name in LOGGERS:
            logging.getLogger(name).setLevel(level_of(name, now))
        logger.warning("Levels set by log-level: %s", written(levels) or "none")
