"""Days, weeks and months that have ended, on the calendar of a site."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import count
from typing import Literal
from zoneinfo import ZoneInfo

from page_tracker.numbers.query import Query
from page_tracker.tracking.sites import start_of

Kind = Literal["daily", "weekly", "monthly"]

ONE_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Finished:
    """A period of whole days, the first and the last one included."""

    kind: Kind
    first: date
    last: date

    @property
    def query(self) -> Query:
        """Return the question for its numbers, compared with the period before."""
        return Query(period=f"{self.first}..{self.last}")

    def end(self, zone: ZoneInfo) -> datetime:
        """Return the moment when it ended in a time zone."""
        return datetime.fromtimestamp(start_of(self.last + ONE_DAY, zone), zone)


def finished(kind: Kind, today: date) -> Iterator[Finished]:
    """Give the periods that ended before today, the newest first.

    Weeks begin on Monday.
    """
    if kind == "monthly":
        last = today.replace(day=1) - ONE_DAY
        while True:
            yield Finished(kind, last.replace(day=1), last)
            last = last.replace(day=1) - ONE_DAY
    length = 7 if kind == "weekly" else 1
    after = today - timedelta(days=today.weekday()) if kind == "weekly" else today
    for back in count(1):
        first = after - timedelta(days=back * length)
        yield Finished(kind, first, first + timedelta(days=length - 1))


def last_finished(kind: Kind, today: date) -> Finished:
    """Return the period that ended last before today."""
    return next(finished(kind, today))
