"""Imports the export of Umami: `website_event.csv`, or the zip that has it.

A row is a view or an event: https://github.com/umami-software/umami, the route
`websites/[websiteId]/export` and the table `website_event`.
"""

from page_tracker.importing.agent_names import (
    browser_name,
    device_name,
    device_of,
    system_name,
)
from page_tracker.importing.csv_rows import Row, records_of
from page_tracker.importing.exported import Exported
from page_tracker.importing.looks import LOOKS, refuse_other_kinds
from page_tracker.importing.models import ImportRefused, Steps
from page_tracker.importing.running import Import
from page_tracker.importing.source import open_member
from page_tracker.importing.targets import Told
from page_tracker.importing.views import BadRecord, LeftOut, Viewed, steps_of
from page_tracker.tracking.keys import UNKNOWN
from page_tracker.tracking.view import SentView
from page_tracker.tracking.visitor import country_of, language_of

KIND = "umami"
FILE = "website_event.csv"

VIEW, EVENT = "1", "2"
"""Types of rows that count. Others are of links, images and speed."""

FORMULAS = ("'=", "'+", "'-", "'@", "'\t", "'\r")
"""Beginnings of cells that Umami changed: spreadsheets run formulas."""

UTM = ("utm_source", "utm_medium", "utm_campaign", "utm_content", "utm_term")


def read_umami(importing: Import) -> Steps:
    """Yield the steps of an export of Umami."""
    # pylint: disable-next=contextmanager-generator-missing-cleanup  # a file only
    with open_member(importing.source, FILE) as source:
        refuse_other_kinds(source, KIND)
        if not LOOKS[KIND].search(source.start):
            raise ImportRefused(
                f"{source.name} is no export of Umami: it lacks the columns "
                f"session_id and url_path. In the zip of Umami, {FILE} has them"
            )
        read = _Rows(importing).view
        yield from steps_of(importing, KIND, records_of(importing, source, read))


class _Rows:
    """The rows of one export."""

    def __init__(self, importing: Import) -> None:
        self._site = importing.site.name
        self._exported = Exported(importing)

    def view(self, row: Row) -> Viewed:
        """Return the view of a row. Raises LeftOut, BadRecord and KeyError."""
        cells = {name: _plain(cell) for name, cell in row.items()}
        kind = cells.get("event_type", VIEW)
        if kind not in (VIEW, EVENT):
            raise LeftOut("neither a view nor an event")
        event = cells.get("event_name", "") if kind == EVENT else ""
        if kind == EVENT and not event:
            raise BadRecord
        sent = SentView(
            *(self._site, _address(cells), _referrer(cells)),
            title=cells.get("page_title", ""),
            event=event,
            host=cells.get("hostname", ""),
        )
        view = self._exported.view(
            cells["created_at"], sent, cells["session_id"], _told(cells)
        )
        return view._replace(
            country=country_of(cells.get("country", "")),
            language=language_of(cells.get("language", "")) or UNKNOWN,
        )


def _plain(cell: str) -> str:
    if cell in ("\\N", "NULL", "null"):
        return ""
    return cell[1:] if cell.startswith(FORMULAS) else cell


def _address(cells: Row) -> str:
    """Return the page with its query, which names its source and campaign."""
    query = cells.get("url_query", "").lstrip("?")
    named = [f"{name}={cells[name]}" for name in UTM if cells.get(name)]
    query = "&".join(
        [query, *(one for one in named if one.partition("=")[0] not in query)]
    )
    query = query.strip("&")
    return f"{cells['url_path']}?{query}" if query else cells["url_path"]


def _referrer(cells: Row) -> str:
    """Return the referrer. Without a domain, it was a page of the site."""
    domain, path = cells.get("referrer_domain", ""), cells.get("referrer_path", "")
    if domain:
        return f"https://{domain}{path}"
    return f"https://{cells.get('hostname', '')}{path}" if path else ""


def _told(cells: Row) -> Told:
    system = system_name(cells.get("os", ""))
    device = device_name(cells.get("device", ""))
    if device == UNKNOWN:
        device = device_of(system, 0)
    return Told(browser_name(cells.get("browser", "")), system, device)
