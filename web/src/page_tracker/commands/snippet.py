"""The script for the pages of a site."""

from page_tracker.settings import Settings
from page_tracker.tracking.sites import Site


def snippet_of(site: Site, settings: Settings) -> str:
    """Return the HTML to paste into the pages of a site."""
    server = settings.url or "https://YOUR-COUNTER"
    return (
        f'<script defer src="{server}/{settings.script}" '
        f'data-site="{site.name}"></script>'
    )
