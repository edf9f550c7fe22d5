"""Patterns of page names, in which a `*` stands for any text."""

from page_tracker.tracking.keys import LONGEST

MOST = 100
"""Patterns of a site. Each view is compared with all of them."""


class Pattern:
    """A pattern of page names; without a `*`, or if exact, it is the name of one page.

    A regular expression could go back to each `*`. This takes one pass over the name,
    because strangers choose the names.
    """

    def __init__(self, text: str, is_exact: bool = False) -> None:
        self._first, *self._parts = [text] if is_exact else text.split("*")

    def matches(self, page: str) -> bool:
        """Say whether a page has such a name."""
        if not self._parts:
            return page == self._first
        *middle, last = self._parts
        start, end = len(self._first), len(page) - len(last)
        if end < start or not (page.startswith(self._first) and page.endswith(last)):
            return False
        for part in middle:
            found = page.find(part, start, end)
            if found < 0:
                return False
            start = found + len(part)
        return True


def checked_patterns(patterns: tuple[str, ...]) -> tuple[str, ...]:
    """Return each of some patterns once. Raises ValueError for too many or too long."""
    different = tuple(dict.fromkeys(patterns))
    if len(different) > MOST:
        raise ValueError(
            f"a site can block at most {MOST} patterns: unblock some first"
        )
    for pattern in different:
        if len(pattern.encode()) > LONGEST:
            raise ValueError(
                f"{pattern[:40]}… is too long: use at most {LONGEST} bytes"
            )
    return different
