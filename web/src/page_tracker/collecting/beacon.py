"""Our own ways in: the endpoint that the script sends to, and the pixel."""

import hmac
import time
from collections import Counter
from collections.abc import Sequence
from typing import Any

from flask import Blueprint, Flask, Response, current_app, jsonify, request
from gunicorn.http.errors import ParseException
from pydantic_core import from_json
from redis.exceptions import RedisError
from werkzeug.exceptions import RequestEntityTooLarge

from page_tracker.collecting import scripts
from page_tracker.collecting.sent import SentView
from page_tracker.http.embedding import for_other_sites, later
from page_tracker.http.errors import error_answer, header_text
from page_tracker.http.parts import recorder, settings
from page_tracker.http.query import parameters_of
from page_tracker.http.sender import sender_of
from page_tracker.settings import Settings
from page_tracker.tracking.recorder import Recorded, UnknownSite
from page_tracker.tracking.view import InvalidView, View
from page_tracker.tracking.visitor import Sender

MOST_VIEWS = 1_000
LARGEST_BODY = 2 * 1024 * 1024
"""Bytes; for as many views of the usual size."""

LINES = ("application/x-ndjson", "application/ndjson", "application/jsonl")

PIXEL = bytes.fromhex(
    "47494638396101000100800000000000ffffff"
    "21f90401000000002c00000000010001000002024401003b"
)
"""A transparent GIF of one by one pixel."""

bp = Blueprint("beacon", __name__)


def register_beacon(app: Flask, settings: Settings) -> None:
    """Give the script and the endpoint their routes, under chosen names too."""
    app.register_blueprint(bp)
    app.register_blueprint(scripts.bp)
    for name, view in (
        (settings.script, scripts.script),
        (settings.endpoint, views),
    ):
        if f"/{name}" not in ("/tracker.js", "/api/v1/views"):
            methods = ["GET"] if view is scripts.script else ["POST", "OPTIONS"]
            app.add_url_rule(
                f"/{name}",
                f"chosen {view.__name__}",
                view,
                methods=methods,
                provide_automatic_options=False,
            )


@bp.route("/api/v1/views", methods=["POST", "OPTIONS"], provide_automatic_options=False)
def views() -> Response:
    """Count one view, or up to 1,000 as a JSON array or as one JSON a line."""
    if request.method == "OPTIONS":
        return preflight()
    try:
        has_token = check_token(request.authorization)
        sent = read_body()
    except RequestEntityTooLarge:
        most = f"{LARGEST_BODY:,} bytes are the most"
        return for_other_sites(error_answer(413, "Content Too Large", most, "json"))
    except PermissionError as error:
        return unauthorized(str(error))
    except ValueError as error:
        return for_other_sites(error_answer(400, "Bad Request", str(error), "json"))
    by = sender_of(request, settings().proxies)
    answer = (
        many(sent, by, has_token)
        if isinstance(sent, list)
        else one(sent, by, has_token)
    )
    return for_other_sites(answer)


def one(fields: Any, by: Sender, has_token: bool) -> Response:
    """Count one view, and answer with the numbers of its page and its site."""
    try:
        view, sender, at = read_view(fields, by, has_token)
        outcome = recorder().count(view, sender, at)
    except PermissionError as error:
        return unauthorized(str(error))
    except (InvalidView, UnknownSite, RedisError) as error:
        note([(fields, error)])
        return refusal(error)
    if outcome.reason == "rate":
        return over_rate()
    return jsonify(shown(outcome))


def many(items: Sequence[Any], by: Sender, has_token: bool) -> Response:
    """Count views, and name each by its index: counted, filtered, or why it was not."""
    outcomes: list[Recorded | Exception | None] = []
    good = []
    for item in items:
        try:
            good.append(read_view(item, by, has_token))
            outcomes.append(None)
        except (InvalidView, PermissionError) as error:
            outcomes.append(error)
    recorded = iter(recorder().count_all(good))
    outcomes = [outcome or next(recorded) for outcome in outcomes]
    failed = [
        (index, outcome)
        for index, outcome in enumerate(outcomes)
        if isinstance(outcome, Exception)
    ]
    note([(items[index], error) for index, error in failed])
    answer = jsonify(
        counted=[
            index
            for index, outcome in enumerate(outcomes)
            if isinstance(outcome, Recorded) and not outcome.reason
        ],
        filtered=[
            {"index": index, "reason": outcome.reason}
            for index, outcome in enumerate(outcomes)
            if isinstance(outcome, Recorded) and outcome.reason
        ],
        errors=[{"index": index, "reason": explain(error)} for index, error in failed],
    )
    if any(isinstance(error, RedisError) for _, error in failed):
        answer.status_code = 503
        later(answer)
    elif any(isinstance(it, Recorded) and it.reason == "rate" for it in outcomes):
        answer.status_code = 429
        answer.headers["Retry-After"] = str(seconds_of_minute())
    elif failed:
        answer.status_code = 400
    return answer


@bp.get("/pixel.gif")
def pixel() -> Response:
    """Count a view of a page without scripts, and answer with an image in any case."""
    if request.method == "HEAD":
        return image(200)
    given: dict[str, str] = {}
    try:
        given = parameters_of(request)
        names = ("site", "page", "referrer", "title", "id")
        view = View.of(
            **{"site": "", "page": ""}
            | {name: given[name] for name in names if name in given}
        )
        outcome = recorder().count(view, sender_of(request, settings().proxies))
    except (ValueError, RedisError) as error:
        note([(given, error)])
        return image(status_of(error), explain(error))
    if outcome.reason == "rate":
        return image(429, "rate")
    return image(200, outcome.reason)


