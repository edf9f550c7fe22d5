"""How the commands print: tables and lines for people, and JSON for programs."""

import json
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
    """Strip control and format characters from untrusted text."""
    return "".join(
        character if character.isprintable() else "\N{REPLACEMENT CHARACTER}"
        for character in text
        if unicodedata.category(character) != "Cf"
    )


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


def add_row(table: Table, *cells: str | int) -> None:
    """Add a row of untrusted texts and of numbers."""
    table.add_row(
        *(f"{cell:,}" if isinstance(cell, int) else printable(cell) for cell in cells)
    )


def make_bar(
    whole: float, inside: float, most: float, longest: int, console: Console
) -> Text:
    """Return a bar for the number `whole`; the part `inside` of it is darker.

    The number `most` has `longest` columns. Every number but 0 has at least one.
    """
    if not whole:
        return Text()
    full, light = bars(console)
    length = max(1, round(longest * whole / most))
    darker = min(length, round(longest * inside / most))
    return Text.assemble((full * darker, "cyan"), (light * (length - darker), "cyan"))


def bars(console: Console) -> tuple[str, str]:
    """Return the characters of the darker part of a bar, and of the rest."""
    return ("#", "-") if console.options.ascii_only else ("█", "░")


@contextmanager
def progress_of(what: str) -> Iterator[Callable[[int, int], None]]:
    """Show a progress bar on a terminal, and remove it at the end.

    Yields a function to call with the number that is done and the number of all.
    """
    console = Console(stderr=True)
    with Progress(
        console=console, transient=True, disable=not console.is_terminal
    ) as progress:
        task = progress.add_task(what, total=None)
        yield lambda done, all_: progress.update(task, completed=done, total=all_)


def forgive_encoding() -> None:
    """Print a ? for each character that the terminal cannot encode, and do not fail."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")
