"""Imports the JSON export of GoatCounter: visits by hour and by day, no single views.

The format, version 1.0: https://www.goatcounter.com/help/export. Its numbers are
visits, so a page has as many unique views as views. Its hours are those of
UTC, and so are the days of browsers, for example.
"""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from functools import lru_cache, partial
from typing import NamedTuple

from babel.core import get_global

from page_tracker.importing.agent_names import (
    SMALLEST_TABLET,
    browser_name,
    system_name,
)
from page_tracker.importing.archives import Archive, open_archive
from page_tracker.importing.day_sums import Counters, DaySums, day_steps
from page_tracker.importing.goatcounter_rows import Row, read_row
from page_tracker.importing.models import Day, ImportRefused, Steps
from page_tracker.importing.running import Import
from page_tracker.importing.targets import Targets
from page_tracker.tracking.canonical import canonical_referrer, canonical_view
from page_tracker.tracking.keys import DIRECT, INTERNAL, TAB, UNKNOWN
from page_tracker.tracking.view import InvalidView, SentView
from page_tracker.tracking.visitor import country_of

KIND = "goatcounter-json"

VERSION = 1.0

REQUIRED = ("paths.jsonl", "refs.jsonl", "hit_stats.jsonl")

LARGEST_TABLET = 1024
"""CSS pixels of the width of a screen, upright."""

LONGEST_LINE = 1024 * 1024
LINES_BETWEEN_NOTES = 1024


def read_goatcounter_json(importing: Import) -> Steps:
    """Yield the steps of a JSON export of GoatCounter. Raises ImportRefused."""
    meaning = (
        "name the zip that GoatCounter exports as JSON. For its CSV export, use "
        "--from goatcounter"
    )
    # pylint: disable-next=contextmanager-generator-missing-cleanup  # closed with it
    with open_archive(importing.source, meaning) as archive, DaySums() as sums:
        if missing := [name for name in REQUIRED if name not in archive.names]:
            raise ImportRefused(
                f"{archive.name} is no JSON export of GoatCounter: it has no "
                f"{' and no '.join(missing)}"
            )
        reading = _Reading(importing, archive, sums)
        source = f"{KIND}\n{reading.site()}"
        reading.read()
        yield from day_steps(importing, source, sums, _day, reading.titles)


class _Path(NamedTuple):
    """A path of an export: a page, an event, or what does not count."""

    page: str = ""
    event: str = ""
    reason: str = ""


class _Source(NamedTuple):
    """A referrer of an export: a source and a campaign, or the reason against it."""

    name: str
    campaign: str = ""
    reason: str = ""


