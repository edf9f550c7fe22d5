"""How the commands print: tables and lines for people, and JSON for programs."""

import codecs
import json
import re
import sys
import unicodedata
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import click
from rich.console import Console
from rich.progress import Progress
from rich.table import Table
from rich.text import Text

QUIET = "dim"
"""Style of what matters less. No style names a colour of the terminal's own palette: a
palette is made for one background, and these are legible on black and on white."""

UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
"""Controls, line breaks and halves of characters."""

FORGING = re.compile(
    # Changes of the direction, and joiners after ASCII or after another joiner.
    r"[\u202a-\u202e\u2066-\u2069]"
    r"|(?:^|(?<=[\x00-\x7f\u200c\u200d]))[\u200c\u200d]+"
)

LEFT_TO_RIGHT = "\N{LEFT-TO-RIGHT MARK}"

IN_ASCII = str.maketrans("█░▁▲▼±─│└…–", "#:_+-=-|+.-")
"""A sign for each of ours, for terminals that cannot encode it."""

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


def make_console() -> Console:
    """Return the printer of tables: coloured on a terminal, else 80 columns wide.

    It interprets no markup in a text.
    """
    return Console(highlight=False, markup=False, emoji=False)


def print_json(value: Any) -> None:
    """Print a value as JSON, in ASCII, which every terminal and encoding accepts."""
    click.echo(json.dumps(value, indent=2))


def printable(text: str) -> str:
    """Make untrusted text safe to print: it cannot move, hide or reorder other text.

    Joiners stay where they join letters or symbols.
    """
    return FORGING.sub("", UNPRINTABLE.sub("\N{REPLACEMENT CHARACTER}", text))


def number_of(number: int, noun: str) -> str:
    """Return a number of things in words, for example `1 view` and `1,200 views`."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def size_of(number: int) -> str:
    """Return a number of bytes in words, for example `1.2 MB`."""
    size, units = float(number), iter(("bytes", "kB", "MB", "GB", "TB"))
    unit = next(units)
    while size >= 1_000 and unit != "TB":
        size, unit = size / 1_000, next(units)
    return f"{size:.0f} {unit}" if unit == "bytes" else f"{size:.1f} {unit}"


def say(line: str) -> None:
    """Print a line that may contain untrusted text."""
    click.echo(printable(line))


def make_table(*columns: str, folds: str = "") -> Table:
    """Return a table without lines; a column named `>name` holds numbers.

    If the table is too wide, all columns are cut, or the column named `folds` wraps.
    """
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for column in columns:
        is_number = column.startswith(">")
        table.add_column(
            column.removeprefix(">"),
            justify="right" if is_number else "left",
            no_wrap=column != folds,
            overflow="fold" if column == folds else "ellipsis",
        )
    return table


def add_row(table: Table, *cells: str | int | Text, style: str = "") -> None:
    """Add a row of untrusted texts, of numbers, and of texts that are ours."""
    texts = [
        (
            cell
            if isinstance(cell, Text)
            else Text(f"{cell:,}" if isinstance(cell, int) else printable(cell))
        )
        for cell in cells
    ]
    if any(map(_is_right_to_left, texts)):
        # Otherwise, a terminal could show the next column to the left of this text.
        texts = [Text(LEFT_TO_RIGHT) + text for text in texts]
    table.add_row(*texts, style=style)


def _is_right_to_left(text: Text) -> bool:
    return any(unicodedata.bidirectional(sign) in ("R", "AL") for sign in text.plain)


@contextmanager
def progress_of(what: str) -> Iterator[Callable[[int, int], None]]:
    """Show a progress bar on a terminal, and remove it at the end.

    Yields a function to call with the number that is done and the number of all. If
    nobody knows that, it is 0, and the progress has the bytes that are done.
    """
    console = Console(stderr=True)
    with Progress(
        console=console, transient=True, disable=not console.is_terminal
    ) as progress:
        task = progress.add_task(what, total=None)

        def show(done: int, all_: int) -> None:
            shown = what if all_ else f"{what}: {size_of(done)}"
            progress.update(task, description=shown, completed=done, total=all_ or None)

        yield show


def forgive_encoding() -> None:
    """Print a sign that the terminal cannot encode in ASCII, or as a ?; never fail."""

    def in_ascii(error: UnicodeError) -> tuple[str, int]:
        if not isinstance(error, UnicodeEncodeError):
            raise error
        signs = error.object[error.start : error.end].translate(IN_ASCII)
        return "".join(sign if sign.isascii() else "?" for sign in signs), error.end

    codecs.register_error("page-tracker", in_ascii)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="page-tracker")
