"""Badges at the addresses of other services: each becomes a badge of ours.

| address | service |
|---|---|
| `/api/count/incr/badge.svg?url=…`, `/api/count/keep/…` | hits.seeyoufarm.com |
| `/example.org/about.svg` | hits.sh |
| `/ghpvc/?username=NAME` | komarev.com |
| `/badge?page_id=ID` | visitor-badge |

Those that name no host count for the site in the path, for the site github.com, or for
the only site, whatever page shows them. Other parameters, for example a logo, are
ignored. Such a badge never registers a site: hits.sh has each `.svg` below a host.
"""

from asyncio import to_thread
from collections.abc import Mapping
from urllib.parse import quote, urlencode

from redis.exceptions import RedisError

from page_tracker.collecting.gif import IMAGE
from page_tracker.collecting.refusals import outcome_of
from page_tracker.http.incoming import Incoming
from page_tracker.http.outgoing import Answer
from page_tracker.showing.badge import Badges, NoNumber, without_number
from page_tracker.showing.badge_options import parse_options
from page_tracker.tracking.canonical import canonical_site, host_of, path_of
from page_tracker.tracking.sites import Sites

GITHUB = "github.com"
"""The site of names of people and repositories, if it is registered."""

YES = ("true", "1", "yes", "on")


class BadgesOfOthers:
    """Answers each service's addresses with a badge of ours."""

    def __init__(self, badges: Badges, sites: Sites) -> None:
        self._badges = badges
        self._sites = sites

    async def hits(self, incoming: Incoming) -> Answer:
        """Count a page by its whole address, as hits.seeyoufarm.com did."""
        given = incoming.parameters()
        options = _renamed(
            given, label="title", labelColor="title_bg", color="count_bg"
        )
        options.setdefault("label", "hits")
        if given.get("edge_flat", "").lower() in YES:
            options["style"] = "flat-square"
        return await self._hits(incoming, given.get("url", ""), options)

    async def kept_hits(self, incoming: Incoming) -> Answer:
        """Show the same badge without a view."""
        query = b"count=no&" + incoming.query  # of a repeated one, the first counts
        return await self.hits(incoming._replace(query=query))

    async def _hits(
        self, incoming: Incoming, url: str, options: dict[str, str]
    ) -> Answer:
        options |= {"period": "both"} | _renamed(incoming.parameters(), count="count")
        # People write the address without its scheme, too.
        url = url if "://" in url else f"https://{url}"
        site = incoming.site or host_of(url) or ""
        return await self._badge(incoming, site, path_of(url), options)

    async def hits_sh(self, incoming: Incoming) -> Answer | None:
        """Count the page in the path, as hits.sh does; other paths are not ours."""
        path = incoming.rest.decode(errors="surrogateescape")
        if not path.endswith(".svg"):
            return None
        given = incoming.parameters()
        same = {name: name for name in ("style", "label", "color", "labelColor")}
        options = _renamed(given, base="extraCount", **same)
        options.setdefault("label", "hits")
        if given.get("view") == "today-total":
            options["period"] = "both"
        page = f"/{path.removesuffix('.svg')}"
        return await self._badge(incoming, incoming.site, page, options)

    async def komarev(self, incoming: Incoming) -> Answer:
        """Count the profile of a user, as komarev.com does."""
        given = incoming.parameters()
        same = {name: name for name in ("label", "color", "style", "base")}
        options = _renamed(given, **same)
        options.setdefault("label", "Profile views")
        if given.get("abbreviated", "").lower() in YES:
            options["abbreviated"] = "yes"
        is_pixel = options.get("style") == "pixel"
        if is_pixel:
            del options["style"]
        badge = await self._named(incoming, "username", options)
        if not is_pixel:
            return badge
        return badge._replace(body=IMAGE, content_type="image/gif")

    async def visitor_badge(self, incoming: Incoming) -> Answer:
        """Count a page by any text, as visitor-badge does."""
        given = incoming.parameters()
        options = _renamed(
            given, label="left_text", labelColor="left_color", color="right_color"
        )
        options.setdefault("label", "visitors")
        if given.get("query_only", "").lower() in YES:
            options["count"] = "no"
        return await self._named(incoming, "page_id", options)

    async def _named(
        self, incoming: Incoming, parameter: str, options: dict[str, str]
    ) -> Answer:
        """Return the badge of a name, which is a page."""
        name = incoming.parameters().get(parameter, "")
        if not name:
            return _invalid(options, f"add a name to the address, as {parameter}=")
        site = await self._site(incoming)
        return await self._badge(incoming, site, f"/{name}", options)

    async def _site(self, incoming: Incoming) -> str:
        """Return the site of a request that names none; empty if nothing tells it."""
        if incoming.site:
            return incoming.site
        try:
            if await to_thread(self._sites.find, GITHUB):
                return GITHUB
        except RedisError:
            return GITHUB  # its badge says that Redis is unavailable
        only = self._sites.only()
        return only.name if only else ""

    async def _is_registered(self, site: str) -> bool:
        name = canonical_site(site)
        if self._sites.recent(name):  # as for most: no thread is needed
            return True
        try:
            return bool(await to_thread(self._sites.find, name))
        except RedisError:
            return True  # the badge says that Redis is unavailable

    async def _badge(
        self, incoming: Incoming, site: str, page: str, options: Mapping[str, str]
    ) -> Answer:
        """Return our badge of a page; without a site, a badge that says so."""
        if not site:
            reason = "write your site before the path, for example /example.org/ghpvc/"
            return _invalid(options, reason)
        if not await self._is_registered(site):
            options = {**options, "count": "no"}
        target = f"{site}{page}.svg".encode(errors="surrogateescape")
        query = urlencode(options, quote_via=quote, errors="surrogateescape").encode()
        return await self._badges(incoming._replace(rest=target, query=query))


def _invalid(options: Mapping[str, str], reason: str) -> Answer:
    """Return a badge that says what is wrong with its address."""
    problem = NoNumber(400, "invalid address", reason)
    badge = without_number("", parse_options(options)[0], problem)
    return badge._replace(outcomes=(outcome_of(problem),), reason=problem.words)


def _renamed(given: Mapping[str, str], **names: str) -> dict[str, str]:
    """Return those parameters that are given, by our names for them."""
    return {ours: given[theirs] for ours, theirs in names.items() if given.get(theirs)}
