"""Imports the CSV export of Plausible: sums by day, in a zip of several files.

Its format: https://plausible.io/docs/export-stats. Files name their days. An
export has no hours, and pages by day with their visitors and views.
"""

import csv
import io
import re
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import date
from typing import NamedTuple

from page_tracker.importing.agent_names import browser_name, device_name, system_name
from page_tracker.importing.archives import Archive, open_archive
from page_tracker.importing.csv_rows import cells_of
from page_tracker.importing.day_sums import Counters, DaySums, day_steps
from page_tracker.importing.models import Day, ImportRefused, Steps
from page_tracker.importing.running import Import
from page_tracker.importing.targets import Targets
from page_tracker.tracking.canonical import canonical_view
from page_tracker.tracking.keys import OTHER
from page_tracker.tracking.view import InvalidView, SentView
from page_tracker.tracking.visitor import country_of

KIND = "plausible"

FILE = re.compile(r"(?:imported_)?([a-z_]+?)(?:_(\d{8})_(\d{8}))?\.csv")

COLUMNS = {
    "visitors": ("visitors", "pageviews"),
    "pages": ("page", "visitors", "pageviews"),
    "sources": ("source",),
    "browsers": ("browser",),
    "operating_systems": ("operating_system",),
    "devices": ("device",),
    "locations": ("country",),
    "custom_events": ("name", "visitors", "events"),
}
"""The columns that each table needs, besides the day. Others are not imported."""

REQUIRED = ("visitors", "pages")

NO_SOURCE = ("", "direct / none", "(not set)", "(none)")
NOT_SET = ("", "(not set)", "(none)", "zz")

NO_EVENTS = ("pageview", "engagement")
"""Names of events that Plausible sends by itself."""

MOST = 10**12
"""A larger number is an error."""

OF_SITE = ("visitors", "views", "left out")
"""Numbers of the site, which no name has."""

ROWS_BETWEEN_NOTES = 1024

Row = dict[str, str]


def read_plausible(importing: Import) -> Steps:
    """Yield the steps of an export of Plausible. Raises ImportRefused."""
    meaning = "name the zip that Plausible exports, or the folder with its CSV files"
    # pylint: disable-next=contextmanager-generator-missing-cleanup  # closed with it
    with open_archive(importing.source, meaning) as archive, DaySums() as sums:
        _Reading(importing, archive, sums).read()
        importing.tally.notes.append(
            "Plausible exports no hours: views are spread evenly over those of a day"
        )
        yield from day_steps(importing, KIND, sums, _day, {})


class _File(NamedTuple):
    """A file of a table, with its first and last day as texts; empty for none."""

    name: str
    first: str
    last: str


