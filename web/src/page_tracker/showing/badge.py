"""Badges: the number of views as an image for a README, or as JSON for shields.io.

The address is /badge/SITE/PAGE.svg or .json; without a page, the badge is the site's.
A badge that cannot show a number is still a badge with status 200: GitHub's image proxy
shows nothing else. The badge gives the reason in two words, a header gives all of it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from redis.exceptions import RedisError

from page_tracker.collecting.reading import Reader
from page_tracker.collecting.refusals import ignored, outcome_of, remark_on
from page_tracker.http.incoming import Incoming
from page_tracker.http.outgoing import FOR_OTHER_SITES, Answer, json_answer, remarks
from page_tracker.showing.badge_drawing import draw
from page_tracker.showing.badge_options import (
    COLORS,
    PARAMETERS,
    BadgeOptions,
    parse_options,
)
from page_tracker.tracking.recorded import Recorded
from page_tracker.tracking.recorder import Recorder
from page_tracker.tracking.sites import UnknownSite
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
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
}


class NoNumber(Exception):
    """A badge cannot show a number: two words for the image, and the whole reason."""

    def __init__(self, status: int, words: str, reason: str) -> None:
        super().__init__(reason)
        self.status = status
        self.words = words


class Text(NamedTuple):
    """The text of a badge after its label, and the one that a screen reader reads."""

    message: str
    title: str
    is_error: bool = False


@dataclass(frozen=True)
class Badges:
    """Shows badges, and counts the views of those that count."""

    recorder: Recorder
    reader: Reader

    async def __call__(self, incoming: Incoming) -> Answer:
        """Count a view of the page, if asked to, and show the number of its views."""
        target = incoming.rest.decode(errors="surrogateescape")
        given = incoming.parameters()
        options, wrong = parse_options(given)
        also = [*wrong, ignored(given, PARAMETERS)]
        found, counts = None, False
        try:
            site, page, form = parse_target(target)
            # Nobody sees the badge of a HEAD.
            counts = options.count and bool(page) and incoming.method == "GET"
            found = await self.numbers(site, page, incoming.sender if counts else None)
            check_shown(found, bool(page))
        except (NoNumber, ValueError, RedisError) as error:
            problem = _problem(error)
            badge = without_number(target, options, problem, also)
            outcomes = (outcome_of(found or error),) if counts else ()
            return badge._replace(outcomes=outcomes, reason=problem.words)
        badge = _with_number(form, options, found, wrong, also)
        return badge._replace(outcomes=(outcome_of(found),)) if counts else badge

    async def numbers(self, site: str, page: str, sender: Sender | None) -> Recorded:
        """Return the numbers of a page, or of the site if the page is empty.

        With a sender, its view is counted first. Raises ValueError and RedisError.
        """
        if sender:
            return await self.recorder.count(SentView(site, page), sender)
        return await self.reader.numbers(site, page)


def _problem(error: Exception) -> NoNumber:
    """Return why a badge shows no number."""
    if isinstance(error, NoNumber):
        return error
    if isinstance(error, UnknownSite):
        return NoNumber(404, "unknown site", str(error))
    if isinstance(error, ValueError):
        return NoNumber(400, "invalid address", str(error))
    reason = "the number is unavailable, please come back in a moment"
    return NoNumber(503, "unavailable", reason)


def check_shown(found: Recorded, has_page: bool) -> None:
    """Refuse numbers that a badge cannot show. Raises NoNumber."""
    site = found.site.name
    if not found.is_public:
        raise NoNumber(403, "private", f"{site} shows its numbers to its owner only")
    if has_page and not found.has_own_number:
        reason = f"{site} counts this page under (other), with further pages"
        raise NoNumber(404, "unknown page", reason)


def parse_target(target: str) -> tuple[str, str, str]:
    """Return site, page and form in the address of a badge. Raises NoNumber."""
    name, _, form = target.rpartition(".")
    site, slash, page = name.partition("/")
    if form not in FORMS or not site:
        reason = "the address of a badge is /badge/SITE/PAGE.svg or .json"
        raise NoNumber(404, "invalid address", reason)
    return site, slash + page, form


def written(views: int, abbreviated: bool) -> str:
    """Return a number as a badge shows it: 1,234, or 1.2k, rounded down."""
    if abbreviated:
        for unit, letter in ((10**12, "T"), (10**9, "B"), (10**6, "M"), (10**3, "k")):
            if views >= unit:
                whole, tenths = views // unit, views * 10 // unit % 10
                fraction = f".{tenths}" if whole < 10 and tenths else ""
                return f"{whole}{fraction}{letter}"
    return f"{views:,}"


def drawn(
    form: str, options: BadgeOptions, text: Text, headers: dict[str, str]
) -> Answer:
    """Return a badge in one of its two forms.

    The fields of the JSON are those of https://shields.io/badges/endpoint-badge.
    """
    headers = HEADERS | headers
    if form == "json":
        fields = {
            "schemaVersion": 1,
            "label": options.label,
            "message": text.message,
            "color": options.color,
            "labelColor": options.label_color,
            "style": options.style,
        }
        if text.is_error:
            fields["isError"] = True
        return json_answer(fields, headers=headers)
    image = draw(options, text.message, text.title).encode()
    return Answer(image, "image/svg+xml; charset=utf-8", headers=headers)


def _with_number(
    form: str,
    options: BadgeOptions,
    found: Recorded,
    wrong: Sequence[str],
    also: Sequence[str],
) -> Answer:
    """Return a badge with the number of a page, or of the site without a page."""
    has_page = bool(found.page.name)
    total = found.page.views if has_page else found.site.views
    views = {
        "total": (options.base + total,),
        "today": (options.base + found.page_today,),
        "both": (found.page_today, options.base + total),
    }[options.period]
    whole = " / ".join(f"{number:,}" for number in views)
    title = options.title or ": ".join(filter(None, [options.label, whole]))
    message = " / ".join(written(number, options.abbreviated) for number in views)
    text = Text(message, title)
    status, sentence = remark_on(found.reason)
    headers = remarks(400 if wrong and status == 200 else status, sentence, *also)
    return drawn(form, options, text, headers)


def without_number(
    target: str, options: BadgeOptions, problem: NoNumber, also: Sequence[str] = ()
) -> Answer:
    """Return a badge that says in two words why it shows no number."""
    form = "json" if target.endswith(".json") else "svg"
    reason = str(problem)
    in_red = options.model_copy(update={"color": COLORS["red"]})
    text = Text(problem.words, reason, is_error=True)
    return drawn(form, in_red, text, remarks(problem.status, reason, *also))
