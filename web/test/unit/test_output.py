"""The output of the commands: safe texts, and signs that each terminal can show."""

import subprocess
import sys

import pytest
from rich.console import Console

from page_tracker.commands.output import LEFT_TO_RIGHT, add_row, make_table, printable


@pytest.mark.parametrize(
    "text",
    [
        "می‌خواهم",
        "👨‍👩‍👧 a family",
        "ക്‍",
        "🏴󠁧󠁢󠁥󠁮󠁧󠁿",
        "שלום",
        "文字",
        "e\u0301",
        "\U0001fae8",  # an emoji that the oldest Python here does not know
    ],
)
def test_should_print_the_text_of_any_language(text: str) -> None:
    assert printable(text) == text


@pytest.mark.parametrize(
    ("text", "printed"),
    [
        ("\x1b]0;owned\x07", "\ufffd]0;owned\ufffd"),
        (
            "a\nb\rc\x85d\u2028e\u2029f\x7fg\x9bh",
            "\ufffd".join("abcdefgh"),
        ),
        ("\ud83c", "\ufffd"),
        ("\u202egnp.exe\u202c", "gnp.exe"),
        ("\u2066a\u2067b\u2068c\u2069", "abc"),
        ("pay\u200dpal\u200c", "paypal"),
        ("\u200d\u200cא\u200d\u200d\u200cב", "א\u200dב"),
    ],
)
def test_should_print_nothing_that_could_forge_output(text: str, printed: str) -> None:
    assert printable(text) == printed


def test_should_keep_columns_in_order_beside_text_from_right_to_left() -> None:
    # Given
    table = make_table("page", ">views")
    add_row(table, "/שלום", 12)
    add_row(table, "/a", 3)
    console = Console(width=40)

    # When
    with console.capture() as captured:
        console.print(table)

    # Then
    right_to_left, plain = captured.get().splitlines()[1:]
    assert right_to_left.split() == [f"{LEFT_TO_RIGHT}/שלום", f"{LEFT_TO_RIGHT}12"]
    assert LEFT_TO_RIGHT not in plain


def test_should_print_our_signs_in_ascii_when_the_terminal_has_no_others() -> None:
    # Given
    program = (
        "from page_tracker.commands.output import forgive_encoding;"
        "forgive_encoding(); print('▲ 38 % – … █░ über 文')"
    )

    # When
    ended = subprocess.run(
        [sys.executable, "-c", program],
        env={"PYTHONIOENCODING": "ascii"},
        capture_output=True,
        check=True,
    )

    # Then
    assert ended.stdout == b"+ 38 % - . #: ?ber ?\n"