class _Reading:
    """One reading of an export."""

    def __init__(self, importing: Import, archive: Archive, sums: DaySums) -> None:
        self._importing = importing
        self._archive = archive
        self._sums = sums
        self._targets = Targets(importing.site, importing.rules)

    def read(self) -> None:
        """Read all tables. Raises ImportRefused without pages or visitors."""
        tables: dict[str, list[_File]] = {}
        for name in self._archive.names:
            if (found := FILE.fullmatch(name)) and found[1] in COLUMNS:
                file = _File(name, _dashed(found[2]), _dashed(found[3]))
                tables.setdefault(found[1], []).append(file)
        if missing := [
            f"imported_{one}_….csv" for one in REQUIRED if one not in tables
        ]:
            raise ImportRefused(
                f"{self._archive.name} is no export of Plausible: it has no "
                f"{' and no '.join(missing)}"
            )
        adders: dict[str, Callable[[str, Row], None]] = {
            "visitors": self._add_visitors,
            "pages": self._add_page,
            "sources": self._add_source,
            "browsers": self._by("browser", "browser", browser_name),
            "operating_systems": self._by("system", "operating_system", system_name),
            "devices": self._by("device", "device", device_name),
            "locations": self._by("country", "country", country_of),
            "custom_events": self._add_event,
        }
        for table, add in adders.items():
            self._read_table(table, tables.get(table, []), add)

    def _read_table(
        self, table: str, files: list[_File], add: Callable[[str, Row], None]
    ) -> None:
        """Read the files of a table. A day that two of them have counts once."""
        covered: list[_File] = []
        for file in files:
            bad = first = 0
            for number, row in self._rows(table, file.name):
                try:
                    day = str(date.fromisoformat(row["date"]))
                    if not any(one.first <= day <= one.last for one in covered):
                        add(day, row)
                except ValueError:
                    bad, first = bad + 1, first or number
            covered.append(file)
            if bad:
                reason = f"lines of {file.name} that cannot be read, the first is "
                self._importing.tally.left_out[f"{reason}{first:,}"] += bad

    def _rows(self, table: str, name: str) -> Iterator[tuple[int, Row]]:
        """Yield each row with its first line. Raises ImportRefused."""
        before = self._archive.position
        with self._archive.open(name) as file:
            text = io.TextIOWrapper(file, "utf-8-sig", "replace", newline="")
            rows = csv.reader(text)
            columns = next(rows, [])
            if missing := {"date", *COLUMNS[table]} - set(columns):
                raise ImportRefused(
                    f"'{name}' in {self._archive.name} has no column "
                    f"{' and no column '.join(sorted(missing))}"
                )
            for line, cells in cells_of(rows):
                if line % ROWS_BETWEEN_NOTES == 0:
                    position = before + file.tell()
                    self._importing.on_progress(position, self._archive.size)
                if cells:
                    row = dict(zip(columns, cells))
                    yield line, row if len(cells) == len(columns) else {"date": ""}

    def _add_visitors(self, day: str, row: Row) -> None:
        visitors, views = _number(row["visitors"]), _number(row["pageviews"])
        self._sums.add(day, "visitors", "", visitors)
        self._sums.add(day, "views", "", views)

    def _add_page(self, day: str, row: Row) -> None:
        visitors, views = _number(row["visitors"]), _number(row["pageviews"])
        page, _, _, reason = self._targets.page(row["page"])
        if reason:
            self._importing.tally.left_out[reason] += views
            self._sums.add(day, "left out", "", views)
            return
        self._sums.add(day, "pages", page, views)
        self._sums.add(day, "uniques", page, min(visitors, views))

    def _add_source(self, day: str, row: Row) -> None:
        views = _views(row)
        named = row["source"].strip()
        referrer = row.get("referrer", "").strip()
        if referrer.lower() in NO_SOURCE:
            referrer = "" if named.lower() in NO_SOURCE else named
        elif "://" not in referrer:
            referrer = f"https://{referrer}"
        source, reason = self._targets.source(referrer)
        if not reason:
            self._sums.add(day, "referrer", source, views)
        campaign = row.get("utm_campaign", "")
        if campaign.lower() not in NOT_SET:
            sent = SentView(self._importing.site.name, "/", title=campaign)
            if name := canonical_view(sent).title:
                self._sums.add(day, "campaign", name, views)

    def _by(
        self, kind: str, column: str, name_of: Callable[[str], str]
    ) -> Callable[[str, Row], None]:
        def add(day: str, row: Row) -> None:
            written = row[column].strip()
            if written.lower() not in NOT_SET and (name := name_of(written)):
                self._sums.add(day, kind, name, _views(row))

        return add

    def _add_event(self, day: str, row: Row) -> None:
        visitors, times = _number(row["visitors"]), _number(row["events"])
        if row["name"] in NO_EVENTS:
            return
        try:
            sent = SentView(self._importing.site.name, "/", event=row["name"])
            event = canonical_view(sent).event
        except InvalidView:
            raise ValueError("no name") from None
        if event:
            self._sums.add(day, "events", event, times)
            self._sums.add(day, "events:visitors", event, min(visitors, times))


def _dashed(day: str | None) -> str:
    """Return a day of a file's name, for example 20261127, as rows write it."""
    return f"{day[:4]}-{day[4:6]}-{day[6:]}" if day else ""


def _number(text: str) -> int:
    """Return a number. Raises ValueError."""
    if not re.fullmatch("[0-9]{1,13}", text) or int(text) > MOST:
        raise ValueError("not a number")
    return int(text)


def _views(row: Row) -> int:
    """Return the views of a row; older exports have visits only. Raises ValueError."""
    return _number(row.get("pageviews") or row.get("visits") or "")


def _day(_: date, counters: Counters) -> Day:
    """Return the numbers of a day. Views that no page has count under `(other)`."""
    day = Day()
    told = {kind: counters.get(kind, Counter())[""] for kind in OF_SITE}
    for kind, counter in counters.items():
        if kind not in OF_SITE:
            day.names[kind].update(counter)
    missing = told["views"] - told["left out"] - day.views
    if missing > 0:
        day.names["pages"][OTHER] += missing
    day.more_visitors = min(told["visitors"], day.views)
    return day
