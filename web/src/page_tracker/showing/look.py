"""The look of the counter page for a visitor, and the pixels that count it."""

from dataclasses import dataclass
from urllib.parse import urlencode

from flask import Request, url_for

from page_tracker.flags.looks import Look, Looks
from page_tracker.tracking.visitor import Sender


@dataclass(frozen=True)
class LookChoice:
    """Chooses a look for a visitor; without `looks`, all get the default."""

    looks: Looks | None

    def of(self, visitor: Sender) -> Look:
        """Return the look for a visitor."""
        return self.looks.choose(visitor) if self.looks else Look()


def pixel_of(look: Look, page: str, base: str) -> str:
    """Return the address of the pixel that counts a page; empty if no site does.

    `base` is the path below which a proxy serves the application.
    """
    query = urlencode({"site": look.site, "page": page}, safe="/")
    return f"{base}/pixel.gif?{query}" if look.site else ""


def comes_from_counter(request: Request) -> bool:
    """Return whether a visitor followed a link of the counter page."""
    # A proxy may have changed the scheme, so it is not compared.
    came_from = (request.referrer or "").partition("://")[2].partition("?")[0]
    return came_from == f"{request.host}{url_for('counter')}"
