"""The endpoint of the script and of programs: views as JSON, one or many."""

import hmac
import json
import re
import time
from codecs import BOM_UTF8
from collections.abc import Callable, Sequence
from itertools import islice
from math import isnan
from typing import Any

from pydantic import AwareDatetime, TypeAdapter, ValidationError
from pydantic_core import from_json

from page_tracker.collecting.answers import answer_to_many, answer_to_one
from page_tracker.collecting.broken_json import read_leniently, readable_items
from page_tracker.collecting.refusals import over_rate, refusal_of
from page_tracker.http.incoming import BodyTooLarge, Incoming
from page_tracker.http.outgoing import FOR_OTHER_SITES, Answer, Refusal
from page_tracker.tracking.agents import LONGEST_USER_AGENT
from page_tracker.tracking.keys import DAY
from page_tracker.tracking.reasons import LIMITS, Reason
from page_tracker.tracking.recorder import NOT_COUNTED, Malformed, Recorder, Submission
from page_tracker.tracking.view import InvalidView, SentView
from page_tracker.tracking.visitor import (
    Sender,
    country_of,
    language_of,
    read_address,
)

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

FOR_TOKEN = ("time", "address", "user_agent")
FIELDS = frozenset(
    "site page referrer title event id age host language country privacy own".split()
).union(FOR_TOKEN)

NO = (None, False, 0, "", "0", "false", "no", "off", "null")
YES = (True, "1", "true", "yes", "on")
"""Values of `privacy` and `own`. For privacy, all others mean yes; for own, no."""

TIME = TypeAdapter(AwareDatetime)

NUMBER = re.compile(r"\d{1,20}(?:\.\d*)?")


