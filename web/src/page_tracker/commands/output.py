"""How the commands print: for people, in a terminal or not, and as JSON."""

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
    """Return what prints tables: in colour on a terminal, 80 columns wide elsewhere.

    It takes nothing in a text for a command of its own.
    """
    return Console(highlight=False, markup=False, emoji=False)


def print_json(value: Any) -> None:
    """Print a value as JSON, in ASCII: no terminal and no encoding minds it."""
    click.echo(json.dumps(value, indent=2))


def shown(text: str) -> str:
    """Return a text of strangers without what a terminal would not show but obey."""
    return "".join(
        character if character.isprintable() else "\N{REPLACEMENT CHARACTER}"
        for character in text
        if unicodedata.category(character) != "Cf"
    )


def say(line: str) -> None:
    """Print a line that may hold a text of strangers."""
    click.echo(shown(line))


def make_table(*columns: str, folds: str = "") -> Table:
    """Return a table without lines; a column named `>name` holds numbers.

    Where there is too little room all are cut, or only the one that `folds` is folded.
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
    """Add a row of foreign texts and of numbers."""
    table.add_row(
        *(f"{cell:,}" if isinstance(cell, int) else shown(cell) for cell in cells)
    )


def make_bar(
    whole: float, inside: float, most: float, longest: int, console: Console
) -> Text:
    """Return a bar for a number, in which a part of it is darker.

    It has `longest` columns for the number `most`, and one at least, but none for 0.
    """
    if not whole:
        return Text()
    full, light = bars(console)
    length = max(1, round(longest * whole / most))
    darker = min(length, round(longest * inside / most))
    return Text.assemble((full * darker, "cyan"), (light * (length - darker), "cyan"))


def bars(console: Console) -> tuple[str, str]:
    """Return what bars are made of: its darker part, and the rest."""
    return ("#", "-") if console.options.ascii_only else ("█", "░")


@contextmanager
def progress_of(what: str) -> Iterator[Callable[[int, int], None]]:
    """Show a bar on a terminal while something takes time; gone when it is done.

    What it gives is told how much is done, and how much there is.
    """
    console = Console(stderr=True)
    with Progress(
        console=console, transient=True, disable=not console.is_terminal
    ) as progress:
        task = progress.add_task(what, total=None)
        yield lambda done, all_: progress.update(task, completed=done, total=all_)


def forgive_encoding() -> None:
    """Let what an old terminal can not show be a ? in it, rather than an error."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")
