"""Python and record.lua use the same names, and the same order of a reply."""

import json
import re
from datetime import date
from typing import Any
from unittest.mock import MagicMock

import pytest

from page_tracker.tracking.keys import DIMENSIONS
from page_tracker.tracking.sites import Moment, make_site
from page_tracker.tracking.view import View
from page_tracker.tracking.visitor import Salts, Sender
from page_tracker.tracking.wire import SCRIPT, Attempt, Limits, Reply, record


def sent() -> dict[str, Any]:
    """Return what the script gets of a view."""
    redis = MagicMock()
    redis.pipeline.return_value.execute.return_value = [[b"unknown site"]]
    moment = Moment(date(2026, 1, 1), 0)
    site, view = make_site("example.org"), View("example.org", "/")
    record(redis, [Attempt(site, view, Sender(), moment, 0, None)], Salts(), Limits())
    (call,) = redis.pipeline.return_value.evalsha.call_args_list
    arguments: dict[str, Any] = json.loads(call.args[3])
    return arguments


def names_of(what: str) -> set[str]:
    """Return the fields that the script reads of something."""
    return set(re.findall(rf"\b{what}\.(\w+)", SCRIPT))


def dimensions() -> list[str]:
    """Return the dimensions that the script counts."""
    found = re.search(r"local DIMENSIONS = \{(.+?)\}", SCRIPT, re.S)
    assert found
    return re.findall(r"\w+", found[1])


def test_should_send_what_the_script_reads_of_a_call() -> None:
    # Then
    assert names_of("call") == set(sent())


@pytest.mark.parametrize(
    ("what", "many"), [("view", "views"), ("sender", "senders")], ids=str
)
def test_should_send_what_the_script_reads_of_a_view(what: str, many: str) -> None:
    # When
    (fields,) = sent()[many]

    # Then
    assert names_of(what) | set(dimensions()) == set(fields) | set(dimensions())


def test_should_count_each_dimension_when_the_script_counts_a_view() -> None:
    # When
    arguments = sent()

    # Then
    assert set(dimensions()) == set(DIMENSIONS)
    assert set(dimensions()) <= {*arguments["views"][0], *arguments["senders"][0]}


def test_should_read_as_many_fields_as_the_script_replies() -> None:
    # When
    replies = re.findall(r"return \{('', 0, page [^}]*)\}", SCRIPT)

    # Then
    assert [len(reply.split(",")) for reply in replies] == [len(Reply._fields)]
