"""A site as GoatCounter exports one: a row of CSV for each view, version 2.

Page Tracker keeps sums and no single views, so it invents rows whose sums are those of
each day: views and unique views by hour and by page, sources by page, browsers,
systems, devices, countries, and events. Which browser saw which page is invented, and
also which views are of one visitor. Each view is at the beginning of its hour. So the
same numbers always give the same rows.

The format: https://www.goatcounter.com/help/export
"""

# pylint: disable=stop-iteration-return  # the iterators without a default never end

import csv
import hashlib
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, date, datetime
from io import StringIO
from itertools import chain, repeat
from typing import NamedTuple

from redis import Redis

from page_tracker.backup.errors import BackupError
from page_tracker.backup.reading import settings_of
from page_tracker.exporting.goatcounter_agents import NOBODY, agents_of
from page_tracker.exporting.goatcounter_day import Day, Page, evenly, read_day
from page_tracker.exporting.lines import Progress
from page_tracker.tracking.days import span_of
from page_tracker.tracking.keys import DIRECT, HOUR, INTERNAL, OTHER, UNKNOWN
from page_tracker.tracking.sites import Site, start_of

COLUMNS = (
    *("2Path", "Title", "Event", "UserAgent", "Browser", "System", "Session", "Bot"),
    *("Referrer", "Referrer scheme", "Screen size", "Location", "FirstVisit", "Date"),
)
"""The first cell has the version, too."""

SIZES = {
    "desktop": "1280,0,1",
    "tablet": "768,0,1",
    "phone": "360,0,1",
    "tv": "1920,0,1",
}
NO_SIZE = "0,0,1"

NOON = 12

ROWS_AT_ONCE = 1_000


class Referrer(NamedTuple):
    """A referrer, and its kind: `h` is an address without https://, `o` is other."""

    text: str
    kind: str


def goatcounter_rows(redis: Redis, name: str, on_progress: Progress) -> Iterator[bytes]:
    """Give the file in parts, not compressed. Raises BackupError and RedisError.

    Each day has the numbers of one moment. Days that have expired, and views that were
    set by hand, have no day, and are not in it.
    """
    site = settings_of(redis, name)
    if not site:
        raise BackupError(f"{name} is not registered")
    yield _written([COLUMNS])
    days = span_of(redis, site).days
    for done, date_ in enumerate(days, start=1):
        day = read_day(redis, site, date_)
        rows = chain(_views(site, date_, day), _events(site, date_, day))
        yield from _in_parts(rows)
        on_progress(done, len(days))


def _in_parts(rows: Iterable[Sequence[str]]) -> Iterator[bytes]:
    some = []
    for row in rows:
        some.append(row)
        if len(some) == ROWS_AT_ONCE:
            yield _written(some)
            some = []
    yield _written(some)


def _written(rows: Iterable[Sequence[str]]) -> bytes:
    text = StringIO(newline="")
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue().encode(errors="replace")


def _views(site: Site, date_: date, day: Day) -> Iterator[Sequence[str]]:
    agents = chain(agents_of(day), repeat(NOBODY))
    countries = chain(evenly(day.countries), repeat(""))
    sources = chain(evenly(day.sources), repeat(DIRECT))
    for moment, page, is_first in _seen(site, date_, day):
        number = page.next_first() if is_first else page.next_again()
        referrer = _referrer(next(page.sources, None) or next(sources))
        browser, system, device = next(agents)
        yield (
            page.name,
            page.title,
            "0",
            "",
            _with_version(browser),
            _with_version(system),
            _session(site, date_, number % day.visitors),
            "0",
            *referrer,
            SIZES.get(device, NO_SIZE),
            _country(next(countries)),
            "1" if is_first else "0",
            moment,
        )


def _seen(site: Site, date_: date, day: Day) -> Iterator[tuple[str, Page, bool]]:
    """Give the moment and the page of each view, and whether it is a unique one."""
    firsts = evenly({name: page.uniques for name, page in day.pages.items()})
    again = evenly({name: page.again for name, page in day.pages.items()})
    for hour, views in sorted(day.hours.items()):
        uniques = day.hours_uniques.get(hour, 0)
        for place in range(views):
            is_first = (place + 1) * uniques // views > place * uniques // views
            name = next(firsts if is_first else again, None)
            if name is None:  # the sums of the day do not agree
                is_first = not is_first
                name = next(firsts if is_first else again, None)
            if name is not None:
                yield _moment(site, date_, hour), day.pages[name], is_first


def _events(site: Site, date_: date, day: Day) -> Iterator[Sequence[str]]:
    """Give the rows of events, at hours in which pages were seen."""
    number, seen = day.events.total(), dict.fromkeys(day.events, 0)
    hours = chain(evenly(day.hours), repeat(NOON))
    every = max(1, sum(day.hours.values()) // max(1, number))
    for name in evenly(day.events):
        hour = next(hours)
        for _ in range(every - 1):
            next(hours)
        nth, seen[name] = seen[name], seen[name] + 1
        is_first = nth < day.events_visitors[name]
        yield (
            name,
            *("", "1", "", " ", " "),
            _session(site, date_, nth % day.visitors),
            *("0", "", "", NO_SIZE, ""),
            "1" if is_first else "0",
            _moment(site, date_, hour),
        )


def _moment(site: Site, date_: date, hour: int) -> str:
    """Return the beginning of an hour. Later moments may be in the future."""
    began = int(start_of(date_, site.zone)) + hour * HOUR
    return datetime.fromtimestamp(began, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _session(site: Site, date_: date, visitor: int) -> str:
    """Return the token of an invented visitor of a day."""
    text = f"{site.name} {date_} {visitor}"
    token = hashlib.blake2b(text.encode(), digest_size=16).hexdigest()
    return f"{token[:16]}-{token[16:]}"


def _with_version(family: str) -> str:
    """Return a name, a space and a version, which nobody knows."""
    return f"{'' if family == UNKNOWN else family} "


def _country(country: str) -> str:
    return "" if country in (OTHER, UNKNOWN) else country


def _referrer(source: str) -> Referrer:
    """Return the referrer of a source. The site itself is none in GoatCounter."""
    if source in (DIRECT, INTERNAL, UNKNOWN):
        return Referrer("", "")
    return Referrer(source, "h" if "." in source.partition("/")[0] else "o")
