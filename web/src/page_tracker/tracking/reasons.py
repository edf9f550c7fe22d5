"""Why a view is not counted."""

from collections.abc import Mapping
from enum import StrEnum


class Reason(StrEnum):
    """A reason not to count a view.

    The first five are asked in this order. Redis decides on `RATE`, the way in on
    `INVALID`, the recorder on `UNKNOWN_SITE`.
    """

    PREFETCH = "prefetch"
    OWN = "own"
    PRIVACY = "privacy signal"
    BOT = "bot"
    SPAM = "spam"
    RATE = "rate"
    INVALID = "invalid"
    UNKNOWN_SITE = "unknown site"


MEANINGS: Mapping[str, str] = {
    Reason.PREFETCH: "fetched ahead or for a preview, shown to nobody",
    Reason.OWN: "by the owner: a marked browser, or one of PAGE_TRACKER_OWN",
    Reason.PRIVACY: "the browser asked not to be tracked, and "
    "PAGE_TRACKER_PRIVACY_SIGNAL is skip",
    Reason.BOT: "by a program, as its user agent says",
    Reason.SPAM: "advertising itself as the referrer",
    Reason.RATE: "more in a minute than PAGE_TRACKER_RATE of one address",
    Reason.INVALID: "refused as it was sent, with the reason in the answer",
    Reason.UNKNOWN_SITE: "for a site that is not registered",
}
