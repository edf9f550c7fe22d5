"""page-tracker restore refuses a bad archive before it changes anything."""

import base64
import gzip
import resource
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from redis import Redis

from page_tracker.tracking.keys import PAGE_VIEWS
from support.backup_files import (
    archive_in,
    cut,
    flip,
    line_of_end,
    replace,
    rewritten,
)
from support.fixture_types import Command, Count
from support.recording import stored


@pytest.fixture
def views(count: Count) -> None:
    """Count a view of each page of a site."""
    for number in range(9):
        count(f"/{number}", title="A", referrer="https://a.example")


FAULTS: dict[str, tuple[Callable[[Path], object], str]] = {
    "changed": (lambda path: flip(path, -1), "it was changed: its SHA-256"),
    "damaged": (lambda path: flip(path, 90, has_note=False), "it is damaged"),
    "cut": (lambda path: cut(path, 9), "it is cut off"),
    "empty": (lambda path: cut(path, path.stat().st_size), "it is empty"),
    "joined": (
        lambda path: replace(path, path.read_bytes() * 2),
        "it is damaged: something follows its end",
    ),
    "text": (
        lambda path: replace(path, b"hello"),
        "it is no archive of Page Tracker",
    ),
    "foreign": (
        lambda path: rewritten(path, lambda lines: [{"hello": 1}]),
        "it is no archive of Page Tracker",
    ),
    "newer format": (
        lambda path: rewritten(path, lambda lines: lines[0].update(version=99)),
        "a newer Page Tracker made it (version 99",
    ),
    "newer data": (
        lambda path: rewritten(path, lambda lines: lines[0].update(data_version=99)),
        "a newer Page Tracker made it (data version 99",
    ),
    "without end": (
        lambda path: rewritten(path, lambda lines: lines.pop() and None),
        "it is cut off: its last line is missing",
    ),
    "without a line": (
        lambda path: rewritten(path, lambda lines: lines.pop(5) and None),
        "it is damaged: its contents are not what its end says",
    ),
    "with a salt": (
        lambda path: rewritten(path, lambda lines: lines[5].update(key="pt:version")),
        "it is damaged: a line is not as it must be",
    ),
}


def hash_of(**members: Any) -> dict[str, Any]:
    """Return the value of a line for the totals of a site."""
    return {"hash": {"since": "2026-11-26", "views": "1"} | members}


LINES: dict[str, dict[str, Any]] = {
    "a day that no calendar has": {"key": "day:2026-13-45:pages", "zset": {"/": 1}},
    "a day that is too late": {"key": "day:9999-12-31:pages", "zset": {"/": 1}},
    "a surrogate": {"key": "pages", "zset": {"\ud800": 1}},
    "a number that is none": {"key": "pages", "zset": {"/": float("nan")}},
    "an infinite number": {"key": "pages", "zset": {"/": float("inf")}},
    "a large number": {"key": "pages", "zset": {"/": 10**400}},
    "a negative number": {"key": "pages", "zset": {"/": -1}},
    "true": {"key": "pages", "zset": {"/": True}},
    "no member": {"key": "pages", "zset": {}},
    "no entry": {"key": "audit", "list": []},
    "an entry that is none": {"key": "audit", "list": ["{}"]},
    "deep text": {"key": "audit", "list": ["[" * 100_000]},
    "pages in a hash": {"key": "pages", "hash": {"/": "1"}},
    "pages in a text": {"key": "pages", "string": "1"},
    "hours that are none": {"key": "day:2026-11-26:hours", "hash": {"1": "abc"}},
    "no visitors": {
        "key": "day:2026-11-26:visitors",
        "hyperloglog": base64.b64encode(b"HYLL").decode(),
    },
    "damaged visitors": {
        "key": "day:2026-11-26:visitors",
        "hyperloglog": base64.b64encode(b"HYLL\1" + bytes(20)).decode(),
    },
    "the rest of another key": {"key": "titles", "hash": {"/": "A"}, "more": True},
    "a salt": {"key": "day:2026-11-26:salt", "string": "1"},
    "no since": {"key": "totals", "hash": {"views": "1"}},
    "a since that is not a day": {"key": "totals"} | hash_of(since="gar"),
    "edits as no whole number": {"key": "totals"} | hash_of(edits="1e300"),
    "negative views": {"key": "totals"} | hash_of(views="-12"),
    "views of 3,000 digits": {"key": "totals"} | hash_of(uniques="9" * 3_000),
    "two values": {"key": "pages", "zset": {"/": 1}, "hash": {"/": "1"}},
}
"""Lines of a site that no archive may have."""


