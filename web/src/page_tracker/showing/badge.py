"""Badges: the number of views as an image for a README, or as JSON for shields.io.

The address is /badge/SITE/PAGE.svg or .json; without a page it is the whole site's.
A badge that can not be shown is still a badge, which says why.
"""

from dataclasses import dataclass
from urllib.parse import quote

from flask import Blueprint, Response, current_app, jsonify, request
from flask.blueprints import BlueprintSetupState
from redis.exceptions import RedisError
from werkzeug.routing import BaseConverter

from page_tracker.http.embedding import for_other_sites, later
from page_tracker.http.errors import header_text
from page_tracker.http.parts import recorder, settings
from page_tracker.http.query import single_parameters_of
from page_tracker.http.sender import sender_of
from page_tracker.showing.badge_drawing import draw
from page_tracker.showing.badge_options import (
    COLORS,
    BadgeOptions,
    BadInput,
    parse_options,
)
from page_tracker.tracking.recorder import UnknownSite
from page_tracker.tracking.view import View

FORMS = ("svg", "json")

HEADERS = {
    # What makes the image proxies in front of READMEs ask again each time.
    "Cache-Control": "max-age=0, no-cache, no-store, must-revalidate",
    "Pragma": "no-cache",
    "Expires": "0",
    "Access-Control-Expose-Headers": "X-Page-Tracker",
    # An SVG opened by itself is a document.
    "Content-Security-Policy": "default-src 'none'",
}

bp = Blueprint("badge", __name__)


class Target(BaseConverter):
    """All that follows in a path, with each of its slashes."""

    regex = "(?s:.*)"
    part_isolating = False

    def to_url(self, value: str) -> str:
        """Return a target with everything quoted but slashes."""
        return quote(value, safe="/")


@bp.record_once
def _register_converter(state: BlueprintSetupState) -> None:
    state.app.url_map.converters["target"] = Target


class Refused(Exception):
    """A badge can not be shown: in two words for the image, and the whole reason."""

    def __init__(self, status: int, words: str, reason: str) -> None:
        super().__init__(reason)
        self.status = status
        self.words = words


@dataclass(frozen=True)
class Numbers:
    """The views of a page or of a site."""

    total: int
    today: int
    not_counted: str = ""
    """Why this view was not counted."""


@bp.get("/badge/<target:target>")
def badge(target: str) -> Response:
    """Count a view of the page, where asked to, and show the number of views."""
    form = target.rpartition(".")[2]
    options = BadgeOptions()
    try:
        site, page = parse_target(target)
        options = parse_options(query())
        # Flask sends HEAD here too, and it shows nobody a badge.
        counts = options.count and bool(page) and request.method == "GET"
        numbers = numbers_of(site, page, counts)
    except BadInput as bad:
        return refusal(form, options, Refused(400, f"bad {bad.parameter}", str(bad)))
    except Refused as refused:
        return refusal(form, options, refused)
    except RedisError as error:
        cause = type(error).__name__
        current_app.logger.error("A badge was not shown: %s: %s", cause, error)
        reason = "the number is unavailable, please come back in a moment"
        return refusal(form, options, Refused(503, "unavailable", reason))
    views = options.base + getattr(numbers, options.period)
    answer = drawn(form, options, written(views, options.abbreviated), f"{views:,}")
    if numbers.not_counted:
        answer.headers["X-Page-Tracker"] = header_text(
            f"not counted: {numbers.not_counted}"
        )
    return answer


def query() -> dict[str, str]:
    """Return the parameters of the address. Raises BadInput."""
    try:
        return single_parameters_of(request)
    except ValueError as error:
        raise BadInput("parameter", str(error)) from None


def numbers_of(site: str, page: str, counts: bool) -> Numbers:
    """Return the views of a page, or of the whole site where the page is empty.

    This view is counted among them, when it `counts`. Raises Refused and RedisError.
    """
    try:
        view = View.of(site=site, page=page or "/")
        if counts:
            outcome = recorder().count(view, sender_of(request, settings().proxies))
        else:
            outcome = recorder().look(view.site, page and view.page)
    except UnknownSite as error:
        if counts:
            recorder().note({("unknown site", site): 1})
        raise Refused(404, "unknown site", str(error)) from error
    except ValueError as error:
        if counts:
            recorder().note({("invalid", site): 1})
        raise Refused(400, "bad address", str(error)) from error
    if not outcome.is_public:
        reason = f"{outcome.site.name} shows its numbers to its owner only"
        raise Refused(403, "private", reason)
    if page and not outcome.has_own_number:
        reason = f"{outcome.site.name} has more pages than are counted by themselves"
        raise Refused(404, "unknown page", reason)
    views = outcome.page.views if page else outcome.site.views
    return Numbers(views, outcome.page_today, outcome.reason)


def parse_target(target: str) -> tuple[str, str]:
    """Return the site and the page that an address names. Raises Refused."""
    try:
        request.environ["PATH_INFO"].encode("latin-1").decode()
    except UnicodeDecodeError:
        raise Refused(400, "bad address", "the address is not UTF-8") from None
    name, dot, form = target.rpartition(".")
    site, slash, page = name.partition("/")
    if not (dot and form in FORMS and site):
        reason = "the address of a badge is /badge/SITE/PAGE.svg or .json"
        raise Refused(404, "bad address", reason)
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


def drawn(
    form: str,
    options: BadgeOptions,
    message: str,
    read_out: str,
    is_error: bool = False,
) -> Response:
    """Return a badge in one of its two forms.

    `read_out` is the message for a screen reader, unless a title was asked for. The
    fields of the JSON are those of https://shields.io/badges/endpoint-badge.
    """
    if form == "json":
        answer = jsonify(
            schemaVersion=1,
            label=options.label,
            message=message,
            color=options.color,
            labelColor=options.label_color,
            style=options.style,
            **({"isError": True} if is_error else {}),
        )
    else:
        title = options.title or ": ".join(filter(None, [options.label, read_out]))
        answer = Response(draw(options, message, title), mimetype="image/svg+xml")
    answer.headers.update(HEADERS)
    return for_other_sites(answer)


def refusal(form: str, options: BadgeOptions, refused: Refused) -> Response:
    """Return a badge that says in two words why it shows no number."""
    reason = str(refused)
    in_red = options.model_copy(update={"color": COLORS["red"], "title": reason})
    answer = drawn(form, in_red, refused.words, reason, is_error=True)
    answer.status_code = refused.status
    answer.headers["X-Page-Tracker"] = header_text(reason)
    if refused.status == 503:
        later(answer)
    return answer
