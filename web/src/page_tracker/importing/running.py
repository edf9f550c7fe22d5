"""An import that runs: what a reader of a kind gets, and where it tells of itself."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from page_tracker.importing.models import Tally
from page_tracker.importing.visitors import Visitors
from page_tracker.tracking.recorder import Rules
from page_tracker.tracking.sites import Site


@dataclass
class Import:
    """An import that runs: what a reader needs to know, and where it tells of itself.

    `marker` returns the value of a marker, empty for none.
    """

    site: Site
    source: str
    """The name of a file, `-` for the standard input, or an address."""
    marker: Callable[[str], str]
    tally: Tally = field(default_factory=Tally)
    visitors: Visitors = field(default_factory=Visitors)
    """Of all sources of one command: files may share a day."""
    rules: Rules = Rules()
    country_of: Callable[[str], str] = lambda address: ""
    lists: Sequence[str] = ()
    """The names of files with pages, of which busuanzi has hashes only."""
    prefix: str = ""
    """The prefix of the keys of busuanzi; empty for its usual one."""
    known_pages: Callable[[], Iterable[str]] = lambda: ()
    """Gives the pages that the site has already."""
    on_progress: Callable[[int, int], None] = lambda done, all_: None
    """Gets what was read and all there is, 0 if nobody knows."""
