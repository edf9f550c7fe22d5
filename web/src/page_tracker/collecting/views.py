"""The endpoint of the script and of programs: views as JSON, one or many."""

import hmac
import time
from collections.abc import Sequence
from typing import Any, Self

from pydantic import (
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    IPvAnyAddress,
    ValidationError,
)
from pydantic_core import from_json
from redis.exceptions import RedisError

from page_tracker.collecting.refusals import (
    explain,
    over_rate,
    refusal_of,
    seconds_of_minute,
)
from page_tracker.http.incoming import BodyTooLarge, Incoming
from page_tracker.http.outgoing import (
    FOR_OTHER_SITES,
    Answer,
    Refusal,
    json_answer,
    retry_after,
)
from page_tracker.tracking.agents import LONGEST_USER_AGENT
from page_tracker.tracking.keys import DAY
from page_tracker.tracking.reasons import Reason
from page_tracker.tracking.recorded import Numbers, Recorded
from page_tracker.tracking.recorder import NOT_COUNTED, Malformed, Recorder, Submission
from page_tracker.tracking.view import InvalidView, SentView
from page_tracker.tracking.visitor import Sender

MOST_VIEWS = 1_000
LARGEST_BODY = 2 * 1024 * 1024
"""Bytes; enough for `MOST_VIEWS` of the usual size."""

LINES = ("application/x-ndjson", "application/ndjson", "application/jsonl")

PREFLIGHT = {
    "Access-Control-Allow-Methods": "POST",
    "Access-Control-Allow-Headers": "Content-Type",
    "Access-Control-Max-Age": "86400",
}
"""Pages of other sites may send JSON, without credentials."""

WORDS = {
    "missing": "is required",
    "extra_forbidden": "is an unknown field",
    "string_type": "must be a string",
    "bool_type": "must be true or false",
    "float_type": "must be a number",
    "model_type": "must be a JSON object",
}


class ViewFields(BaseModel):
    """The fields of a view, as a client sends them.

    `age` is the seconds for which the client held the view back. `time`, `address` and
    `user_agent` need the token.
    """

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    site: str
    page: str
    referrer: str = ""
    title: str = ""
    event: str | None = None
    id: str = ""
    age: float = Field(0, ge=0, le=DAY, allow_inf_nan=False)
    privacy: bool = False
    own: bool = False
    time: AwareDatetime | None = Field(None, strict=False)
    address: IPvAnyAddress | None = None
    user_agent: str | None = None

    @classmethod
    def read(cls, fields: Any) -> Self:
        """Check the fields of a view. Raises InvalidView."""
        try:
            return cls.model_validate(fields)
        except ValidationError as error:
            problem = error.errors(include_url=False)[0]
            message = problem["msg"].removeprefix("Value error, ")
            reason = WORDS.get(problem["type"]) or message[0].lower() + message[1:]
            field = ascii(problem["loc"][0])[1:-1][:64] if problem["loc"] else "a view"
            raise InvalidView(f"{field}: {reason}") from None

    def submission(self, by: Sender, has_token: bool) -> Submission:
        """Return the view with its sender and its time.

        Raises InvalidView, and PermissionError for a field that needs the token.
        """
        for name in ("time", "address", "user_agent"):
            if getattr(self, name) is not None and not has_token:
                raise PermissionError(f"{name}: needs the token")
        if self.event is not None and not self.event.strip():
            raise InvalidView("event: is empty; name what happened, for example signup")
        if self.age and not self.id:
            raise InvalidView("age: needs an id, with which a view counts once")
        view = SentView(
            self.site, self.page, self.referrer, self.title, self.event or "", self.id
        )
        return Submission(view, self._sender(by, has_token), self._at)

    @property
    def _at(self) -> float | None:
        if self.time:
            return self.time.timestamp()
        return time.time() - self.age if self.age else None

    def _sender(self, by: Sender, has_token: bool) -> Sender:
        """Return the sender of the request, or the person whom the token speaks for."""
        if not has_token:
            return by._replace(
                wants_privacy=by.wants_privacy or self.privacy, is_own=self.own
            )
        return Sender(
            address=str(self.address or ""),
            user_agent=self.user_agent and self.user_agent[:LONGEST_USER_AGENT],
            wants_privacy=self.privacy,
            is_own=self.own,
            is_vouched_for=True,
        )


