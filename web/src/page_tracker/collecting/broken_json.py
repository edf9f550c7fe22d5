"""Reads what a body says that strict JSON refuses.

Programs cut a text in the middle of a character, or write bytes that are not UTF-8.
That spoils a title, and not the view. An array may also have items that nobody can
read.
"""

import json
import re
from collections.abc import Iterator
from typing import Any

from page_tracker.tracking.view import InvalidView

# Python refuses to read numbers of more digits.
JSON = json.JSONDecoder(parse_int=lambda digits: int(digits[:400]))

ITEM = re.compile(r"[\s,]*(?=[^\s,\]])")
NEXT_OBJECT = re.compile(r",\s*(?=\{)")


def read_leniently(body: bytes) -> Any:
    """Return the value of a body, with surrogates where it is not text (PEP 383).

    Raises InvalidView.
    """
    try:
        return JSON.decode(_text(body))
    except (ValueError, RecursionError) as error:
        raise _invalid(error) from None


def readable_items(body: bytes) -> Iterator[Any]:
    """Give the items of an array, with an InvalidView in place of each broken one."""
    text = _text(body).strip()
    place = 1 if text.startswith("[") else len(text)
    while start := ITEM.match(text, place):
        try:
            item, place = JSON.raw_decode(text, start.end())
            yield item
        except (ValueError, RecursionError) as error:
            yield _invalid(error)
            following = NEXT_OBJECT.search(text, start.end())
            if not following:
                return
            place = following.end()


def _text(body: bytes) -> str:
    return body.decode(errors="surrogateescape")


def _invalid(error: Exception) -> InvalidView:
    is_deep = isinstance(error, RecursionError)
    return InvalidView(f"invalid JSON: {'nested too deeply' if is_deep else error}")
