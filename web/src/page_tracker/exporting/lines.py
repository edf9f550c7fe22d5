"""An export of a site as lines of JSON: those that a backup has of it.

    {"format": "page-tracker export", "version": 3, "data_version": 2, "made": "…"}
    {"site": "example.org", "settings": {…}}
    {"key": "totals", "hash": {"views": "3", …}}
    …
    {"end": {"sites": 1, "views": 3, "keys": 4, "lines": 4}}

`backup/archive.py` has the format. An export has the lines of one site, and is not
compressed by itself. Secrets of the site, those of its link and its feed, stay behind.
"""

from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime

from redis import Redis

from page_tracker.backup.archive import (
    EXPORT,
    LONGEST_LINE,
    Contents,
    Line,
    decoded,
    head,
    noted,
)
from page_tracker.backup.errors import BackupError
from page_tracker.backup.reading import read_site

SECRETS = ("link", "feed")

Progress = Callable[[int, int], None]


def lines_of_site(redis: Redis, name: str, on_progress: Progress) -> Iterator[Line]:
    """Give all lines of an export, with the numbers of one moment.

    A day that gets a late view meanwhile comes twice: the last one is right. Raises
    BackupError, and RedisError.
    """
    made = datetime.now(UTC).replace(microsecond=0)
    contents = Contents(made=made.isoformat().replace("+00:00", "Z"))
    yield head(contents.made, EXPORT)
    lines = map(_without_secrets, read_site(redis, name, on_progress))
    yield from noted(lines, contents)
    if not contents.sites:
        raise BackupError(f"{name} was removed meanwhile")
    yield contents.end


def _without_secrets(line: Line) -> Line:
    if "settings" not in line:
        return line
    settings = line["settings"]
    return line | {
        "settings": {
            name: value for name, value in settings.items() if name not in SECRETS
        }
    }


def read_lines(texts: Iterable[bytes]) -> Iterator[Line]:
    """Give the lines of a file. Raises BackupError."""
    return decoded(_bounded(texts))


def _bounded(texts: Iterable[bytes]) -> Iterator[bytes]:
    for text in texts:
        if len(text) > LONGEST_LINE:
            raise BackupError("it is damaged: a line is too long")
        yield text
