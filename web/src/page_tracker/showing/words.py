"""Words for the names that Page Tracker itself gives: devices, and reasons.

They are English, and marked for translation; no view sends one of them.
"""

from collections.abc import Mapping
from typing import NamedTuple

from page_tracker.numbers.labels import marked
from page_tracker.tracking.reasons import Reason


class Words(NamedTuple):
    """The words for a reason: a name, why a view was not counted, and what helps."""

    name: str
    meaning: str
    cure: str = ""


REASONS: Mapping[str, Words] = {
    Reason.PREFETCH: Words(
        marked("prefetch"),
        marked("Fetched ahead or for a preview, shown to nobody."),
        marked("A browser fetched the page ahead, and did not show it."),
    ),
    Reason.OWN: Words(
        marked("own views"),
        marked("From a browser or an address that is marked as yours."),
        marked(
            "The browser is marked as your own, or its address is in PAGE_TRACKER_OWN. "
            "To count this browser again, open your page with #page-tracker=visitor at "
            "the end of its address."
        ),
    ),
    Reason.PRIVACY: Words(
        marked("privacy signal"),
        marked("The browser asked not to be tracked."),
        marked(
            "The browser asks not to be tracked, and PAGE_TRACKER_PRIVACY_SIGNAL is "
            "skip."
        ),
    ),
    Reason.BOT: Words(
        marked("bot"),
        marked("Sent by a program, for example a search engine."),
        marked(
            "The user agent is not that of a browser. Open the page in a usual browser."
        ),
    ),
    Reason.SPAM: Words(
        marked("spam"),
        marked("The referrer is on the list of spam."),
        marked("The address that linked to the page is on the list of spam."),
    ),
    Reason.OTHER_HOST: Words(
        marked("other host"),
        marked("Shown by a host that is not one of the site."),
        marked(
            "Another host showed the page, and this site counts its own hosts only. In "
            "the settings, add the host, or count all hosts."
        ),
    ),
    Reason.BLOCKED: Words(
        marked("blocked page"),
        marked("Of a page that you blocked."),
        marked("The page is blocked in the settings."),
    ),
    Reason.RATE: Words(
        marked("too many from one address in a minute"),
        marked("More than a person sends in a minute."),
        marked("One address sent too many views in a minute. Wait a minute."),
    ),
    Reason.DAY_RATE: Words(
        marked("too many from one address in a day"),
        marked("More than a person sends in a day."),
        marked("One address sent too many views in a day."),
    ),
    Reason.SITE_RATE: Words(
        marked("too many for the site in a minute"),
        marked("More than the whole site may send in a minute."),
        marked("The site got too many views in a minute. Wait a minute."),
    ),
    Reason.INVALID: Words(
        marked("invalid"),
        marked("Invalid as it was sent."),
        marked(
            "What was sent is invalid. The answer gives the reason: look at it in the "
            "network tab of your browser."
        ),
    ),
    Reason.UNKNOWN_SITE: Words(
        marked("unknown site"),
        marked("For a site that is not registered."),
    ),
}
"""For owners. `MEANINGS` of `tracking.reasons` are for operators and programs."""

WORDS: Mapping[str, Mapping[str, str]] = {
    "devices": {
        "desktop": marked("desktop"),
        "phone": marked("phone"),
        "tablet": marked("tablet"),
        "tv": marked("TV"),
    },
    "filtered": {reason: words.name for reason, words in REASONS.items()},
}
"""Table → value → its words."""
