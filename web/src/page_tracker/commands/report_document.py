"""The report as programs read it."""

from typing import Any

from page_tracker.commands.report_layout import Report
from page_tracker.numbers.labels import label_of
from page_tracker.tracking.keys import OTHER
from page_tracker.tracking.periods import Comparison, Figures
from page_tracker.tracking.reasons import MEANINGS

WITH_LABELS = ("sources", "languages", "countries")
"""Tables with codes and with names that are ours."""


def document_of(made: Report) -> dict[str, Any]:
    """Return a report for JSON: days as 2026-01-31, shares as 0 to 1.

    Later versions keep all names, and may add more. `visits` and `referrers` are old
    names for `uniques` and `sources`; the next version has only the new ones.
    """
    period, totals = made.period, made.totals
    tables = {
        name: [_row(name, value, views) for value, views in top.rows]
        for name, top in made.tops.items()
        if name != "pages"
    }
    return {
        "site": made.site.name,
        "time_zone": made.site.time_zone,
        "since": totals.since.isoformat(),
        "first_day": period.days[0].day.isoformat(),
        "last_day": period.days[-1].day.isoformat(),
        "totals": {
            "views": totals.views,
            "uniques": totals.uniques,
            "visits": totals.uniques,
            "pages": totals.pages,
            "added_by_hand": totals.added_by_hand,
        },
        "period": period.figures._asdict() | {"filtered": sum(made.filtered.values())},
        "comparison": period.comparison and _comparison(period.comparison),
        "days": [
            day._asdict() | {"day": day.day.isoformat(), "visits": day.uniques}
            for day in period.days
        ],
        "hours": [hour._asdict() for hour in period.hours],
        "pages": [
            page._asdict() | {"visits": page.uniques, "all_visits": page.all_uniques}
            for page in made.pages
            if page.page != OTHER  # `other` has it
        ],
        **tables,
        "referrers": tables["sources"],
        "filtered": [
            {"reason": reason, "views": views, "meaning": MEANINGS.get(reason, "")}
            for reason, views in made.filtered.items()
        ],
        "other": {name: top.other for name, top in made.tops.items()},
        "rest": {name: top.rest for name, top in made.tops.items()},
    }


def _row(table: str, value: str, views: int) -> dict[str, Any]:
    label = {"label": label_of(table, value)} if table in WITH_LABELS else {}
    return {"name": value, "views": views} | label


def _comparison(comparison: Comparison) -> dict[str, Any]:
    return {
        "first_day": comparison.first_day.isoformat(),
        "last_day": comparison.last_day.isoformat(),
        "until": comparison.until,
        "now": comparison.now._asdict(),
        "before": comparison.before._asdict(),
        "change": {name: comparison.change(name) for name in Figures._fields},
    }