def add_line(path: Path, line: dict[str, Any]) -> None:
    """Add a line after those of the only site."""

    def add(lines: list[dict[str, Any]]) -> None:
        lines[-1:] = [line]
        lines.append(line_of_end(lines))

    rewritten(path, add)


def add_first(lines: list[dict[str, Any]], line: dict[str, Any]) -> None:
    """Add a line of no site."""
    lines[1:1] = [line]
    lines[-1] = line_of_end(lines[:-1])


def add_sites(lines: list[dict[str, Any]], *sites: dict[str, Any]) -> None:
    """Add sites, each with totals."""
    del lines[-1]
    for site in sites:
        lines.append({"settings": {}} | site)
        lines.append({"key": "totals"} | hash_of())
    lines.append(line_of_end(lines))


def without_totals(lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the lines without those of totals."""
    rest = [line for line in lines[:-1] if line.get("key") != "totals"]
    return [*rest, line_of_end(rest)]


BAD_LINE = "it is damaged: a line is not as it must be"

FAULTS |= {
    f"with {fault}": (partial(add_line, line=line), BAD_LINE)
    for fault, line in LINES.items()
}
FAULTS |= {
    "with views of no site on no day": (
        lambda path: rewritten(
            path,
            lambda lines: add_first(
                lines, {"key": "pt:nowhere:day:2026-13-45", "hash": {"bot": "1"}}
            ),
        ),
        BAD_LINE,
    ),
    "with a counter that is not a number": (
        lambda path: rewritten(
            path, lambda lines: add_first(lines, {"key": PAGE_VIEWS, "string": "abc"})
        ),
        BAD_LINE,
    ),
    "with a site twice": (
        lambda path: rewritten(
            path,
            lambda lines: add_sites(
                lines, {"site": "f.org"}, {"site": "g.org"}, {"site": "f.org"}
            ),
        ),
        BAD_LINE,
    ),
    "without totals": (
        lambda path: rewritten(path, without_totals),
        "it is damaged: it has no totals of example.org",
    ),
    "of a negative version": (
        lambda path: rewritten(path, lambda lines: lines[0].update(data_version=-5)),
        "it is damaged: its data_version is not a number",
    ),
    "made at no time": (
        lambda path: rewritten(path, lambda lines: lines[0].update(made="\x1b[2J")),
        "it is damaged: it does not say when it was made",
    ),
    "deep": (
        lambda path: replace(path, with_line(path, b"[" * 100_000)),
        "it is damaged: a line is no JSON",
    ),
}


def with_line(path: Path, line: bytes) -> bytes:
    """Return an archive with another last line, which may be no JSON."""
    lines = gzip.decompress(path.read_bytes()).splitlines()
    return gzip.compress(b"\n".join([*lines[:-1], line, b""]))


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.usefixtures("site", "views")
def test_should_refuse_an_archive_before_anything_changes(
    command: Command, redis_client: Redis, backups: Path, fault: str
) -> None:
    # Given
    command("backup", str(backups))
    break_it, complaint = FAULTS[fault]
    archive = archive_in(backups)
    break_it(archive)
    before = stored(redis_client)

    # When
    refused = command("restore", str(archive), "--yes")

    # Then
    assert refused.exit_code == 1, refused.output
    (line,) = refused.output.splitlines()
    assert line.startswith(f"Error: cannot restore {archive.name}: {complaint}")
    assert stored(redis_client) == before


@pytest.mark.usefixtures("site", "views")
def test_should_refuse_two_sites_with_one_name_but_restore_one(
    command: Command, redis_client: Redis, backups: Path
) -> None:
    # Given
    command("backup", str(backups))
    archive = archive_in(backups)
    rewritten(
        archive,
        lambda lines: add_sites(
            lines,
            {"site": "f.org", "settings": {"aliases": ["g.org"]}},
            {"site": "g.org"},
        ),
    )
    before = stored(redis_client)

    # When
    refused = command("restore", str(archive), "--yes")
    after = stored(redis_client)
    restored = command("restore", str(archive), "--site", "g.org")

    # Then
    assert refused.output.endswith(
        "g.org belongs to f.org and to g.org in it: restore one of them with --site\n"
    )
    assert after == before
    assert restored.exit_code == 0, restored.output


@pytest.mark.usefixtures("site", "views")
def test_should_need_little_memory_for_an_archive_that_was_made_to_take_much(
    command: Command, backups: Path
) -> None:
    # Given
    command("backup", str(backups))
    archive = archive_in(backups)
    bomb = b'{"key":"audit","list":[' + b"[]," * (21 << 20) + b"[]]}"
    replace(archive, with_line(archive, bomb))
    kilobytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    # When
    refused = command("restore", str(archive), "--yes")

    # Then
    assert "it is damaged: a line is too long" in refused.output
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - kilobytes < 100 << 10
