"""The tables of names: what each counts, and the words for a name."""

from page_tracker.numbers.labels import label_of
from page_tracker.tracking.families import family_of
from page_tracker.tracking.reasons import MEANINGS

DIMENSIONS = {
    "sources": "referrer",
    "campaigns": "campaign",
    "browsers": "browser",
    "systems": "system",
    "devices": "device",
    "languages": "language",
    "countries": "country",
}
"""Tables of values, and their dimensions."""

TABLES = (
    *("pages", "sources", "campaigns", "countries", "languages"),
    *("browsers", "systems", "devices", "events", "filtered"),
)

FAMILIES = {"browsers": family_of, "systems": family_of}
"""Tables with one row for values that people take for the same."""

FEWEST_IN_PUBLIC = 5
"""Views of a source that strangers may see: a rare address can be a person."""

RARE = ("sources", "campaigns")
"""Tables whose rare names strangers do not see."""


def words_for(table: str, name: str) -> str:
    """Return the words for a name of a table, in English."""
    if table == "filtered":
        return MEANINGS.get(name, name)
    if table in ("pages", "events") and name != "(other)":
        return name
    return label_of(table, name)
