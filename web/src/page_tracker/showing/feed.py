"""The Atom feed of a site's finished weeks. A token in its address lets readers in."""

from datetime import UTC, datetime
from http import HTTPStatus
from itertools import islice
from threading import Lock
from uuid import NAMESPACE_URL, uuid5

from cachetools import TTLCache
from feedgenerator import Atom1Feed
from flask import Response, abort, make_response, request
from redis import Redis

from page_tracker.accounts.hashing import is_secret_of
from page_tracker.numbers.finished import Finished, finished
from page_tracker.numbers.models import Overview
from page_tracker.numbers.overview import overview
from page_tracker.numbers.query import QueryError
from page_tracker.settings import Settings
from page_tracker.showing.digest import digest_of
from page_tracker.showing.language import LANGUAGES, TAGS, gettext, language, speaking
from page_tracker.showing.questions import asking_for_numbers
from page_tracker.store.store import Store
from page_tracker.tracking.canonical import checked_site
from page_tracker.tracking.sites import Site, SiteError, Sites

MOST_WEEKS = 12

WEEKS_TO_LOOK_AT = 26
"""A site may have weeks without a view."""

MOST_REMEMBERED = 500
SECONDS_REMEMBERED = 60 * 60
"""Readers ask often, and a week that has ended seldom changes."""

Edits = tuple[bytes | str | None, ...]
"""The first day of a site, and how often its past was changed."""


class Feed:
    """The feed at `/feed/SITE`."""

    def __init__(self, settings: Settings, store: Store, sites: Sites) -> None:
        self._settings = settings
        self._store = store
        self._sites = sites
        self._weeks: TTLCache[tuple[str, Edits, Finished], Overview | None] = TTLCache(
            MOST_REMEMBERED, SECONDS_REMEMBERED
        )
        self._lock = Lock()

    def show(self, site: str) -> Response:
        """Answer with the last weeks that have views. Raises RedisError."""
        found = self._find(site)
        now = datetime.now(UTC)
        today = now.astimezone(found.zone).date()
        weeks: list[tuple[Finished, Overview]] = []
        with asking_for_numbers(self._store) as redis:
            edits = tuple(redis.hmget(found.keys.totals, "since", "edits"))
            for week in islice(finished("weekly", today), WEEKS_TO_LOOK_AT):
                if len(weeks) == MOST_WEEKS or not (
                    numbers := self._numbers(redis, found, week, now, edits)
                ):
                    break
                if numbers.figures.views.now:
                    weeks.append((week, numbers))
        chosen = request.args.get("language", "")
        with speaking(chosen if chosen in LANGUAGES else ""):
            document = self._document(found, weeks)
        answer = make_response(document)
        answer.content_type = Atom1Feed.content_type
        answer.headers["Cache-Control"] = "private, no-cache"
        answer.add_etag()
        answer.make_conditional(request)
        return answer

    def _find(self, name: str) -> Site:
        """Return the site; without its token it is as if it did not exist."""
        try:
            host = checked_site(name)
        except ValueError:
            abort(HTTPStatus.NOT_FOUND)
        token = request.args.get("token", "")
        found = self._sites.find(host)
        if found and not is_secret_of(token, found.feed):
            found = self._newest(found)
        if not (found and is_secret_of(token, found.feed)):
            abort(HTTPStatus.NOT_FOUND)
        return found

    def _newest(self, site: Site) -> Site | None:
        """Return a site as Redis has it: another process may just have made a token."""
        try:
            newest, _ = self._sites.stored(site.name)
        except SiteError:
            return None
        if newest.feed != site.feed:
            self._sites.forget()
        return newest

    def _numbers(
        self, redis: Redis, site: Site, week: Finished, now: datetime, edits: Edits
    ) -> Overview | None:
        """Return the numbers of a week, or None if it is before the site's first.

        They are remembered until the site has other `edits`: somebody removes a page,
        for example.
        """
        key = site.name, edits, week
        with self._lock:
            if key in self._weeks:
                return self._weeks[key]
        try:
            numbers = overview(redis, site, week.query, now)
        except QueryError:
            numbers = None
        with self._lock:
            self._weeks[key] = numbers
        return numbers

    def _document(self, site: Site, weeks: list[tuple[Finished, Overview]]) -> str:
        root = self._settings.url or request.host_url.rstrip("/") + request.script_root
        dashboard = f"{root}/dashboard/{site.name}"
        feed = Atom1Feed(
            gettext("%(site)s by weeks", site=site.name),
            dashboard,
            None,
            language=TAGS[language()],
            author_name="Page Tracker",
            feed_guid=_identity(site.name),
        )
        for week, numbers in weeks:
            digest = digest_of(numbers)
            end = week.end(site.zone)
            feed.add_item(
                digest.title,
                week.query.address(dashboard),
                digest.html,
                unique_id=_identity(f"{site.name} {week.first}"),
                pubdate=end,
                updateddate=end,
            )
        document: str = feed.writeString("utf-8")
        return document


def _identity(name: str) -> str:
    """Return an id that is the same at each address of this server."""
    return uuid5(NAMESPACE_URL, f"page-tracker {name}").urn
