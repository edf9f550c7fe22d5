"""The names of a table in the order of their views: of all views, or of a value."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from redis import Redis

from page_tracker.numbers.day_counts import read_reasons
from page_tracker.numbers.names import DIMENSIONS, FAMILIES, words_for
from page_tracker.numbers.pairs import Half
from page_tracker.numbers.parts import Parts
from page_tracker.numbers.query import WITHOUT_PAIRS
from page_tracker.numbers.rows import Periods
from page_tracker.numbers.search import NOTE, search_pages
from page_tracker.tracking.patterns import Pattern
from page_tracker.tracking.scores import sums_of_members, sums_of_sets
from page_tracker.tracking.tops import ALL, Ranking, Top, Tops

FAMILY_OF = {"pages": "pages", "events": "events", "filtered": "", **DIMENSIONS}
"""The sorted set that each table adds up."""

PAIRS = {
    ("sources", "page"): ("page-sources", 0, "pages"),
    ("pages", "source"): ("page-sources", 1, "referrer"),
    ("events", "page"): ("event-pages", 1, ""),
    ("pages", "event"): ("event-pages", 0, "events"),
}
"""A table and an isolated value → the sorted set that counts both, the place of the
value in a pair, and the sorted set of all views of the value. Events on a page have
none: their sum is the sum of their pairs."""

OWN = {"pages": "page", "sources": "source", "events": "event"}
"""Tables of pairs, and the isolated value that is one of their names."""

NOTE_OF_SOURCES = "without direct views, and views from the site itself"
"""Note of the sources of a page: its `rest` are those views."""


@dataclass(frozen=True)
class Window:
    """The rows of a table to show, of those whose name or label has a text."""

    start: int
    limit: int
    q: str = ""

    @property
    def end(self) -> int:
        """Return the number of rows up to the last one to show."""
        return self.start + self.limit


@dataclass(frozen=True)
class Listed:
    """Names with most views, at least those of a window and one more.

    `members` has the members of `family` that count as a name.
    """

    top: Top
    family: str
    members: Mapping[str, Sequence[str]]
    is_isolated: bool = False
    note: str = ""


def listed_of(redis: Redis, periods: Periods, name: str, window: Window) -> Listed:
    """Return the names of a table. Raises QueryError and RedisError."""
    listed = _of_value(redis, periods, name, window)
    if not listed:
        listed = _of_all(redis, periods, name, window)
    if window.q and (name != "pages" or listed.is_isolated):
        listed = _with_text(listed, name, window.q)
    return listed


def _of_all(redis: Redis, periods: Periods, name: str, window: Window) -> Listed:
    parts = periods.now
    most = ALL if window.q else window.end + 1
    views = sum(day.views for day in parts.days)
    ranked = Tops(redis, parts.keys, views, parts.known)
    note = ""
    if name == "filtered":
        top = _filtered(redis, parts)
    elif name == "pages" and window.q:
        top = _searched(redis, parts, window, ranked.pages(1))
        note = NOTE if top.more is None else ""
    elif name == "pages":
        top = ranked.pages(most)
    elif name == "events":
        top = ranked.events(most)
    else:
        top = ranked.values(DIMENSIONS[name], most, FAMILIES.get(name))
    members = {row: [row] for row, _ in top.rows}
    if family_of := FAMILIES.get(name):
        members = {row: [] for row in members}
        both = Tops(redis, [*parts.keys, *periods.before.keys], 0)
        for member in both.names(DIMENSIONS[name]):
            members.setdefault(family_of(member), []).append(member)
    return Listed(top, FAMILY_OF[name], members, note=note)


def _filtered(redis: Redis, parts: Parts) -> Top:
    sums: Counter[str] = Counter()
    for reasons in read_reasons(redis, parts.keys):
        sums.update(reasons)
    return Top(_ranked(sums), 0, 0, 0)


def _searched(redis: Redis, parts: Parts, window: Window, whole: Top) -> Top:
    """Return the pages with a text; `whole` has the sums of all pages."""
    found = search_pages(redis, parts, window.q)
    shown = sum(views for _, views in found.rows)
    more = None if found.names is None else 0
    return Top(found.rows, whole.other, whole.views - whole.other - shown, more)


def _of_value(
    redis: Redis, periods: Periods, name: str, window: Window
) -> Listed | None:
    """Return the names of a table for all isolated values, or None if nobody knows."""
    values, own = periods.asked.query.isolated, OWN.get(name, "")
    if values.keys() == {own}:
        is_pattern = own == "page" and periods.has_pattern
        return _pages(redis, periods.now, periods.pages) if is_pattern else None
    if len(values) > 1 and own not in values:
        return None
    for table, kind in PAIRS:
        if table != name or kind not in values:
            continue
        if values[kind] not in WITHOUT_PAIRS:
            return _of_pairs(redis, periods, name, kind, window)
    return None


def _of_pairs(  # pylint: disable=too-many-locals  # it reads in one go
    redis: Redis, periods: Periods, name: str, kind: str, window: Window
) -> Listed:
    """Return the names that were counted in a pair with the isolated value of a kind.

    If one of these names is isolated too, it is the only one.
    """
    values, parts = periods.asked.query.isolated, periods.now
    family, place, all_views = PAIRS[name, kind]
    is_pattern = kind == "page" and periods.has_pattern
    half = Half(values[kind], is_first=not place, is_pattern=is_pattern)
    members: dict[str, dict[str, int]] = {}
    for pair, views in _pairs(redis, parts, half, family, name, window).rows:
        members.setdefault(half.other(pair), {})[pair] = views
    if own := values.get(OWN[name]):
        is_exact = name != "pages" or not periods.has_pattern
        matches = Pattern(own, is_exact).matches
        members = {other: of for other, of in members.items() if matches(other)}
    sums = Counter({other: sum(of.values()) for other, of in members.items()})
    if is_pattern:  # before, other pages can have led to a name
        for pair, _ in half.top(redis, periods.before.family(family)).rows:
            if of_name := members.get(half.other(pair)):
                of_name.setdefault(pair, 0)
    rest = 0
    if all_views and not own:
        names = periods.pages if kind == "page" else [half.text]
        known = sums_of_sets(redis, parts.family(all_views), names)
        rest = max(0, sum(known) - sums.total())
    return Listed(
        Top(_ranked(sums), 0, rest, 0),
        family,
        {other: list(of) for other, of in members.items()},
        is_isolated=True,
        note=NOTE_OF_SOURCES if name == "sources" and not own else "",
    )


def _pages(redis: Redis, parts: Parts, pages: Sequence[str]) -> Listed:
    """Return some pages."""
    sums = sums_of_members(redis, parts.family("pages"), pages)
    views = Counter({page: views for page, views in zip(pages, sums) if views})
    members = {page: [page] for page in views}
    return Listed(Top(_ranked(views), 0, 0, 0), "pages", members, is_isolated=True)


def _pairs(  # pylint: disable=too-many-arguments,too-many-positional-arguments
    redis: Redis, parts: Parts, half: Half, family: str, name: str, window: Window
) -> Ranking:
    """Return the pairs with a value, at least those of a window."""
    keys = parts.family(family)
    if name == "pages" or half.is_pattern or window.q:
        return half.top(redis, keys)
    names = Tops(redis, parts.keys, 0).names(FAMILY_OF[name])
    pairs = half.among(redis, keys, names)  # sources and events are fewer than pages
    return Ranking(list(pairs.items()), len(pairs))


def _with_text(listed: Listed, name: str, text: str) -> Listed:
    """Return the names that have a text, or whose words have it."""
    folded, top = text.casefold(), listed.top
    rows = [
        row
        for row in top.rows
        if folded in row[0].casefold() or folded in words_for(name, row[0]).casefold()
    ]
    kept = sum(views for _, views in rows)
    rest = top.views - top.other - kept
    found = Top(rows, top.other, rest, 0)
    return Listed(found, listed.family, listed.members, listed.is_isolated, listed.note)


def _ranked(sums: Counter[str]) -> list[tuple[str, int]]:
    return sorted(sums.items(), key=lambda row: (-row[1], row[0]))
