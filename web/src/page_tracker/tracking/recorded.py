"""The outcome of a view, and the numbers of its page and its site."""

from typing import NamedTuple

from page_tracker.tracking.keys import OTHER
from page_tracker.tracking.reasons import Reason


class Numbers(NamedTuple):
    """The views and unique views of a page or a site."""

    name: str
    views: int
    uniques: int


class Recorded(NamedTuple):
    """The outcome of a view, and the numbers of its page and its site after it.

    A view without a `reason` was counted. It `is_repeated` if its id was counted
    before. The page is named `(other)` if the site has too many pages to count this one
    by itself, or its sender has named too many today. A site that is almost full
    `needs_room`. The view `added` so many bytes of names. The `visitors` of the site
    are the sum of those of its days; they are None until somebody asked for them
    (`all_visitors.py`).
    """

    reason: Reason | None
    is_repeated: bool
    page: Numbers
    page_today: int
    site: Numbers
    is_public: bool
    needs_room: bool = False
    added: int = 0
    visitors: int | None = None

    @property
    def has_own_number(self) -> bool:
        """Say whether the page is counted by itself."""
        return self.page.name != OTHER
