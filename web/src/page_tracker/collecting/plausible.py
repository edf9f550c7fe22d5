"""Plausible's way in: its script and its programs send views and events as JSON.

    {"n": "pageview", "u": "https://blog.example.org/post/one", "d": "blog.example.org"}

Names are short or long. The facts are those of the npm packages plausible-tracker 0.3.9
and @plausible-analytics/tracker 0.4.6.
"""

from collections.abc import Mapping, Sequence
from secrets import token_hex
from typing import Any

from redis.exceptions import RedisError

from page_tracker.collecting.bodies import MOST_BYTES, read_json
from page_tracker.collecting.refusals import explain, outcome_of, when_to_return
from page_tracker.collecting.site_of_request import shown_by
from page_tracker.http.incoming import Incoming
from page_tracker.http.outgoing import (
    FOR_OTHER_SITES,
    Answer,
    json_answer,
    preflight,
)
from page_tracker.tracking.canonical import host_of, path_of
from page_tracker.tracking.reasons import LIMITS, MEANINGS, Reason
from page_tracker.tracking.recorded import Recorded
from page_tracker.tracking.recorder import Recorder, Submission
from page_tracker.tracking.sites import UnknownSite
from page_tracker.tracking.view import InvalidView, SentView

MOST_DOMAINS = 20
"""Sites that one view counts for."""

VIEW = "pageview"
LEFT = "engagement"
"""A page was left, after some time: no view, and no event."""

DROPPED = "X-Plausible-Dropped"
"""The header that Plausible sends with a view that it takes, but does not count."""


class Invalid(InvalidView):
    """A field is invalid."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(f"{field}: {reason}")
        self.field = field
        self.reason = reason


class Plausible:
    """Counts the view or the event of a body, for each site that it names."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder

    async def __call__(self, incoming: Incoming) -> Answer:
        """Answer with 202, whatever becomes of a valid view."""
        if incoming.method == "OPTIONS":
            return preflight("POST", "Content-Type")
        try:
            views = _views(await _fields_in(incoming), incoming.site)
        except Invalid as error:
            host = incoming.site or shown_by(incoming)
            await self._recorder.refuse({(Reason.INVALID, host): 1})
            reasons = {"errors": {error.field: [error.reason]}}
            return json_answer(reasons, 400, outcomes=(Reason.INVALID,))
        sent = [Submission(view, incoming.sender) for view in views]
        return _answer(await self._recorder.count_all(sent))


async def _fields_in(incoming: Incoming) -> Mapping[str, Any]:
    """Return the fields of a body. Raises Invalid."""
    try:
        fields = await read_json(incoming, MOST_BYTES)
    except ValueError as error:
        raise Invalid("body", str(error)) from None
    if not isinstance(fields, dict):
        raise Invalid("body", "must be a JSON object")
    return fields


def _views(fields: Mapping[str, Any], site: str) -> list[SentView]:
    """Return a view for each site; none for a page that was left. Raises Invalid."""
    name = _text(fields, "name", "n")
    url = _text(fields, "url", "u")
    named = site or _text(fields, "domain", "d")
    domains = [domain for one in named.split(",") if (domain := one.strip())]
    host = host_of(url)
    if not host or not url.strip().lower().startswith(("http://", "https://")):
        raise Invalid(
            "url", "must be an address, for example https://example.org/about"
        )
    if not 1 <= len(domains) <= MOST_DOMAINS:
        raise Invalid("domain", f"name 1 to {MOST_DOMAINS}, with commas")
    if name == LEFT:
        return []
    referrer = _either(fields, "referrer", "r")
    # Two of the domains may be one site, which counts the view once.
    identifier = token_hex(8) if len(domains) > 1 else ""
    return [
        SentView(
            site=domain,
            page=path_of(url),
            referrer=referrer if isinstance(referrer, str) else "",
            event="" if name == VIEW else name,
            id=identifier,
            host=host,
        )
        for domain in domains
    ]


def _text(fields: Mapping[str, Any], name: str, short: str) -> str:
    """Return a field that must have a text. Raises Invalid."""
    value = _either(fields, name, short)
    if not isinstance(value, str) or not value.strip():
        raise Invalid(name, "is required" if value is None else "must be a text")
    return value


def _either(fields: Mapping[str, Any], name: str, short: str) -> Any:
    value = fields.get(short)
    return fields.get(name) if value is None else value


def _answer(outcomes: Sequence[Recorded | Exception]) -> Answer:
    """Return the answer to the views of a body: that of the worst outcome."""
    named = [outcome_of(outcome) for outcome in outcomes]
    for outcome in outcomes:
        if isinstance(outcome, RedisError):
            problem = {"error": explain(outcome)}
            return json_answer(problem, 503, when_to_return(503), named)
    for outcome in outcomes:
        if isinstance(outcome, Exception):
            field = "domain" if isinstance(outcome, UnknownSite) else "event"
            problem_of_field = {"errors": {field: [explain(outcome)]}}
            return json_answer(problem_of_field, 400, outcomes=named)
    reasons = [outcome.reason for outcome in outcomes if isinstance(outcome, Recorded)]
    for reason in reasons:
        if reason in LIMITS:
            problem = {"error": MEANINGS[reason]}
            return json_answer(problem, 429, when_to_return(429, reason), named)
    headers = FOR_OTHER_SITES | ({DROPPED: "1"} if any(reasons) else {})
    return Answer(b"ok", "text/plain; charset=utf-8", 202, headers, named)
