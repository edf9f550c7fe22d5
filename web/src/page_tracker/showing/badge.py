"""Badges: the number of views as an image for a README, or as JSON for shields.io.

The address is /badge/SITE/PAGE.svg or .json; without a page, the badge is the site's.
A badge that cannot show a number is still a badge. It gives the reason.
"""

import logging
from dataclasses import dataclass

from redis.exceptions import RedisError

from page_tracker.http.incoming import Incoming, single_parameters
from page_tracker.http.outgoing import (
    FOR_OTHER_SITES,
    Answer,
    header_text,
    json_answer,
    retry_after,
)
from page_tracker.showing.badge_drawing import draw
from page_tracker.showing.badge_options import (
    COLORS,
    BadgeOptions,
    BadInput,
    parse_options,
)
from page_tracker.store.store import Store
from page_tracker.tracking.canonical import canonical_view
from page_tracker.tracking.recorded import Recorded
from page_tracker.tracking.recorder import Recorder
from page_tracker.tracking.reports import read_numbers
from page_tracker.tracking.sites import Sites, UnknownSite
from page_tracker.tracking.view import SentView
from page_tracker.tracking.visitor import Sender

FORMS = ("svg", "json")

HEADERS = FOR_OTHER_SITES | {
    # With these, the image proxies of README hosts ask again each time.
    "Cache-Control": "max-age=0, no-cache, no-store, must-revalidate",
    "Pragma": "no-cache",
    "Expires": "0",
    "Access-Control-Expose-Headers": "X-Page-Tracker",
    # An SVG that is opened by itself is a document.
    "Content-Security-Policy": "default-src 'none'",
}

logger = logging.getLogger(__name__)


class NoNumber(Exception):
    """A badge cannot show a number: two words for the image, and the whole reason."""

    def __init__(self, status: int, words: str, reason: str) -> None:
        super().__init__(reason)
        self.status = status
        self.words = words


@dataclass(frozen=True)
class Badges:
    """Shows badges, and counts the views of those that count."""

    recorder: Recorder
    sites: Sites
    store: Store
    most_pages: int

    def __call__(self, incoming: Incoming) -> Answer:
        """Count a view of the page, if asked to, and show the number of its views."""
        form = incoming.rest.rpartition(b".")[2].decode(errors="replace")
        options = BadgeOptions()
        try:
            site, page = parse_target(incoming.rest)
            options = parse_options(_parameters(incoming))
            # Nobody sees the badge of a HEAD.
            counts = options.count and bool(page) and incoming.method == "GET"
            found = self.numbers(site, page, incoming.sender if counts else None)
            check_shown(found, bool(page))
        except (NoNumber, ValueError, RedisError) as error:
            return _without_number(form, options, _problem(error))
        total = found.page.views if page else found.site.views
        views = options.base + (
            total if options.period == "total" else found.page_today
        )
        message = written(views, options.abbreviated)
        headers = {}
        if found.reason:
            headers["X-Page-Tracker"] = header_text(f"not counted: {found.reason}")
        return drawn(form, options, message, f"{views:,}", headers=headers)

    def numbers(self, site: str, page: str, sender: Sender | None) -> Recorded:
        """Return the numbers of a page, or of the site if the page is empty.

        With a sender, its view is counted first. Raises ValueError and RedisError.
        """
        if sender:
            return self.recorder.count(SentView(site, page), sender)
        view = canonical_view(SentView(site, page or "/"))
        registered = self.sites.registered(view.site)
        try:
            with self.store.asking() as redis:
                name = page and view.page
                return read_numbers(redis, registered, name, self.most_pages)
        except RedisError as error:
            logger.error("A badge was not shown: %s: %s", type(error).__name__, error)
            raise


def _problem(error: Exception) -> NoNumber:
    """Return why a badge shows no number."""
    if isinstance(error, NoNumber):
        return error
    if isinstance(error, BadInput):
        return NoNumber(400, f"bad {error.parameter}", str(error))
    if isinstance(error, UnknownSite):
        return NoNumber(404, "unknown site", str(error))
    if isinstance(error, ValueError):
        return NoNumber(400, "bad address", str(error))
    reason = "the number is unavailable, please come back in a moment"
    return NoNumber(503, "unavailable", reason)


def _parameters(incoming: Incoming) -> dict[str, str]:
    try:
        return single_parameters(incoming.query)
    except ValueError as error:
        raise BadInput("parameter", str(error)) from None


def check_shown(found: Recorded, has_page: bool) -> None:
    """Refuse numbers that a badge cannot show. Raises NoNumber."""
    site = found.site.name
    if not found.is_public:
        raise NoNumber(403, "private", f"{site} shows its numbers to its owner only")
    if has_page and not found.has_own_number:
        reason = f"{site} has more pages than are counted by themselves"
        raise NoNumber(404, "unknown page", reason)


def parse_target(rest: bytes) -> tuple[str, str]:
    """Return the site and the page that an address names. Raises NoNumber."""
    try:
        target = rest.decode()
    except UnicodeDecodeError:
        raise NoNumber(400, "bad address", "the address is not UTF-8") from None
    name, dot, form = target.rpartition(".")
    site, slash, page = name.partition("/")
    if not (dot and form in FORMS and site):
        reason = "the address of a badge is /badge/SITE/PAGE.svg or .json"
        raise NoNumber(404, "bad address", reason)
    return site, slash + page


def written(views: int, abbreviated: bool) -> str:
    """Return a number as a badge shows it: 1,234, or 1.2k, rounded down."""
    if abbreviated:
        for unit, letter in ((10**12, "T"), (10**9, "B"), (10**6, "M"), (10**3, "k")):
            if views >= unit:
                whole, tenths = views // unit, views * 10 // unit % 10
                fraction = f".{tenths}" if whole < 10 and tenths else ""
                return f"{whole}{fraction}{letter}"
    return f"{views:,}"


def drawn(  # pylint: disable=too-many-arguments  # each is a part of a badge
    form: str,
    options: BadgeOptions,
    message: str,
    read_out: str,
    *,
    status: int = 200,
    headers: dict[str, str] | None = None,
) -> Answer:
    """Return a badge in one of its two forms.

    A screen reader gets `read_out` instead of the message, unless the options have a
    title. The fields of the JSON are those of
    https://shields.io/badges/endpoint-badge.
    """
    headers = HEADERS | (headers or {})
    if form == "json":
        fields = {
            "schemaVersion": 1,
            "label": options.label,
            "message": message,
            "color": options.color,
            "labelColor": options.label_color,
            "style": options.style,
        }
        if status != 200:
            fields["isError"] = True
        return json_answer(fields, status, headers)
    title = options.title or ": ".join(filter(None, [options.label, read_out]))
    image = draw(options, message, title).encode()
    return Answer(image, "image/svg+xml; charset=utf-8", status, headers)


def _without_number(form: str, options: BadgeOptions, problem: NoNumber) -> Answer:
    """Return a badge that says in two words why it shows no number."""
    reason = str(problem)
    in_red = options.model_copy(update={"color": COLORS["red"], "title": reason})
    headers = {"X-Page-Tracker": header_text(reason)}
    if problem.status == 503:
        headers |= retry_after()
    return drawn(
        form, in_red, problem.words, reason, status=problem.status, headers=headers
    )
