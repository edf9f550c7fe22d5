"""A period of a site in a few lines, for feed readers, mail and chats."""

import re
from typing import NamedTuple

from jinja2 import Environment, PackageLoader, select_autoescape

from page_tracker.numbers.models import Overview
from page_tracker.showing.formats import days, number
from page_tracker.showing.language import locale, ngettext, translate

TEMPLATES = Environment(
    loader=PackageLoader("page_tracker"),
    autoescape=select_autoescape(),
    trim_blocks=True,
    lstrip_blocks=True,
)

UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufffe\uffff]")
"""Characters that XML forbids or that break a line."""

LOOKALIKES = str.maketrans("<>`*~|", "‹›ˋ∗∼∣")
"""Characters that chats take for markup, and others that look like them."""

JOINTS = re.compile(r"[@_:\]]|\.(?=\w)|(?<!\w)(?=_)")
"""Places where an invisible character ends a call, a link, a host or markup."""


class Digest(NamedTuple):
    """A period of a site: a title, and the same numbers as HTML and as text."""

    title: str
    html: str
    text: str


def digest_of(numbers: Overview, address: str = "") -> Digest:
    """Return a period in the current language; `address` is that of its dashboard."""
    views = int(numbers.figures.views.now or 0)
    title = ngettext(
        "%(site)s, %(days)s: %(views)s view",
        "%(site)s, %(days)s: %(views)s views",
        views,
        site=numbers.site,
        days=days(numbers.span.first_day, numbers.span.last_day, locale()),
        views=number(views, locale()),
    )
    values = {"numbers": numbers, "address": address, "plain": plain}
    return Digest(
        title,
        TEMPLATES.get_template("digest.html").render(values),
        _tidy(TEMPLATES.get_template("digest.txt").render(values)),
    )


def _tidy(text: str) -> str:
    """Return a text without blanks at the ends of lines."""
    return "\n".join(map(str.rstrip, text.splitlines())).strip()


def plain(name: str) -> str:
    """Return a name out of views so that no chat or mail takes it for more than a name.

    It stays on its line, calls nobody (`@everyone`, `<!channel>`), and is no link.
    """
    name = UNPRINTABLE.sub("\N{REPLACEMENT CHARACTER}", name)
    return JOINTS.sub("\\g<0>\N{WORD JOINER}", name.translate(LOOKALIKES))


translate(TEMPLATES)
