"""Tables in Markdown, and the places of results in the pages of docs/."""

from collections.abc import Iterator, Sequence
from pathlib import Path

DOCS = Path(__file__).parents[3] / "docs"
END = "<!-- to here. -->\n"


def head(columns: Sequence[str]) -> Iterator[str]:
    """Yield the first two lines of a table."""
    yield row(*columns)
    yield "|---" * len(columns) + "|"


def row(*cells: str) -> str:
    """Return a line of a table."""
    return "|" + "".join(f" {cell} |" if cell else " |" for cell in cells)


def write_results(page: str, command: str, results: str) -> bool:
    """Write the results of a command into its place on a page.

    Returns False if the page has no place for this command.
    """
    path, begin = DOCS / page, f"<!-- `{command}` writes from here -->\n"
    before, found, rest = path.read_text(encoding="utf-8").partition(begin)
    if not found:
        return False
    _, _, after = rest.partition(END)
    path.write_text(before + begin + results + END + after, encoding="utf-8")
    return True