class _Reading:
    """One reading of an export."""

    def __init__(self, importing: Import, archive: Archive, sums: DaySums) -> None:
        self._importing = importing
        self._archive = archive
        self._sums = sums
        self._targets = Targets(importing.site, importing.rules)
        self._paths: dict[int, _Path] = {}
        self.titles: dict[str, str] = {}
        """By page."""

    def site(self) -> str:
        """Return the site of GoatCounter that was exported. Raises ImportRefused."""
        if "info.json" not in self._archive.names:
            return ""
        with self._archive.open("info.json") as file:
            try:
                info = json.loads(file.read(LONGEST_LINE))
                version = float(info["export_version"])
            except (KeyError, TypeError, ValueError):
                raise ImportRefused(
                    f"'info.json' in {self._archive.name} names no version"
                ) from None
        if version > VERSION:
            raise ImportRefused(
                f"{self._archive.name} has version {version} of the format, and this "
                f"version of Page Tracker reads {VERSION}"
            )
        return str(info.get("created_for", ""))

    def read(self) -> None:
        """Read all files."""
        for row in self._rows("paths.jsonl"):
            self._paths[row["id"]] = self._path(row)
        self._read_hits()
        for file, kind, name_of in (
            ("browser_stats.jsonl", "browser", self._names("browser", browser_name)),
            ("system_stats.jsonl", "system", self._names("system", system_name)),
            ("size_stats.jsonl", "device", lambda row: _device(row["width"])),
            (
                "language_stats.jsonl",
                "language",
                lambda row: _language(row["language"]),
            ),
            ("location_stats.jsonl", "country", lambda row: _country(row["location"])),
        ):
            for row in self._rows(file):
                name, day = name_of(row), str(date.fromisoformat(row["day"]))
                if name and self._paths.get(row["path_id"], _Path()).page:
                    self._sums.add(day, kind, name, _visits(row))

    def _read_hits(self) -> None:
        refs = {row["id"]: self._source(row) for row in self._rows("refs.jsonl")}
        unknown_path, unknown_source = _Path(reason="of no path"), _Source(UNKNOWN)
        left_out = self._importing.tally.left_out
        for row in self._rows("hit_stats.jsonl"):
            path = self._paths.get(row["path_id"], unknown_path)
            source = refs.get(row["ref_id"], unknown_source)
            visits, (day, hour) = _visits(row), self._moment(row["hour"])
            if reason := path.reason or source.reason:
                left_out[reason] += visits
            elif path.event:
                self._sums.add(day, "events", path.event, visits)
            else:
                self._sums.add(day, "pages", path.page, visits)
                self._sums.add(day, "hours", hour, visits)
                self._sums.add(day, "referrer", source.name, visits)
                if source.campaign:
                    self._sums.add(day, "campaign", source.campaign, visits)
                if source.name not in (DIRECT, INTERNAL, UNKNOWN):
                    pair = f"{path.page}{TAB}{source.name}"
                    self._sums.add(day, "page-sources", pair, visits)

    @lru_cache(maxsize=1024)
    def _moment(self, hour: str) -> tuple[str, str]:
        """Return day and hour of the site."""
        read = datetime.fromisoformat(hour)
        at = read if read.tzinfo else read.replace(tzinfo=UTC)
        day, of_day = self._importing.site.moment(at.timestamp())
        return str(day), str(of_day)

    def _path(self, row: Row) -> _Path:
        path, title = str(row["path"]), str(row.get("title", ""))
        site = self._importing.site.name
        try:
            if row.get("event"):
                return _Path(
                    event=canonical_view(SentView(site, "/", event=path)).event
                )
            page, _, _, reason = self._targets.page(f"/{path.lstrip('/')}")
            if title and not reason:
                self.titles[page] = canonical_view(
                    SentView(site, "/", title=title)
                ).title
        except InvalidView:
            return _Path(reason="not a page")
        return _Path(page, reason=reason)

    def _source(self, row: Row) -> _Source:
        ref, scheme = str(row["ref"]), row.get("ref_scheme")
        if scheme == "h" and "://" not in ref:
            ref = f"https://{ref}"
        name, reason = self._targets.source(ref)
        return _Source(name, canonical_referrer(ref) if scheme == "c" else "", reason)

    def _names(self, what: str, name_of: Callable[[str], str]) -> Callable[[Row], str]:
        names = {
            row["id"]: name_of(str(row["name"])) for row in self._rows(f"{what}s.jsonl")
        }
        return lambda row: names.get(row[f"{what}_id"], UNKNOWN)

    def _rows(self, name: str) -> Iterator[Row]:
        """Yield the rows of a file, if it is there; count those that are invalid."""
        if name not in self._archive.names:
            return
        before = self._archive.position
        bad = first = 0
        with self._archive.open(name) as file:
            lines = iter(partial(file.readline, LONGEST_LINE), b"")
            for number, line in enumerate(lines, start=1):
                if number % LINES_BETWEEN_NOTES == 0:
                    self._importing.on_progress(
                        before + file.tell(), self._archive.size
                    )
                if row := read_row(name, line):
                    yield row
                elif line.strip():
                    bad, first = bad + 1, first or number
        if bad:
            reason = f"lines of {name} that cannot be read, the first is {first:,}"
            self._importing.tally.left_out[reason] += bad


def _visits(row: Row) -> int:
    return int(row["count"])


def _device(width: int) -> str:
    """Return the kind of device with a screen of this width; 0 for an unknown one."""
    if not width:
        return UNKNOWN
    if width < SMALLEST_TABLET:
        return "phone"
    return "tablet" if width <= LARGEST_TABLET else "desktop"


def _language(code: str) -> str:
    """Return the code that browsers send for a language of ISO 639-3."""
    return str(get_global("language_aliases").get(code, code)) or UNKNOWN


def _country(location: str) -> str:
    """Return the country of a region, for example US of US-TX."""
    return country_of(location.partition("-")[0])


def _day(_: date, counters: Counters) -> Day:
    """Return the numbers of a day.

    GoatCounter does not export visitors. Those of the page with most visits are the
    fewest that there can have been.
    """
    day = Day()
    for kind, counter in counters.items():
        if kind == "hours":
            day.hours.update({int(hour): visits for hour, visits in counter.items()})
        else:
            day.names[kind].update(counter)
    day.hours_uniques.update(day.hours)
    day.names["uniques"].update(day.names["pages"])
    day.names["events:visitors"].update(day.names["events"])
    day.more_visitors = max(day.names["pages"].values(), default=0)
    return day
