"""Reads the views in a body one after another, so that only one is in memory at a time.

A few bytes of JSON can become a hundred times as much in memory: `[{},{},…`. So the
text of one view has a limit, and no object is made of a longer one.

Programs cut a text in the middle of a character, or write bytes that are not UTF-8.
That spoils a title, and not the view. An array may also have items that nobody can
read.
"""

import json
import re
from codecs import BOM_UTF8
from collections.abc import Iterator
from typing import Any

from page_tracker.http.incoming import BodyTooLarge, Incoming
from page_tracker.tracking.view import InvalidView

LONGEST_VIEW = 64 * 1024
"""Characters of the JSON of one view."""

MOST_BYTES = 64 * 1024
"""Bytes of a body of one view, as clients of other counters send it."""

VIEWS_A_TURN = 16
"""So many views of a request are read before another request is."""

LINES = ("application/x-ndjson", "application/ndjson", "application/jsonl")

# Python refuses to read numbers of more digits.
JSON = json.JSONDecoder(parse_int=lambda digits: int(digits[:400]))

LINE = re.compile(r"[^\s\ufeff][^\r\n]*")
"""A line with something in it, from there on."""

ITEM = re.compile(r"[\s,]*(?=[^\s,\]])")
NEXT_OBJECT = re.compile(r",\s*(?=\{)")


async def read_json(incoming: Incoming, most: int) -> Any:
    """Return the value of a JSON body of at most so many bytes; it is no array.

    A browser writes a title that was cut in the middle of a character. It is read as
    `views_in` reads it. Raises ValueError for what is no JSON.
    """
    try:
        body = await incoming.read_body(most)
    except BodyTooLarge:
        raise ValueError(f"the limit is {most:,} bytes at once") from None
    value = views_in(body, "application/json")
    if isinstance(value, Iterator):
        raise ValueError("send one JSON object")
    return value


def views_in(body: bytes, kind: str) -> Any:
    """Return the value of JSON, or an iterator over those of an array or of lines.

    `kind` is the body's media type. Bytes that are not UTF-8 become surrogates
    (PEP 383). The iterator gives an InvalidView in place of each value that is no JSON;
    for a body of one value, InvalidView is raised.
    """
    text = body.removeprefix(BOM_UTF8).decode(errors="surrogateescape").strip()
    if not text:
        raise ValueError("the body is empty; send a view as JSON")
    if kind in LINES:
        return _lines(text)
    if text.startswith("["):
        return _items(text)
    value, end = _read(text, 0)
    if isinstance(value, InvalidView):
        # Not the error itself: it would hold this frame, which holds it.
        raise InvalidView(str(value))
    if end < len(text):
        raise InvalidView("invalid JSON: the body has more than one value")
    return value


def _lines(text: str) -> Iterator[Any]:
    for line in LINE.finditer(text):
        written = line[0].strip("\ufeff \t")
        value, end = _read(written, 0)
        if end < len(written):
            value = InvalidView("invalid JSON: the line has more than one value")
        yield value


def _items(text: str) -> Iterator[Any]:
    place = 1
    # After an item that is no JSON, the next one may begin anywhere in it. So a text
    # could be read again and again.
    left = 2 * len(text)
    while start := ITEM.match(text, place):
        value, place = _read(text, start.end())
        yield value
        if isinstance(value, InvalidView):
            left -= place - start.end()
            if left < 0:
                raise InvalidView("invalid JSON: too many of its views are broken")
            following = NEXT_OBJECT.search(text, start.end())
            if not following:
                return
            place = following.end()


def _read(text: str, start: int) -> tuple[Any, int]:
    """Return the value that begins in a text, and the place up to which it was read.

    An InvalidView stands for what is no JSON.
    """
    written = text[start : start + LONGEST_VIEW]
    read = len(written)
    try:
        value, read = JSON.raw_decode(written)
        return value, start + read
    except RecursionError:
        reason = "invalid JSON: nested too deeply"
    except json.JSONDecodeError as error:
        if not error.msg.startswith("Unterminated"):  # its place is the beginning
            read = error.pos
        reason = f"invalid JSON: {error}"
    if read == LONGEST_VIEW:
        reason = f"a view: the limit is {LONGEST_VIEW:,} characters"
    return InvalidView(reason), start + read
