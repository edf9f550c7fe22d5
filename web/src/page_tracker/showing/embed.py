"""The page where an owner chooses script, pixel or badge, and copies the snippet."""

import re
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal
from urllib.parse import quote, urlencode

from flask import Response, make_response, render_template, request, url_for
from markupsafe import escape
from pydantic import Field, ValidationError, field_validator

from page_tracker.collecting.scripts import NEWEST, SCRIPTS
from page_tracker.flags.looks import Look
from page_tracker.http.incoming import single_parameters
from page_tracker.settings import FIELDS, Settings
from page_tracker.showing.badge_drawing import draw
from page_tracker.showing.badge_options import (
    PARAMETERS,
    BadgeOptions,
    problems,
)
from page_tracker.showing.look import LookChoice, comes_from_counter, pixel_of
from page_tracker.tracking.canonical import canonical_view, checked_site
from page_tracker.tracking.view import SentView

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)

SCRIPT_NAME = FIELDS["script"].default
ENDPOINT_NAME = FIELDS["endpoint"].default

EXAMPLE_SITE = "example.org"
EXAMPLE_VIEWS = 1234

MARKDOWN_MARKS = re.compile(r"([\\`*_{}\[\]()<>#+.!|&~-])")


class Wish(BadgeOptions):
    """The fields of the form."""

    site: str = Field("", description="a host, for example example.org")
    page: str = Field("/", description="a path, for example /about")
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
        return canonical_view(SentView(EXAMPLE_SITE, page)).page


@dataclass(frozen=True)
class Snippet:
    """A text to copy, and its purpose."""

    name: str
    purpose: str
    text: str


def default_text(name: str) -> str:
    """Return the default of a parameter of badges, as an address writes it."""
    default = PARAMETERS[name].default
    if isinstance(default, bool):
        return "yes" if default else "no"
    return str(default)


class EmbedPage:
    """The page at `/embed`."""

    def __init__(self, settings: Settings, look_choice: LookChoice) -> None:
        self._settings = settings
        self._look_choice = look_choice

    def show(self) -> Response:
        """Show the form, and the snippets for its fields."""
        values: dict[str, str] = {}
        wish, errors = Wish(), {}
        try:
            values = single_parameters(request.query_string)
        except ValueError as error:
            errors = {"": str(error)}
        given = {name: text for name, text in values.items() if text or name == "label"}
        try:
            wish = Wish.model_validate(given)
        except ValidationError as error:
            errors = problems(error, Wish)
        look = Look()
        if comes_from_counter(request):
            look = self._look_choice.of(request)
        page = render_template(
            "embed.html",
            pixel=pixel_of(look, look.went_on_page),
            values=given,
            errors=errors,
            wish=wish,
            snippets=[] if errors else snippets(wish, given, self._settings),
            preview="" if errors else preview(wish, given),
            example=EXAMPLE_SITE,
        )
        answer = make_response(page, 400 if errors else 200)
        answer.headers["Content-Security-Policy"] = CONTENT_SECURITY_POLICY
        return answer


def snippets(wish: Wish, given: Mapping[str, str], settings: Settings) -> list[Snippet]:
    """Return the snippets for the fields."""
    site = wish.site or EXAMPLE_SITE
    if wish.embed == "tag":
        return tag_snippets(site, settings)
    if wish.embed == "pixel":
        return pixel_snippets(site, wish.page)
    return badge_snippets(badge_address(site, wish.page, given), wish)


def tag_snippets(site: str, names: Settings) -> list[Snippet]:
    """Return the script that counts, and the elements that it fills with numbers."""
    script = SCRIPTS[NEWEST]
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
            "Script",
            "For the head of every page. The script finds the path by itself.",
            f'<script defer src="{escape(src)}" {data}></script>',
        ),
        Snippet(
            "Script, fixed version",
            "It never changes: the browser checks its integrity.",
            f"<script defer {pinned}></script>",
        ),
        Snippet(
            "Numbers on the page",
            "Put any of these where a number should appear.",
            "\n".join(numbers),
        ),
    ]


def pixel_snippets(site: str, page: str) -> list[Snippet]:
    """Return the image that counts where no script runs."""
    query = urlencode({"site": site, "page": page}, safe="/", quote_via=quote)
    image = (
        f'<img src="{escape(f"{request.root_url}pixel.gif?{query}")}" alt="" '
        'width="1" height="1" referrerpolicy="no-referrer">'
    )
    return [
        Snippet(
            "Beside the script",
            "For the body, for browsers that run no scripts.",
            f"<noscript>{image}</noscript>",
        ),
        Snippet(
            "Instead of the script",
            "For pages that may have images but no scripts.",
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
    """Return the address of a badge, with the options that differ from the defaults."""
    options = {
        name: given[name]
        for name in PARAMETERS
        if name in given and given[name] != default_text(name)
    }
    query = urlencode(options | more, quote_via=quote)
    address = url_for("badge", target=f"{site}{page}.svg", _external=True)
    return f"{address}?{query}" if query else address


def preview(wish: Wish, given: Mapping[str, str]) -> str:
    """Return the address of the preview, which counts nothing.

    Without a site it is an example, drawn into the page.
    """
    if wish.site:
        return badge_address(wish.site, wish.page, given, count="no")
    drawing = draw(wish, f"{EXAMPLE_VIEWS:,}", "example")
    return f"data:image/svg+xml;base64,{b64encode(drawing.encode()).decode()}"