class Views:
    """Counts one view, or up to 1,000 in a JSON array or as one JSON a line."""

    def __init__(self, recorder: Recorder, token: str | None, rate: int) -> None:
        """Take the token of programs, and the rate limit, which an error names."""
        self._recorder = recorder
        self._token = token
        self._rate = rate

    def __call__(self, incoming: Incoming) -> Answer:
        """Count the views of a request. Raises Refusal."""
        if incoming.method == "OPTIONS":
            return Answer(b"", "", 204, FOR_OTHER_SITES | PREFLIGHT)
        try:
            has_token = self._has_token(incoming.headers.get("authorization", ""))
            fields = _read_body(incoming)
            if isinstance(fields, list):
                return self._many(fields, incoming.sender, has_token)
            return self._one(fields, incoming.sender, has_token)
        except BodyTooLarge:
            limit = f"the limit is {LARGEST_BODY:,} bytes"
            raise Refusal(413, limit) from None
        except PermissionError as error:
            raise Refusal(401, str(error), {"WWW-Authenticate": "Bearer"}) from None
        except NOT_COUNTED as error:
            raise refusal_of(error) from None
        except ValueError as error:
            raise Refusal(400, str(error)) from None

    def _one(self, fields: Any, by: Sender, has_token: bool) -> Answer:
        """Count one view, and answer with the numbers of its page and its site."""
        try:
            view, sender, at = ViewFields.read(fields).submission(by, has_token)
        except InvalidView:
            self._recorder.refuse({(Reason.INVALID, _host(fields)): 1})
            raise
        recorded = self._recorder.count(view, sender, at)
        if recorded.reason == Reason.RATE:
            raise over_rate(self._rate)
        return json_answer(_outcome(recorded))

    def _many(self, items: Sequence[Any], by: Sender, has_token: bool) -> Answer:
        """Count views, and answer for each index: counted, filtered, or the error."""
        views = [_read(fields, by, has_token) for fields in items]
        return _answer_to_many(self._recorder.count_all(views))

    def _has_token(self, authorization: str) -> bool:
        """Say whether a request has the token. Raises PermissionError for another."""
        kind, _, given = authorization.partition(" ")
        if kind.lower() != "bearer":
            return False  # a browser may send what a proxy asked it for
        token = self._token
        if token is None or not hmac.compare_digest(
            given.strip().encode(), token.encode()
        ):
            raise PermissionError("the token is not the one of PAGE_TRACKER_TOKEN")
        return True


def _read(fields: Any, by: Sender, has_token: bool) -> Submission | Malformed:
    """Return one of many views, or the error in its fields."""
    try:
        return ViewFields.read(fields).submission(by, has_token)
    except (InvalidView, PermissionError) as error:
        return Malformed(_host(fields), error)


def _read_body(incoming: Incoming) -> Any:
    """Return the JSON of a body: one value, or a list. Raises ValueError."""
    body = incoming.read_body(LARGEST_BODY)
    if not body.strip():
        raise ValueError("the body is empty; send a view as JSON")
    if (
        incoming.headers.get("content-type", "").partition(";")[0].strip().lower()
        in LINES
    ):
        lines = [line for line in body.splitlines() if line.strip()]
        return _limited(
            [_parse(line, f"line {n}: ") for n, line in enumerate(lines, 1)]
        )
    parsed = _parse(body)
    return _limited(parsed) if isinstance(parsed, list) else parsed


def _limited(items: list[Any]) -> list[Any]:
    if not 0 < len(items) <= MOST_VIEWS:
        raise ValueError(f"{len(items)} views; send 1 to {MOST_VIEWS} at once")
    return items


def _parse(text: bytes, where: str = "") -> Any:
    try:
        return from_json(text, allow_inf_nan=False)
    except ValueError as error:
        raise ValueError(f"{where}invalid JSON: {error}") from None


def _host(fields: Any) -> str:
    site = fields.get("site") if hasattr(fields, "get") else None
    return site if isinstance(site, str) else ""


def _outcome(recorded: Recorded) -> dict[str, Any]:
    """Return the outcome of a view, with the numbers if everybody may see them."""
    answer: dict[str, Any] = {"counted": not recorded.reason}
    if recorded.reason:
        answer["reason"] = recorded.reason
    if recorded.is_public:
        if recorded.has_own_number:
            answer["page"] = _numbers("page", recorded.page)
        answer["site"] = _numbers("site", recorded.site)
    return answer


def _numbers(of: str, numbers: Numbers) -> dict[str, Any]:
    # `visits` is the old name of `uniques`. The next version drops it.
    name, views, uniques = numbers
    return {of: name, "views": views, "uniques": uniques, "visits": uniques}


def _answer_to_many(outcomes: Sequence[Recorded | Exception]) -> Answer:
    answer: dict[str, list[Any]] = {"counted": [], "filtered": [], "errors": []}
    status, headers = 200, {}
    for index, outcome in enumerate(outcomes):
        if isinstance(outcome, Recorded) and not outcome.reason:
            answer["counted"].append(index)
        elif isinstance(outcome, Recorded):
            answer["filtered"].append({"index": index, "reason": outcome.reason})
        else:
            answer["errors"].append({"index": index, "reason": explain(outcome)})
            status = 400
    if any(isinstance(outcome, RedisError) for outcome in outcomes):
        status, headers = 503, retry_after()
    elif any(reason["reason"] == Reason.RATE for reason in answer["filtered"]):
        status, headers = 429, retry_after(seconds_of_minute())
    return json_answer(answer, status, headers)
