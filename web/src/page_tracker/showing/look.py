"""The look of the counter page for a visitor, and the pixels that count it."""

from dataclasses import dataclass

from flask import Request, url_for

from page_tracker.flags.looks import Look, Looks
from page_tracker.http.serving import sender_of
from page_tracker.settings import Networks


@dataclass(frozen=True)
class LookChoice:
    """Chooses a look for a request; without `looks`, all visitors get the default."""

    looks: Looks | None
    proxies: Networks

    def of(self, request: Request) -> Look:
        """Return the look for the visitor who sent a request."""
        if self.looks is None:
            return Look()
        return self.looks.choose(sender_of(request.environ, self.proxies))


def pixel_of(look: Look, page: str) -> str:
    """Return the address of the pixel that counts a page; empty if no site does."""
    return url_for("pixel", site=look.site, page=page) if look.site else ""


def comes_from_counter(request: Request) -> bool:
    """Return whether a visitor followed a link of the counter page."""
    # A proxy may have changed the scheme, so it is not compared.
    came_from = (request.referrer or "").partition("://")[2].partition("?")[0]
    return came_from == f"{request.host}{url_for('counter')}"
