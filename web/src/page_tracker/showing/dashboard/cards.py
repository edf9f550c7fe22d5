"""The cards of a site: which tables they show, and what a click isolates."""

from collections.abc import Sequence
from dataclasses import dataclass

from page_tracker.showing.language import marked

NOTES = (
    marked("by time zone"),
    marked("without direct views, and views from the site itself"),
    marked("the 1,000 of them with most views of all time"),
)
"""Texts of `Table.note`, for the languages."""


@dataclass(frozen=True)
class Tab:
    """A table in a card."""

    table: str
    """One of `numbers.tables.TABLES`."""
    title: str
    isolates: str
    """Parameter that a click on a row sets; empty for none."""
    empty: str
    """How to fill it."""


@dataclass(frozen=True)
class Card:
    """A card of the site's page; its whole list has the same name in the address."""

    name: str
    title: str
    tabs: Sequence[Tab]


PAGES = Tab(
    "pages",
    marked("Pages"),
    "page",
    marked("No views in this period. Choose a longer one."),
)
SOURCES = Tab(
    "sources",
    marked("Referrers"),
    "source",
    marked("No referrers yet. They appear when a visitor follows a link to your site."),
)
CAMPAIGNS = Tab(
    "campaigns",
    marked("Campaigns"),
    "campaign",
    marked("No campaigns yet. Add ?utm_campaign=autumn to a link that you share."),
)
EVENTS = Tab(
    "events",
    marked("Events"),
    "event",
    marked(
        'No events yet. Add data-event="signup" to a button or a link of your page.'
    ),
)
COUNTRIES = Tab(
    "countries",
    marked("Countries"),
    "country",
    marked("No countries yet. The script sends the time zone that tells the country."),
)
LANGUAGES = Tab(
    "languages",
    marked("Languages"),
    "language",
    marked("No languages yet. They come with the first view of a browser."),
)
BROWSERS = Tab(
    "browsers",
    marked("Browsers"),
    "browser",
    marked("No browsers yet. They come with the first view."),
)
SYSTEMS = Tab(
    "systems",
    marked("Systems"),
    "system",
    marked("No systems yet. They come with the first view."),
)
DEVICES = Tab(
    "devices",
    marked("Kinds"),
    "device",
    marked("No kinds of devices yet. They come with the first view."),
)
FILTERED = Tab(
    "filtered",
    marked("Reasons"),
    "",
    marked("Every view was counted. Views of bots, for example, would be listed here."),
)

CARDS = (
    Card("pages", marked("Pages"), (PAGES,)),
    Card("sources", marked("Sources"), (SOURCES, CAMPAIGNS)),
    Card("events", marked("Events"), (EVENTS,)),
    Card("places", marked("Places"), (COUNTRIES, LANGUAGES)),
    Card("devices", marked("Devices"), (BROWSERS, SYSTEMS, DEVICES)),
    Card("not-counted", marked("Not counted"), (FILTERED,)),
)
"""In the order of the page."""

LISTS = {
    **{card.name: card for card in CARDS},
    "sources": Card("sources", marked("Referrers"), (SOURCES,)),
    "campaigns": Card("campaigns", marked("Campaigns"), (CAMPAIGNS,)),
}
"""Whole lists by the end of their address."""

ISOLATED = {
    "page": marked("Page"),
    "source": marked("Source"),
    "campaign": marked("Campaign"),
    "country": marked("Country"),
    "language": marked("Language"),
    "browser": marked("Browser"),
    "system": marked("System"),
    "device": marked("Device"),
    "event": marked("Event"),
}
"""Parameter → its words."""

TABLE_OF = {
    tab.isolates: tab.table for card in CARDS for tab in card.tabs if tab.isolates
}
"""Parameter → the table of its values."""

LIST_OF = {tab.table: name for name, card in LISTS.items() for tab in card.tabs}
"""Table → the whole list that has it."""
