"""The numbers that an import adds to a site, in the form that all kinds share.

A reader of a kind yields steps. `writing.py` adds each of them in one atomic step, with
its marker: so a step counts once, however often the import runs.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date

from page_tracker.tracking.keys import NAMES

FIRST_DAY = date(1990, 1, 1)
"""No web page was seen on an earlier day, so an earlier record is invalid."""


class ImportRefused(ValueError):
    """A source cannot be imported; the message is one line for people."""


def _names() -> dict[str, Counter[str]]:
    return {name: Counter() for name in NAMES}


@dataclass
class Day:
    """The numbers that a step adds to one day.

    `names` has a counter for each of `keys.NAMES`: the views of pages are in `pages`,
    and their unique views in `uniques`. A pair is written `page⇥source`. Names are in
    their canonical form. `visitors` identify visitors of this day, and nobody else. A
    source that has only their number gives that as `more_visitors`.

    The numbers need not agree: `fitting.py` makes them agree. A source that tells no
    hours leaves `hours` empty, for example.
    """

    hours: Counter[int] = field(default_factory=Counter)
    hours_uniques: Counter[int] = field(default_factory=Counter)
    names: dict[str, Counter[str]] = field(default_factory=_names)
    visitors: set[bytes] = field(default_factory=set)
    more_visitors: int = 0

    @property
    def views(self) -> int:
        """Return the views of all pages."""
        return self.names["pages"].total()

    @property
    def size(self) -> int:
        """Return how many names, visitors and keys Redis has to change."""
        names = sum(map(len, self.names.values())) + len(self.names)
        return names + len(self.visitors) + self.more_visitors


@dataclass
class Step:
    """The numbers that are added together, and the marker that says so.

    `marker` names the part of the source, for example the day of a kind. Redis gets a
    hash of it, so it may have the name of a page. The step is added if the marker has
    the value `before`, which is empty for none. Then it has the value `after`. A step
    whose marker is `after` already is in.
    """

    marker: str
    after: str
    before: str = ""
    days: dict[date, Day] = field(default_factory=dict)
    titles: dict[str, str] = field(default_factory=dict)
    """By page. A title that the site has stays."""
    pages: dict[str, tuple[int, int]] = field(default_factory=dict)
    """Views and unique views of pages, of no known day."""
    visitors: int = 0
    """Visitors of the site, of no known day."""

    def day(self, day: date) -> Day:
        """Return the numbers of a day, which begin with none."""
        found = self.days.get(day)
        if found is None:
            found = self.days[day] = Day()
        return found


@dataclass
class Tally:
    """The contents of all steps of an import, and the records that it leaves out.

    With `new` steps it says what comes in, and `known` counts those that are in.
    """

    views: int = 0
    uniques: int = 0
    events: int = 0
    undated: int = 0
    """Views of no known day; they are part of `views`."""
    too_old: int = 0
    """Views of days over the retention; they are part of `views`."""
    known: int = 0
    """Records, or numbers, that are in already."""
    days: set[date] = field(default_factory=set)
    pages: set[int] = field(default_factory=set)
    """Hashes of the names of pages, up to MOST_PAGES."""
    left_out: Counter[str] = field(default_factory=Counter)
    """Records by the reason not to count them."""
    notes: list[str] = field(default_factory=list)
    """Sentences for the owner about what is special in this source."""
    bad: int = 0
    bad_lines: list[int] = field(default_factory=list)
    """The numbers of the first lines that could not be read."""

    def add(self, step: Step, oldest: date) -> None:
        """Add a step to the numbers. Days before `oldest` are over the retention."""
        for day, numbers in step.days.items():
            self.views += numbers.views
            self.uniques += numbers.names["uniques"].total()
            self.events += numbers.names["events"].total()
            self.days.add(day)
            self._add_pages(numbers.names["pages"])
            if day < oldest:
                self.too_old += numbers.views
        for views, uniques in step.pages.values():
            self.views += views
            self.undated += views
            self.uniques += uniques
        self._add_pages(step.pages)

    def note_bad(self, line: int) -> None:
        """Count a line that cannot be read."""
        self.bad += 1
        if len(self.bad_lines) < MOST_BAD_LINES:
            self.bad_lines.append(line)

    def _add_pages(self, pages: Mapping[str, object]) -> None:
        if len(self.pages) < MOST_PAGES:
            self.pages.update(map(hash, pages))


MOST_PAGES = 100_000
MOST_BAD_LINES = 3

Steps = Iterator[Step]
