"""The script for the pages of a site."""

from page_tracker.settings import Settings
from page_tracker.tracking.sites import Site

PLACEHOLDER = "https://YOUR-COUNTER"

HINT = (
    f"Replace {PLACEHOLDER} with the address of your server, or set PAGE_TRACKER_URL."
)


def snippet_of(site: Site, settings: Settings) -> str:
    """Return the HTML to paste into the pages of a site.

    If the address of the server is unknown, a line below tells what to put there.
    """
    server = settings.url or PLACEHOLDER
    tag = (
        f'<script defer src="{server}/{settings.script}" '
        f'data-site="{site.name}"></script>'
    )
    return tag if settings.url else f"{tag}\n\n{HINT}"
