"""How a way in answers a view that was not counted."""

import time

from redis.exceptions import RedisError

from page_tracker.http.outgoing import Refusal, retry_after
from page_tracker.tracking.sites import UnknownSite


def status_of(error: Exception) -> int:
    """Return the HTTP status for an error of the recorder."""
    if isinstance(error, RedisError):
        return 503
    return 404 if isinstance(error, UnknownSite) else 400


def explain(error: Exception) -> str:
    """Return why a view was not counted, for people."""
    if isinstance(error, RedisError):
        return (
            "Page Tracker cannot count right now; this view may not have been counted"
        )
    return str(error)


def refusal_of(error: Exception) -> Refusal:
    """Return the refusal for an error of the recorder."""
    status = status_of(error)
    return Refusal(status, explain(error), retry_after() if status == 503 else {})


def over_rate(rate: int) -> Refusal:
    """Return the refusal for an address with more views than `rate` in a minute."""
    limit = f"the limit is {rate} views a minute from one address"
    return Refusal(429, limit, retry_after(seconds_of_minute()))


def seconds_of_minute() -> int:
    """Return the seconds that are left of this minute."""
    return 60 - int(time.time()) % 60
