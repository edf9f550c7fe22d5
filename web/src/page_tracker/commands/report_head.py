"""The head of the report: its site and days, and its numbers as tiles."""

from collections.abc import Iterator
from datetime import date

from rich.table import Table
from rich.text import Text

from page_tracker.commands.output import QUIET, number_of
from page_tracker.tracking.periods import Comparison, Period
from page_tracker.tracking.reports import Totals
from page_tracker.tracking.sites import Site

UP, DOWN = "color(28)", "color(160)"
"""A green and a red that are legible on black and on white."""

FEWEST_TO_COMPARE = 20
"""The change of a smaller number is mostly chance, and is printed in grey."""

WIDTH_OF_TILE = 16

TILES = {
    "Views": "views",
    "Unique views": "uniques",
    "Visitors a day": "visitors_a_day",
    "Views a visitor": "views_a_visitor",
    "Events": "events",
}
"""The figures by the names that people read."""


def heading(site: Site, period: Period, where: str) -> Iterator[Text]:
    """Yield the lines above the tiles. `where` is the Redis with the counts."""
    number = len(period.days)
    days = f"last {number:,} days" if number > 1 else "today"
    span = span_of(period.days[0].day, period.days[-1].day)
    yield Text.assemble((site.name, "bold"), f"  {days}, {span}")
    counts = f"; counts in {where}" if where else ""
    yield Text(f"Days and hours of {site.time_zone}{counts}", QUIET)


def tiles(period: Period, not_counted: int, width: int) -> Table:
    """Return the numbers of a period, each with its change."""
    all_tiles = [_tile(name, period) for name in TILES]
    refused = Text.assemble(("Not counted", QUIET), (f"\n{not_counted:,}", "bold"))
    if not_counted:
        share = not_counted / (not_counted + (period.figures.views or 0))
        refused.append(f"\n{percent(share)} of all", QUIET)
    all_tiles.append(refused)
    across = next((n for n in (6, 3) if width >= n * WIDTH_OF_TILE), 2)
    grid = Table.grid(expand=True, padding=(0, 1, 0, 0))
    for _ in range(across):
        grid.add_column(ratio=1, no_wrap=True)
    for start in range(0, len(all_tiles), across):
        if start:
            grid.add_row()
        grid.add_row(*all_tiles[start : start + across])
    return grid


def explanations(period: Period, totals: Totals) -> Iterator[Text]:
    """Yield what the tiles say and do not say, and the numbers of all time."""
    comparison, whole = period.comparison, len(period.days) - 1
    if comparison:
        before = span_of(comparison.first_day, comparison.last_day)
        yield Text(f"▲ ▼ compare with {before}{_basis(comparison, whole)}.", QUIET)
    if whole:
        days = f"the mean of {whole:,} days" if whole > 1 else "of yesterday"
        yield Text(
            f"Visitors a day: {days}, without today. A visitor cannot be recognised on "
            "another day, so there is no total for several days.",
            QUIET,
        )
    yield Text(
        f"Since {long(totals.since)}: {number_of(totals.views, 'view')}"
        f"{added_by_hand(totals)}; {number_of(totals.uniques, 'unique view')}; "
        f"{number_of(totals.pages, 'page')}.",
        QUIET,
    )


def added_by_hand(totals: Totals) -> str:
    """Return how many of the views in all were added by hand, in words."""
    if totals.added_by_hand > 0:
        return f" in all, of which {totals.added_by_hand:,} added by hand"
    if totals.added_by_hand < 0:
        return f" in all, after {-totals.added_by_hand:,} were taken off by hand"
    return ""


def _basis(comparison: Comparison, whole: int) -> str:
    """Return which hours and days the change is about."""
    if comparison.until == "00:00":
        return ", without the last day" if whole else ""
    if not whole:
        return f", up to {comparison.until}"
    return (
        f". Views: up to {comparison.until} on the last day. "
        "Visitors and events: without the last day"
    )


def span_of(first: date, last: date) -> str:
    """Return some days in words, for example `27 Oct – 25 Nov 2026`."""
    if first == last:
        return long(last)
    year = f" {first.year}" if first.year != last.year else ""
    return f"{first.day} {first:%b}{year} – {long(last)}"


def long(day: date) -> str:
    """Return a day in words, for example `25 Nov 2026`."""
    return f"{day.day} {day:%b %Y}"


def percent(share: float) -> str:
    """Return a share in words, for example `39 %`."""
    return f"{100 * share:,.0f} %"


def _tile(name: str, period: Period) -> Text:
    number = getattr(period.figures, TILES[name])
    value = "–" if number is None else _number(number)
    tile = Text.assemble((name, QUIET), "\n", (value, "bold"))
    if period.comparison:
        tile.append("\n").append(_change(TILES[name], period.comparison))
    return tile


def _number(number: float) -> str:
    if number == int(number) or number >= 100:
        return f"{number:,.0f}"
    return f"{number:,.1f}"


def _change(figure: str, comparison: Comparison) -> Text:
    """Return a change, for example `▲ 38 %`."""
    before = getattr(comparison.before, figure)
    change = comparison.change(figure)
    if change is None:
        is_new = before == 0 and getattr(comparison.now, figure)
        return Text("new" if is_new else "", QUIET)
    size = percent(abs(change))
    if size == "0 %":
        return Text("± 0 %", QUIET)
    sign, style = ("▲", UP) if change > 0 else ("▼", DOWN)
    base = before if figure == "events" else comparison.before.views or 0
    few = base < FEWEST_TO_COMPARE
    return Text(f"{sign} {size}", QUIET if few else style)
