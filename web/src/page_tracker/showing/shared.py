"""Tells whether a dashboard is shared with the caller."""

from page_tracker.showing.gate import caller
from page_tracker.tracking.sites import Site


def is_shared(site: Site) -> bool:
    """Return whether the caller sees a site only because it is shared: publicly, or by
    a link. Then nothing rare is shown, and nothing of this moment."""
    who = caller()
    return who.kind == "link" or not who.has_site(site.name)
