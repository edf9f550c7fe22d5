"""Imports the CSV export of GoatCounter: a row is a view or an event.

The format: https://www.goatcounter.com/help/export, version 2.
"""

import re

from page_tracker.importing.agent_names import browser_name, device_of, system_name
from page_tracker.importing.csv_rows import Row, records_of
from page_tracker.importing.exported import Exported
from page_tracker.importing.looks import refuse_other_kinds
from page_tracker.importing.models import ImportRefused, Steps
from page_tracker.importing.running import Import
from page_tracker.importing.source import open_source
from page_tracker.importing.targets import Targets, Told
from page_tracker.importing.views import LeftOut, Viewed, steps_of
from page_tracker.tracking.canonical import canonical_referrer
from page_tracker.tracking.reasons import Reason
from page_tracker.tracking.view import SentView
from page_tracker.tracking.visitor import country_of

KIND = "goatcounter"

HEADER = re.compile(rb"\A(?:\xef\xbb\xbf)?(\d+)Path,")
VERSION = b"2"

BOOLEANS = {"0": False, "1": True, "false": False, "true": True}


def read_goatcounter(importing: Import) -> Steps:
    """Yield the steps of an export of GoatCounter."""
    # pylint: disable-next=contextmanager-generator-missing-cleanup  # a file only
    with open_source(importing.source) as source:
        refuse_other_kinds(source, KIND)
        header = HEADER.match(source.start)
        if not header:
            raise ImportRefused(
                f"{source.name} is no CSV export of GoatCounter: its first line must "
                "begin with 2Path,Title,Event"
            )
        if header[1] != VERSION:
            raise ImportRefused(
                f"{source.name} has version {header[1].decode()} of the format: export "
                "it again with GoatCounter 2, which writes version 2"
            )
        read = _Rows(importing).view
        yield from steps_of(importing, KIND, records_of(importing, source, read))


class _Rows:
    """The rows of one export."""

    def __init__(self, importing: Import) -> None:
        self._site = importing.site.name
        self._targets = Targets(importing.site, importing.rules)
        self._exported = Exported(importing)

    def view(self, row: Row) -> Viewed:
        """Return the view of a row. Raises LeftOut, BadRecord and KeyError."""
        is_event = BOOLEANS[row["Event"].lower()]
        is_first = BOOLEANS[row["FirstVisit"].lower()]
        path, referrer, kind = row["2Path"], row["Referrer"], row["Referrer scheme"]
        if row["Bot"] not in ("", "0"):
            raise LeftOut(Reason.BOT)
        told = self._told(row)
        if told.reason:
            raise LeftOut(told.reason)
        if kind == "h" and "://" not in referrer:
            referrer = f"https://{referrer}"
        # Events have no page. A page is a path, but its slash may be missing.
        page = "/" if is_event else f"/{path.lstrip('/')}"
        sent = SentView(
            *(self._site, page, referrer),
            title="" if is_event else row["Title"],
            event=path if is_event else "",
        )
        view = self._exported.view(row["Date"], sent, row["Session"], told)
        return view._replace(
            page="" if is_event else view.page,
            is_unique=is_first,
            country=country_of(row["Location"].partition("-")[0]),
            campaign=canonical_referrer(referrer) if kind == "c" else view.campaign,
        )

    def _told(self, row: Row) -> Told:
        """Return browser, system and device. Each name has a version after it."""
        if row["UserAgent"]:
            return self._targets.agent(row["UserAgent"])
        browser = browser_name(_without_version(row["Browser"]))
        system = system_name(_without_version(row["System"]))
        width = row["Screen size"].partition(",")[0]
        is_number = width.isascii() and width.isdigit()
        device = device_of(system, int(width[:6]) if is_number else 0)
        return Told(browser, system, device)


def _without_version(text: str) -> str:
    name, _, _ = text.rpartition(" ")
    return name or text
