"""Turns single views of a source into steps, each view once.

The marker of a source holds how many of its records are in, and a digest of these. An
import that runs again reads the source from its start, compares, and goes on after
them: so a log that has grown only adds its new lines.
"""

from collections.abc import Iterable, Iterator
from datetime import date
from hashlib import blake2b
from typing import NamedTuple

from page_tracker.importing.models import FIRST_DAY, Day, ImportRefused, Step
from page_tracker.importing.parts import MOST
from page_tracker.importing.running import Import
from page_tracker.tracking.keys import DIRECT, INTERNAL, TAB, UNKNOWN
from page_tracker.tracking.sites import Moment, Site

RECORDS_AT_ONCE = 50_000
RECORDS_BETWEEN_CHECKS = 256

BYTES_OF_DIGEST = 16

WITHOUT_PAIR = (DIRECT, INTERNAL, UNKNOWN)


class Viewed(NamedTuple):
    """A view or an event of a source, in canonical form.

    An event may have no page. The texts of `visitor` together stand for a person on
    that day; if the first one is empty, nobody knows.
    `is_unique` is what the source says; None if it does not say.
    """

    day: date
    hour: int
    page: str
    visitor: tuple[str, str]
    source: str = UNKNOWN
    browser: str = UNKNOWN
    system: str = UNKNOWN
    device: str = UNKNOWN
    language: str = UNKNOWN
    campaign: str = ""
    country: str = ""
    title: str = ""
    event: str = ""
    is_unique: bool | None = None


class Record(NamedTuple):
    """A record of a source as it was read, and its view if it is one that counts.

    Otherwise it has the reason not to count it, or no reason if it cannot be read.
    """

    raw: bytes
    line: int
    view: Viewed | None
    reason: str = ""


class BadRecord(ValueError):
    """A record cannot be read."""


class LeftOut(ValueError):
    """A record does not count; the message is the reason."""


def moment_of(site: Site, at: float) -> Moment:
    """Return day and hour of seconds since 1970.

    Raises BadRecord for a time that no calendar has, and for one before the Web.
    """
    try:
        moment = site.moment(at)
    except (OSError, OverflowError, ValueError):
        raise BadRecord from None
    if moment.day < FIRST_DAY:
        raise BadRecord
    return moment


def steps_of(importing: Import, kind: str, records: Iterable[Record]) -> Iterator[Step]:
    """Yield the steps of the views in records. Raises ImportRefused.

    The views of a day should come together, and in the order of their times. Otherwise
    visitors may count again when the day has been forgotten meanwhile.
    """
    reading = _Reading(importing, kind)
    for record in records:
        if step := reading.add(record):
            yield step
    if step := reading.end():
        yield step


class _Reading:
    """The state of one reading of a source."""

    def __init__(self, importing: Import, kind: str) -> None:
        self._importing = importing
        self._kind = kind
        self._digest = blake2b(digest_size=BYTES_OF_DIGEST)
        self._records = 0
        self._known = 0
        """Records that are in already."""
        self._marker = ""
        self._value = ""
        self._step = Step("", "")
        self._since_step = 0

    def add(self, record: Record) -> Step | None:
        """Take a record. Returns a step if it is large enough."""
        if not self._records:
            self._begin(record.raw)
        self._digest.update(record.raw + b"\n")
        self._records += 1
        is_new = self._records > self._known
        if record.view:
            self._count(record.view, record.raw, is_new)
        if not is_new:
            if self._records == self._known:
                self._compare()
            return None
        if record.reason:
            self._importing.tally.left_out[record.reason] += 1
        elif not record.view:
            self._importing.tally.note_bad(record.line)
        self._since_step += 1
        if self._since_step % RECORDS_BETWEEN_CHECKS:
            return None
        size = sum(day.size for day in self._step.days.values())
        if size + len(self._step.titles) < MOST // 2 and (
            self._since_step < RECORDS_AT_ONCE
        ):
            return None
        return self._finished()

    def end(self) -> Step | None:
        """Return the last step, if there is something new."""
        if self._records < self._known:
            raise ImportRefused(
                f"{self._records:,} records were read, but {self._known:,} of a source "
                "that begins like this one are in already: nothing was added"
            )
        self._importing.tally.known += self._known
        return self._finished() if self._since_step else None

    def _begin(self, first: bytes) -> None:
        start = blake2b(first, digest_size=BYTES_OF_DIGEST).hexdigest()
        self._marker = f"{self._kind}\n{start}"
        self._value = self._importing.marker(self._marker)
        self._known = int(self._value.partition(" ")[0] or 0)
        self._step = Step(self._marker, "", self._value)

    def _compare(self) -> None:
        if self._value != self._new_value():
            raise ImportRefused(
                "a source that begins like this one is in already, but it went on "
                f"differently within its first {self._known:,} records: nothing was "
                "added. Import only the records that are not in"
            )

    def _new_value(self) -> str:
        return f"{self._records} {self._digest.hexdigest()}"

    def _finished(self) -> Step:
        step = self._step
        step.after = self._new_value()
        self._step = Step(self._marker, "", step.after)
        self._since_step = 0
        return step

    def _count(self, view: Viewed, raw: bytes, is_new: bool) -> None:
        visitors = self._importing.visitors
        known = visitors.of(view.day, raw)
        visitor = hash(view.visitor) if view.visitor[0] else 0
        is_unique = view.is_unique
        if visitor:
            name = hash((visitor, view.event or view.page, not view.event))
            if is_unique is None:
                is_unique = name not in known
            if is_unique:
                visitors.note(known, name)
        if is_new:
            day = self._step.days.get(view.day) or self._step.day(view.day)
            if visitor and visitor not in known:
                day.visitors.add(visitors.element(view.day, view.visitor))
            _add(day, view, bool(is_unique))
            if view.title and not view.event:
                self._step.titles[view.page] = view.title
        if visitor:
            visitors.note(known, visitor)


def _add(day: Day, view: Viewed, is_unique: bool) -> None:
    names = day.names
    if view.event:
        names["events"][view.event] += 1
        if view.page:
            names["event-pages"][f"{view.event}{TAB}{view.page}"] += 1
        if is_unique:
            names["events:visitors"][view.event] += 1
        return
    day.hours[view.hour] += 1
    names["pages"][view.page] += 1
    if is_unique:
        day.hours_uniques[view.hour] += 1
        names["uniques"][view.page] += 1
    names["referrer"][view.source] += 1
    names["browser"][view.browser] += 1
    names["system"][view.system] += 1
    names["device"][view.device] += 1
    names["language"][view.language] += 1
    if view.campaign:
        names["campaign"][view.campaign] += 1
    if view.country:
        names["country"][view.country] += 1
    if view.source not in WITHOUT_PAIR:
        names["page-sources"][f"{view.page}{TAB}{view.source}"] += 1