def read_body() -> Any:
    """Return the JSON that was sent: one value, or a list of them.

    Raises ValueError, and RequestEntityTooLarge.
    """
    # One more: a body in chunks is not refused for its length, but cut there.
    request.max_content_length = LARGEST_BODY + 1
    try:
        body = request.get_data()
    except ParseException:  # gunicorn reads chunks when they are asked for
        raise ValueError("the body is not in chunks as HTTP has them") from None
    if len(body) > LARGEST_BODY:
        raise RequestEntityTooLarge
    if not body.strip():
        raise ValueError("the body is empty; send a view as JSON")
    if request.mimetype in LINES:
        lines = [line for line in body.splitlines() if line.strip()]
        return at_most([parse(line, f"line {n}: ") for n, line in enumerate(lines, 1)])
    sent = parse(body)
    return at_most(sent) if isinstance(sent, list) else sent


def at_most(items: list[Any]) -> list[Any]:
    """Check the number of views. Raises ValueError."""
    if not 0 < len(items) <= MOST_VIEWS:
        raise ValueError(f"{len(items)} views; send 1 to {MOST_VIEWS} at once")
    return items


def parse(text: bytes, where: str = "") -> Any:
    """Return what a JSON text says. Raises ValueError."""
    try:
        return from_json(text, allow_inf_nan=False)
    except ValueError as error:
        raise ValueError(f"{where}no JSON: {error}") from None


def read_view(
    fields: Any, by: Sender, has_token: bool
) -> tuple[View, Sender, float | None]:
    """Return what was sent as a view. Raises InvalidView and PermissionError."""
    sent = SentView.read(fields)
    if sent.needs_token and not has_token:
        raise PermissionError(f"{sent.needs_token}: only with the token")
    return sent.view(), sent.sender(by, has_token), sent.at


def check_token(authorization: Any) -> bool:
    """Say whether the request brings the token. Raises PermissionError for another."""
    if authorization is None or authorization.type != "bearer":
        return False  # a browser may bring what is for a proxy in front
    token = settings().token
    given = authorization.token or ""
    if token is None or not hmac.compare_digest(given.encode(), token.encode()):
        raise PermissionError("the token is not the one of PAGE_TRACKER_TOKEN")
    return True


def shown(outcome: Recorded) -> dict[str, Any]:
    """Return what became of a view, with the numbers where everybody may see them."""
    answer: dict[str, Any] = {"counted": not outcome.reason}
    if outcome.reason:
        answer["reason"] = outcome.reason
    if outcome.is_public:
        if outcome.has_own_number:
            page = outcome.page
            answer["page"] = {
                "page": page.name,
                "views": page.views,
                "visits": page.visits,
            }
        site = outcome.site
        answer["site"] = {"site": site.name, "views": site.views, "visits": site.visits}
    return answer


def note(refused: Sequence[tuple[Any, Exception]]) -> None:
    """Count what was refused, by reason, and log why Redis did not count the rest."""
    reasons: Counter[tuple[str, str]] = Counter()
    for fields, error in refused:
        if isinstance(error, RedisError):
            cause = type(error).__name__
            current_app.logger.error("A view was not counted: %s: %s", cause, error)
            return
        site = fields.get("site") if hasattr(fields, "get") else None
        kind = "unknown site" if isinstance(error, UnknownSite) else "invalid"
        reasons[kind, site if isinstance(site, str) else ""] += 1
    recorder().note(reasons)


def status_of(error: Exception) -> int:
    """Return the status that an error is answered with."""
    if isinstance(error, RedisError):
        return 503
    return 404 if isinstance(error, UnknownSite) else 400


def explain(error: Exception) -> str:
    """Return why a view was not counted, for people."""
    if isinstance(error, RedisError):
        return "Page Tracker can not count right now; it may not have been counted"
    return str(error)


def refusal(error: Exception) -> Response:
    """Answer that a view was not counted, and why."""
    status = status_of(error)
    names = {400: "Bad Request", 404: "Not Found", 503: "Service Unavailable"}
    answer = error_answer(status, names[status], explain(error), "json")
    return later(answer) if status == 503 else answer


def over_rate() -> Response:
    """Answer that an address sent more views than are counted in a minute."""
    most = f"{settings().rate} views a minute are counted of one address"
    answer = error_answer(429, "Too Many Requests", most, "json")
    answer.headers["Retry-After"] = str(seconds_of_minute())
    return answer


def seconds_of_minute() -> int:
    """Return how many seconds are left of this minute."""
    return 60 - int(time.time()) % 60


def unauthorized(reason: str) -> Response:
    """Answer that a token is wrong or missing."""
    answer = error_answer(401, "Unauthorized", reason, "json")
    answer.headers["WWW-Authenticate"] = "Bearer"
    return for_other_sites(answer)


def image(status: int, reason: str = "") -> Response:
    """Answer with the pixel; a header says why nothing was counted."""
    answer = Response(PIXEL, status, mimetype="image/gif")
    if reason:
        answer.headers["X-Page-Tracker"] = header_text(reason)
    if status == 503:
        later(answer)
    if status == 429:
        answer.headers["Retry-After"] = str(seconds_of_minute())
    answer.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
    return answer


def preflight() -> Response:
    """Tell a browser what pages of other sites may send: JSON, and no credentials."""
    answer = Response(status=204)
    answer.headers["Access-Control-Allow-Methods"] = "POST"
    answer.headers["Access-Control-Allow-Headers"] = "Content-Type"
    answer.headers["Access-Control-Max-Age"] = "86400"
    return for_other_sites(answer)
