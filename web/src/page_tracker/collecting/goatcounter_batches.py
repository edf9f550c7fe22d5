"""The body of a request to GoatCounter's API: a batch of hits."""

import re
from typing import Annotated, Any

from pydantic import (
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    FailFast,
    Field,
    TypeAdapter,
    ValidationError,
)

from page_tracker.collecting.goatcounter_hits import read_flag
from page_tracker.http.incoming import BodyTooLarge, Incoming
from page_tracker.http.outgoing import Refusal
from page_tracker.tracking.view import InvalidView

MOST_HITS = 500

MOST_BYTES = 1024 * 1024
"""So many hits usually have a fifth of it."""

NO_TIME = "0001-01-01T00:00:00"
"""The beginning of a time that a program in Go did not set."""

TIME = TypeAdapter(AwareDatetime)

YEAR = re.compile(r"\d{4}-", re.A)

PROBLEMS = {
    "extra_forbidden": "is unknown",
    "string_type": "must be a string",
    "int_type": "must be a whole number",
    "bool_type": "must be true or false",
    "list_type": "must be a list",
    "too_long": f"send 1 to {MOST_HITS} at once",
    "model_type": "must be an object",
    "value_error": "must be true or false",
}
"""Problems of fields, by the names that pydantic has for them."""


def _or(default: Any) -> BeforeValidator:
    """Return what puts a default in place of null, as Go does."""
    return BeforeValidator(lambda value: default if value is None else value)


Text = Annotated[str, _or("")]


def _flag(value: Any) -> Any:
    return read_flag("event", value) if isinstance(value, str) and value else value


class SentHit(BaseModel):
    """A hit as it was sent."""

    model_config = ConfigDict(extra="forbid", strict=True)

    path: Text = ""
    title: Text = ""
    event: Annotated[bool, BeforeValidator(_flag), _or(False)] = False
    ref: Text = ""
    size: Text = ""
    query: Text = ""
    bot: Annotated[int, _or(0)] = 0
    user_agent: Text = ""
    location: Text = ""
    language: Text = ""
    ip: Text = ""
    created_at: Text = ""
    session: Text = ""


class Batch(BaseModel):
    """The body of a request."""

    model_config = ConfigDict(extra="forbid", strict=True)

    no_sessions: Annotated[bool, _or(False)] = False
    filter: Annotated[list[str], _or(["ip"])] = ["ip"]
    hits: Annotated[list[SentHit], Field(max_length=MOST_HITS), FailFast(), _or([])] = (
        []
    )


async def read_batch(incoming: Incoming) -> Batch:
    """Return the batch in the body of a request. Raises Refusal."""
    try:
        batch = Batch.model_validate_json(await incoming.read_body(MOST_BYTES))
    except BodyTooLarge:
        raise Refusal(413, f"the limit is {MOST_BYTES:,} bytes at once") from None
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(map(str, first["loc"])) or "body"
        problem = PROBLEMS.get(first["type"], first["msg"])
        raise Refusal(400, f"{place}: {problem}"[:200]) from None
    except ValueError as error:
        raise Refusal(400, str(error)) from None
    if not batch.hits:
        raise Refusal(400, f"hits: send 1 to {MOST_HITS} at once")
    return batch


def time_of(written: str) -> float | None:
    """Return when a hit was seen, in seconds since 1970; None is now.

    Raises InvalidView.
    """
    if not written or written.startswith(NO_TIME):
        return None
    try:
        if not YEAR.match(written):  # pydantic takes seconds since 1970, too
            raise ValueError
        return TIME.validate_python(written).timestamp()
    except ValueError:
        raise InvalidView(
            "created_at: use RFC 3339, for example 2026-01-31T12:00:00Z"
        ) from None
