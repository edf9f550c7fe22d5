"""The page where an owner sets a tag, a pixel or a badge, and copies the snippet."""

import re
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal
from urllib.parse import quote, urlencode

from flask import (
    Blueprint,
    Response,
    current_app,
    make_response,
    render_template,
    request,
    url_for,
)
from markupsafe import escape
from pydantic import Field, ValidationError, field_validator

from page_tracker.flags.looks import Look
from page_tracker.http.parts import settings
from page_tracker.http.query import single_parameters_of
from page_tracker.settings import FIELDS
from page_tracker.showing.badge_drawing import draw
from page_tracker.showing.badge_options import (
    PARAMETERS,
    BadgeOptions,
    problems,
)
from page_tracker.showing.look import comes_from_counter, look_of, pixel_of
from page_tracker.tracking.site import checked_site
from page_tracker.tracking.view import View

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)

SCRIPT_NAME = FIELDS["script"].default
ENDPOINT_NAME = FIELDS["endpoint"].default

EXAMPLE_SITE = "example.org"
EXAMPLE_VIEWS = 1234

MARKDOWN_MARKS = re.compile(r"([\\`*_{}\[\]()<>#+.!|&~-])")

bp = Blueprint("embed", __name__)


class Wish(BadgeOptions):
    """What an owner wants to embed: the fields of the form."""

    site: str = Field("", description="a host, as in example.org")
    page: str = Field(
        "/", description="what follows the host in the address, as in /about"
    )
    embed: Literal["tag", "pixel", "badge"] = Field(
        "tag", description="tag, pixel or badge"
    )

    @field_validator("site")
    @classmethod
    def _check_site(cls, site: str) -> str:
        return checked_site(site) if site else ""

    @field_validator("page")
    @classmethod
    def _check_page(cls, page: str) -> str:
        return View.of(site=EXAMPLE_SITE, page=page).page


@dataclass(frozen=True)
class Snippet:
    """Something to copy, and what it is for."""

    name: str
    purpose: str
    text: str


def default_text(name: str) -> str:
    """Return the default of a parameter of badges, as an address would say it."""
    default = PARAMETERS[name].default
    if isinstance(default, bool):
        return "yes" if default else "no"
    return str(default)


@bp.get("/embed")
def embed() -> Response:
    """Show the form, and what it makes."""
    values: dict[str, str] = {}
    wish, errors = Wish(), {}
    try:
        values = single_parameters_of(request)
    except ValueError as error:
        errors = {"": str(error)}
    given = {name: value for name, value in values.items() if value or name == "label"}
    try:
        wish = Wish.model_validate(given)
    except ValidationError as error:
        errors = problems(error, Wish)
    look = look_of(request) if comes_from_counter(request) else Look()
    page = render_template(
        "embed.html",
        pixel=pixel_of(look, look.went_on_page),
        values=given,
        errors=errors,
        wish=wish,
        snippets=[] if errors else snippets(wish, given),
        preview="" if errors else preview(wish, given),
        example=EXAMPLE_SITE,
    )
    answer = make_response(page, 400 if errors else 200)
    answer.headers["Content-Security-Policy"] = CONTENT_SECURITY_POLICY
    return answer


def snippets(wish: Wish, given: Mapping[str, str]) -> list[Snippet]:
    """Return what there is to copy."""
    site = wish.site or EXAMPLE_SITE
    if wish.embed == "tag":
        return tag_snippets(site)
    if wish.embed == "pixel":
        return pixel_snippets(site, wish.page)
    return badge_snippets(badge_address(site, wish.page, given), wish)


def tag_snippets(site: str) -> list[Snippet]:
    """Return the tag that counts, and what it fills with numbers."""
    script = current_app.extensions["page_tracker.script"]
    names = settings()
    src = f"{request.root_url}{names.script}"
    data = f'data-site="{site}"'
    if (names.script, names.endpoint) != (SCRIPT_NAME, ENDPOINT_NAME):
        data += f' data-endpoint="{escape(f"{request.root_url}{names.endpoint}")}"'
    pinned = (
        f'src="{escape(src)}?v={script.version}" {data} '
        f'integrity="{script.integrity}" crossorigin="anonymous"'
    )
    numbers = (
        '<span data-views="page"></span> views of this page',
        '<span data-visits="page"></span> visits of this page',
        '<span data-views="site"></span> views of this site',
    )
    return [
        Snippet(
            "Tag",
            "In the head of every page; it finds out by itself which page it is on.",
            f'<script defer src="{escape(src)}" {data}></script>',
        ),
        Snippet(
            "Tag, pinned",
            "The same, but the browser runs this very version, and no changed one.",
            f"<script defer {pinned}></script>",
        ),
        Snippet(
            "Numbers on the page",
            "Where you want them; the tag fills what is there, so take what you need.",
            "\n".join(numbers),
        ),
    ]


def pixel_snippets(site: str, page: str) -> list[Snippet]:
    """Return the image that counts where scripts do not run."""
    query = urlencode({"site": site, "page": page}, safe="/", quote_via=quote)
    image = (
        f'<img src="{escape(f"{request.root_url}pixel.gif?{query}")}" alt="" '
        'width="1" height="1" referrerpolicy="no-referrer">'
    )
    return [
        Snippet(
            "Beside the tag",
            "In the body, for visitors whose browser runs no scripts.",
            f"<noscript>{image}</noscript>",
        ),
        Snippet(
            "Instead of the tag",
            "Where a page may hold images, but no scripts.",
            image,
        ),
    ]


def badge_snippets(address: str, wish: Wish) -> list[Snippet]:
    """Return a badge for the three languages that READMEs are written in."""
    alt = wish.title or wish.label or "views"
    in_markdown = MARKDOWN_MARKS.sub(r"\\\1", alt)
    return [
        Snippet(
            "Markdown",
            "For a README.md.",
            f"![{in_markdown}]({address})",
        ),
        Snippet(
            "HTML",
            "For a page.",
            f'<img src="{escape(address)}" alt="{escape(alt)}">',
        ),
        Snippet(
            "reStructuredText",
            "For a README.rst.",
            f".. image:: {address}\n   :alt: {alt}",
        ),
    ]


def badge_address(site: str, page: str, given: Mapping[str, str], **more: str) -> str:
    """Return where the badge is, with the options that are not as they are anyway."""
    options = {
        name: given[name]
        for name in PARAMETERS
        if name in given and given[name] != default_text(name)
    }
    query = urlencode(options | more, quote_via=quote)
    address = url_for("badge.badge", target=f"{site}{page}.svg", _external=True)
    return f"{address}?{query}" if query else address


def preview(wish: Wish, given: Mapping[str, str]) -> str:
    """Return where the badge of the preview is: it counts nothing.

    Without a site it is an example, which is drawn into the page.
    """
    if wish.site:
        return badge_address(wish.site, wish.page, given, count="no")
    drawing = draw(wish, f"{EXAMPLE_VIEWS:,}", "example")
    return f"data:image/svg+xml;base64,{b64encode(drawing.encode()).decode()}"
