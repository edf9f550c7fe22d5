"""Finds the site of a request whose client does not name it.

A browser names the page or its host, unless the page forbids it. Then only the address
that was asked for tells the site, or there is no other site.
"""

from asyncio import to_thread
from typing import NamedTuple

from page_tracker.http.incoming import Incoming
from page_tracker.tracking.canonical import canonical_site
from page_tracker.tracking.sites import Sites
from page_tracker.tracking.view import InvalidView


class Whose(NamedTuple):
    """The site of a request, and the host that showed the page, if that is known."""

    site: str
    host: str = ""


async def site_of(incoming: Incoming, sites: Sites) -> Whose:
    """Return the site of a request.

    In this order: the name in the path (/example.org/count), the header `Origin`,
    `Referer`, the host that was asked if it is a site, and the only site. Raises
    InvalidView if nothing tells, and RedisError.
    """
    host = shown_by(incoming)
    if incoming.site or host:
        return Whose(incoming.site or host, host)
    asked = canonical_site(incoming.headers.get("host", ""))
    if not (sites.known(asked) or sites.only()):
        await to_thread(sites.ask)
    if sites.known(asked):
        return Whose(asked)
    only = sites.only()
    if not only:
        raise InvalidView(
            "site: the page does not tell its host; put the name of the site into the "
            "address, for example /example.org/count"
        )
    return Whose(only.name)


def shown_by(incoming: Incoming) -> str:
    """Return the host of the page that sent a request, or an empty text."""
    for name in ("origin", "referer"):
        sent = incoming.headers.get(name, "")
        if "://" in sent:  # `null` is a page without a host
            return canonical_site(sent)
    return ""
