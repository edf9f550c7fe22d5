"""The CSV of an export: it comes back as it was, and runs nothing in a spreadsheet."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from page_tracker.exporting.rows import as_csv, escaped, read_rows, unescaped
from page_tracker.numbers.csv import is_formula

TEXTS = st.text(st.sampled_from("'=;+-@ \t\n\r\",a1\N{SNOWMAN}\udcff/"), min_size=1)

LINES = st.lists(
    st.one_of(
        st.builds(
            lambda names: {"key": "day:2026-11-26:pages", "zset": names},
            st.dictionaries(TEXTS, st.integers(0, 10**16), min_size=1),
        ),
        st.builds(
            lambda names: {"key": "titles", "hash": names},
            st.dictionaries(TEXTS, TEXTS, min_size=1),
        ),
        st.builds(
            lambda entries: {"key": "audit", "list": entries},
            st.lists(TEXTS, min_size=1),
        ),
    ),
    unique_by=lambda line: line["key"],
)


@given(LINES)
def test_should_come_back_when_lines_are_written_as_csv(
    lines: list[dict[str, Any]],
) -> None:
    # When
    content = b"".join(as_csv(lines))

    # Then
    assert list(read_rows(content.splitlines(keepends=True))) == lines


@given(TEXTS)
def test_should_run_nothing_when_a_text_is_a_formula(text: str) -> None:
    # When
    written = escaped(text)

    # Then
    assert unescaped(written) == text
    for part in written.split(";"):
        is_number = written.removeprefix("-").isdecimal()
        assert part.startswith("'") or is_number or not is_formula(part)
