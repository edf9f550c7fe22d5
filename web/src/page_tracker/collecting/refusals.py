"""How a way in answers a view that was not counted."""

import difflib
import time
from collections.abc import Collection

from redis.exceptions import RedisError

from page_tracker.http.outgoing import Refusal, retry_after
from page_tracker.tracking.keys import DAY
from page_tracker.tracking.reasons import LIMITS, MEANINGS, Reason
from page_tracker.tracking.recorded import Recorded
from page_tracker.tracking.sites import UnknownSite

MOST_NAMES = 5
LONGEST_NAME = 40


def status_of(error: Exception) -> int:
    """Return the HTTP status for an error of the recorder."""
    if isinstance(error, RedisError):
        return 503
    return 404 if isinstance(error, UnknownSite) else 400


def outcome_of(outcome: Recorded | Exception) -> str:
    """Return what became of a view, in a word or two, for the metrics and the log."""
    if isinstance(outcome, Recorded):
        return outcome.reason or ("repeated" if outcome.is_repeated else "counted")
    if isinstance(outcome, RedisError):
        return "unavailable"
    is_unknown = isinstance(outcome, UnknownSite)
    return Reason.UNKNOWN_SITE if is_unknown else Reason.INVALID


def explain(error: Exception) -> str:
    """Return why a view was not counted, for people."""
    if isinstance(error, RedisError):
        return (
            "Page Tracker cannot count right now; this view may not have been counted"
        )
    return str(error)


def remark_on(reason: Reason | None) -> tuple[int, str]:
    """Return status and sentence for a view; the sentence is empty if it counted."""
    status = 429 if reason in LIMITS else 200
    return status, f"not counted: {reason} ({MEANINGS[reason]})" if reason else ""


def ignored(names: Collection[str], known: Collection[str]) -> str:
    """Return a sentence with the parameters that nobody knows; empty if all are known.

    Caches, proxies and advertisers add parameters of their own to any address.
    """
    unknown = [name[:LONGEST_NAME] for name in names if name not in known]
    named = ", ".join(_with_meant(name, known) for name in unknown[:MOST_NAMES])
    more = ", …" if len(unknown) > MOST_NAMES else ""
    return f"ignored: {named}{more}" if named else ""


def _with_meant(name: str, known: Collection[str]) -> str:
    for meant in difflib.get_close_matches(name, known, n=1):
        return f"{name} (did you mean {meant}?)"
    return name


def refusal_of(error: Exception) -> Refusal:
    """Return the refusal for an error of the recorder."""
    status = status_of(error)
    headers = when_to_return(status)
    return Refusal(status, explain(error), headers, outcome=outcome_of(error))


def when_to_return(status: int, reason: str | None = None) -> dict[str, str]:
    """Return the header that says when to send a view again, if one has the status.

    `reason` is the limit that a view is over.
    """
    if status == 429:
        is_of_day = reason == Reason.DAY_RATE
        return retry_after(seconds_of_day() if is_of_day else seconds_of_minute())
    return retry_after() if status == 503 else {}


def over_rate(rate: int, reason: Reason) -> Refusal:
    """Return the refusal for a view over a limit; `rate` is that of one address."""
    limit = "the site has too many views in this minute; try again in the next one"
    if reason == Reason.RATE:
        limit = f"the limit is {rate} views a minute from one address"
    if reason == Reason.DAY_RATE:
        limit = "this address has sent too many views today; try again tomorrow (UTC)"
    return Refusal(429, limit, when_to_return(429, reason), outcome=reason)


def seconds_of_day() -> int:
    """Return the seconds that are left of this day in UTC."""
    return DAY - int(time.time()) % DAY


def seconds_of_minute() -> int:
    """Return the seconds that are left of this minute."""
    return 60 - int(time.time()) % 60