class Fields:
    """The fields of a view, as a client sent them.

    Site and page must be readable, and so must what would count the view as another
    one: its event and its time. Any other invalid field is left out, and so is an
    unknown one. `ignored` has their names.
    """

    def __init__(self, fields: Any, has_token: bool) -> None:
        """Take what JSON gave. Raises InvalidView, and PermissionError for a field
        that needs the token."""
        if isinstance(fields, InvalidView):
            raise fields
        if not isinstance(fields, dict):
            raise InvalidView("a view: must be a JSON object")
        self._fields = fields
        self._has_token = has_token
        self.ignored = [name for name in fields if name not in FIELDS]
        for name in FOR_TOKEN:
            if fields.get(name) is not None and not has_token:
                raise PermissionError(f"{name}: needs the token")

    def submission(self, by: Sender) -> Submission:
        """Return the view with its sender and its time. Raises InvalidView."""
        event = self._fields.get("event")
        identifier = self._fields.get("id")
        if identifier is not None and not isinstance(identifier, str):
            identifier = _as_text(identifier)
        view = SentView(
            site=self._required("site"),
            page=self._required("page"),
            referrer=self._text("referrer"),
            title=self._text("title"),
            # An empty name of an event is invalid, as a blank one is.
            event="" if event is None else self._required("event") or " ",
            id=identifier or "",
            host=self._text("host"),
        )
        return Submission(view, self._sender(by), self._at())

    def _required(self, name: str) -> str:
        value = self._fields.get(name)
        if value is None:
            raise InvalidView(f"{name}: is required")
        if not isinstance(value, str):
            raise InvalidView(f"{name}: must be a string")
        return value

    def _text(self, name: str) -> str:
        value = self._fields.get(name)
        if isinstance(value, str):
            return value
        if value is not None:
            self.ignored.append(name)
        return ""

    def _choice(self, name: str) -> Any:
        value = self._fields.get(name)
        value = value.lower() if isinstance(value, str) else value
        if value not in YES and value not in NO:
            self.ignored.append(name)
        return value

    def _code(self, name: str, code_of: Callable[[str], str]) -> str:
        text = self._text(name)
        code = code_of(text)
        if text and not code:
            self.ignored.append(name)
        return code

    def _at(self) -> float | None:
        """Return when the view was seen, in seconds since 1970; None is now."""
        if (sent := self._fields.get("time")) is not None:
            try:
                return TIME.validate_python(sent).timestamp()
            except ValidationError:
                example = "2026-01-31T12:00:00Z"
                raise InvalidView(
                    f"time: use RFC 3339, for example {example}"
                ) from None
        age = self._fields.get("age")
        if isinstance(age, str) and NUMBER.fullmatch(age):
            age = float(age)
        if age is None:
            return None
        if type(age) not in (int, float) or (isinstance(age, float) and isnan(age)):
            self.ignored.append("age")
            return None
        if age > DAY:
            raise InvalidView(f"age: the limit is {DAY:,} seconds")
        return time.time() - age if age > 0 else None

    def _sender(self, by: Sender) -> Sender:
        """Return the sender of the request, or the person whom the token speaks for."""
        agent = self._text("user_agent")[:LONGEST_USER_AGENT]
        if self._has_token:
            has_agent = isinstance(self._fields.get("user_agent"), str)
            text = self._text("address")
            address = read_address(text)
            if text and not address:
                self.ignored.append("address")
            by = Sender(
                str(address or ""), agent if has_agent else None, is_vouched_for=True
            )
        return by._replace(
            wants_privacy=by.wants_privacy or self._choice("privacy") not in NO,
            is_own=self._choice("own") in YES,
            language=self._code("language", language_of) or by.language,
            country=self._code("country", country_of),
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

    def _one(self, sent: Any, by: Sender, has_token: bool) -> Answer:
        """Count one view, and answer with the numbers of its page and its site."""
        try:
            fields = Fields(sent, has_token)
            view, sender, at = fields.submission(by)
        except InvalidView:
            self._recorder.refuse({(Reason.INVALID, _host(sent)): 1})
            raise
        recorded = self._recorder.count(view, sender, at)
        if recorded.reason in LIMITS:
            raise over_rate(self._rate, recorded.reason)
        return answer_to_one(recorded, fields.ignored)

    def _many(self, items: Sequence[Any], by: Sender, has_token: bool) -> Answer:
        """Count views, and answer for each index: counted, filtered, or the error."""
        views: list[Submission | Malformed] = []
        left_out: set[str] = set()
        for sent in items:
            try:
                fields = Fields(sent, has_token)
                views.append(fields.submission(by))
                left_out.update(fields.ignored)
            except (InvalidView, PermissionError) as error:
                views.append(Malformed(_host(sent), error))
        return answer_to_many(self._recorder.count_all(views), left_out)

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


def _as_text(identifier: Any) -> str:
    try:
        return json.dumps(identifier, sort_keys=True)
    except RecursionError:  # some versions of Python read deeper than they write
        raise InvalidView("id: nested too deeply") from None


def _read_body(incoming: Incoming) -> Any:
    """Return the JSON of a body: one value, or a list. Raises ValueError.

    In a list, an InvalidView stands for each item that is no JSON.
    """
    body = incoming.read_body(LARGEST_BODY).removeprefix(BOM_UTF8)
    if not body.strip():
        raise ValueError("the body is empty; send a view as JSON")
    kind = incoming.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind in LINES:
        return list(map(_line, _limited([s for s in body.splitlines() if s.strip()])))
    try:
        parsed = _parse(body)
    except InvalidView:
        parsed = list(islice(readable_items(body), MOST_VIEWS + 1))
        if not parsed:
            raise
    return _limited(parsed) if isinstance(parsed, list) else parsed


def _limited(items: list[Any]) -> list[Any]:
    # Before they are read: each costs time.
    if not 0 < len(items) <= MOST_VIEWS:
        raise ValueError(f"{len(items)} views; send 1 to {MOST_VIEWS} at once")
    return items


def _line(line: bytes) -> Any:
    try:
        return _parse(line.removeprefix(BOM_UTF8))
    except InvalidView as error:
        return error


def _parse(body: bytes) -> Any:
    """Return the value of JSON. Raises InvalidView."""
    try:
        return from_json(body)
    except ValueError:
        return read_leniently(body)


def _host(fields: Any) -> str:
    site = fields.get("site") if isinstance(fields, dict) else None
    return site if isinstance(site, str) else ""
