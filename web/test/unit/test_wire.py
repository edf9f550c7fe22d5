"""The arguments and the answer of record.lua, in the same order on both sides."""

import re

from page_tracker.tracking.wire import SCRIPT, Arguments, Reply


def test_should_send_the_arguments_in_the_order_of_the_script() -> None:
    # When
    named = re.search(r"local ([\w,\s]+?) = unpack\(ARGV, 1, (\d+)\)", SCRIPT)

    # Then
    assert named
    assert re.split(r",\s*", named[1]) == list(Arguments._fields)
    assert int(named[2]) == len(Arguments._fields)
    assert f"FIRST_DIMENSION = {len(Arguments._fields) + 1} " in SCRIPT


def test_should_read_as_many_fields_as_the_script_returns() -> None:
    # When
    answers = re.findall(r"return \{('', 0, page, [^}]*)\}", SCRIPT)

    # Then
    assert [len(answer.split(",")) for answer in answers] == [len(Reply._fields)]
