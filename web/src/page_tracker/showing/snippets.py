"""The snippets that an owner copies: script, numbers, badge and pixel."""

import json
import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote, urlencode

from markupsafe import escape

from page_tracker.collecting.scripts import NEWEST, SCRIPTS
from page_tracker.settings import FIELDS, Settings
from page_tracker.showing.badge_options import PARAMETERS, BadgeOptions
from page_tracker.showing.language import gettext as _

SCRIPT_NAME = FIELDS["script"].default
ENDPOINT_NAME = FIELDS["endpoint"].default

MARKDOWN_MARKS = re.compile(r"([\\`*_{}\[\]()<>#+.!|&~-])")


@dataclass(frozen=True)
class Snippet:
    """A text to copy, and its purpose."""

    name: str
    purpose: str
    text: str


def script_tag(root: str, site: str, names: Settings) -> str:
    """Return the script that counts; `root` is the server's address up to a slash."""
    src = escape(root + names.script)
    return f'<script defer src="{src}" {_data(root, site, names)}></script>'


def script_snippet(root: str, site: str, names: Settings) -> Snippet:
    """Return the script, for every page of a site."""
    return Snippet(
        _("Script"),
        _("Recommended. Copy it into the head of every page."),
        script_tag(root, site, names),
    )


def pinned_snippet(root: str, site: str, names: Settings) -> Snippet:
    """Return the script in a version that a browser checks."""
    script = SCRIPTS[NEWEST]
    return Snippet(
        _("Script, fixed version"),
        _("It never changes: the browser checks its integrity."),
        f'<script defer src="{escape(root + names.script)}?v={script.name}" '
        f"{_data(root, site, names)} "
        f'integrity="{script.integrity}" crossorigin="anonymous"></script>',
    )


def _data(root: str, site: str, names: Settings) -> str:
    data = f'data-site="{site}"'
    if (names.script, names.endpoint) != (SCRIPT_NAME, ENDPOINT_NAME):
        data += f' data-endpoint="{escape(root + names.endpoint)}"'
    return data


def number_snippet() -> Snippet:
    """Return the elements that the script fills with numbers."""
    return Snippet(
        _("Numbers on a page"),
        _("Put any of these where a number should appear. The script fills them."),
        "\n".join(
            (
                _("%(number)s views of this page", number=_element("views", "page")),
                _(
                    "%(number)s unique views of this page",
                    number=_element("uniques", "page"),
                ),
                _("%(number)s views of this site", number=_element("views", "site")),
            )
        ),
    )


def _element(number: str, of: str) -> str:
    return f'<span data-{number}="{of}"></span>'


def pixel_snippets(root: str, site: str, page: str) -> list[Snippet]:
    """Return the image that counts where no script runs."""
    query = urlencode({"site": site, "page": page}, safe="/", quote_via=quote)
    image = (
        f'<img src="{escape(f"{root}pixel.gif?{query}")}" alt="" '
        'width="1" height="1" referrerpolicy="no-referrer">'
    )
    return [
        Snippet(
            _("With the script, for browsers without JavaScript"),
            _("Put it into the body."),
            f"<noscript>{image}</noscript>",
        ),
        Snippet(
            _("Without the script"),
            _("For pages that may have images but no scripts."),
            image,
        ),
    ]


def program_snippet(root: str, site: str, names: Settings) -> Snippet:
    """Return a command that counts a view, as a program would."""
    view = json.dumps({"site": site, "page": "/about"})
    return Snippet(
        "From a program",
        "For pages that neither a script nor an image can count.",
        f"curl {shlex.quote(root + names.endpoint)} \\\n"
        f"  --user-agent 'Mozilla/5.0 Firefox/140.0' \\\n"
        f"  --data {shlex.quote(view)}",
    )


def badge_snippets(address: str, options: BadgeOptions) -> list[Snippet]:
    """Return a badge for the three languages that READMEs are written in."""
    alt = options.title or options.label or "views"
    in_markdown = MARKDOWN_MARKS.sub(r"\\\1", alt)
    return [
        Snippet(
            "Markdown",
            _("For a README.md."),
            f"![{in_markdown}]({address})",
        ),
        Snippet(
            "HTML",
            _("For a page."),
            f'<img src="{escape(address)}" alt="{escape(alt)}">',
        ),
        Snippet(
            "reStructuredText",
            _("For a README.rst."),
            f".. image:: {address}\n   :alt: {alt}",
        ),
    ]


def badge_address(
    root: str, site: str, page: str, given: Mapping[str, str], **more: str
) -> str:
    """Return the address of a badge, with the options that differ from the defaults."""
    query = urlencode(changed_options(given) | more, quote_via=quote)
    address = f"{root}badge/{site}{quote(page)}.svg"
    return f"{address}?{query}" if query else address


def changed_options(given: Mapping[str, str]) -> dict[str, str]:
    """Return the options of a badge that differ from the defaults."""
    return {
        name: given[name]
        for name in PARAMETERS
        if name in given and given[name] != default_text(name)
    }


def default_text(name: str) -> str:
    """Return the default of a parameter of badges, as an address writes it."""
    default = PARAMETERS[name].default
    if isinstance(default, bool):
        return "yes" if default else "no"
    return str(default)
