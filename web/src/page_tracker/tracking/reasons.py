"""Why a view is not counted."""

from collections.abc import Mapping
from enum import StrEnum


class Reason(StrEnum):
    """A reason not to count a view.

    The recorder checks the first seven in this order. Redis decides on the rates, the
    way in on `INVALID`, the recorder on `UNKNOWN_SITE`.
    """

    PREFETCH = "prefetch"
    OWN = "own"
    PRIVACY = "privacy signal"
    BOT = "bot"
    SPAM = "spam"
    OTHER_HOST = "other host"
    BLOCKED = "blocked page"
    RATE = "rate"
    DAY_RATE = "day rate"
    SITE_RATE = "site rate"
    INVALID = "invalid"
    UNKNOWN_SITE = "unknown site"


LIMITS = (Reason.RATE, Reason.DAY_RATE, Reason.SITE_RATE)
"""Reasons that pass with time."""

MEANINGS: Mapping[str, str] = {
    Reason.PREFETCH: "fetched ahead or for a preview, shown to nobody",
    Reason.OWN: "by the owner: a marked browser, or an address in PAGE_TRACKER_OWN",
    Reason.PRIVACY: "the browser asked not to be tracked, and "
    "PAGE_TRACKER_PRIVACY_SIGNAL is skip",
    Reason.BOT: "from a program: its user agent is not a browser's",
    Reason.SPAM: "its referrer is on the list of spam",
    Reason.OTHER_HOST: "shown by another host, and the site counts only its own hosts",
    Reason.BLOCKED: "of a page that the owner blocked",
    Reason.RATE: "over PAGE_TRACKER_RATE views in a minute from one address",
    Reason.DAY_RATE: "over 100 times PAGE_TRACKER_RATE views in a day from one address",
    Reason.SITE_RATE: "over PAGE_TRACKER_SITE_RATE views of the site in a minute",
    Reason.INVALID: "invalid as it was sent; the answer gives the reason",
    Reason.UNKNOWN_SITE: "for a site that is not registered",
}
