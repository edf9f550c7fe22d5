"""The report of a site, in a form that is easy to compare."""

import json
from typing import Any

from support.fixture_types import Command


def report_of(command: Command, site: str = "example.org") -> dict[str, Any]:
    """Return the report of a site whose sums all agree.

    Tables are dictionaries: of names and views, and of pages with views and unique
    views. `titles` are those of the pages.
    """
    verified = command("verify")
    assert verified.exit_code == 0, verified.output
    report: dict[str, Any] = json.loads(command("report", site, "--json").output)
    for name, rows in report.items():
        if isinstance(rows, list) and rows and "name" in rows[0]:
            report[name] = {row["name"]: row["views"] for row in rows}
    pages = report["pages"]
    report["titles"] = {row["page"]: row["title"] for row in pages}
    report["pages"] = {row["page"]: (row["views"], row["uniques"]) for row in pages}
    return report
