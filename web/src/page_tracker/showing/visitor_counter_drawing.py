"""Draws GoatCounter's visitor counter as a page for a frame, as SVG and as PNG.

Owners give it a look by `style=`: with the names `div`, `#gcvc`, `#gcvc-border`,
`#gcvc-for`, `#gcvc-views` and `#gcvc-by`, as GoatCounter's has them.
"""

from functools import lru_cache
from io import BytesIO
from typing import NamedTuple

from markupsafe import Markup

from page_tracker.http.templates import TEMPLATES

WIDTH = 200
HEIGHT, HEIGHT_WITHOUT_BRAND = 80, 60
"""Pixels."""

KINDS = {
    "html": "text/html; charset=utf-8",
    "svg": "image/svg+xml; charset=utf-8",
    "png": "image/png",
}
"""The media types of the forms."""

OF_PAGE, OF_SITE = "Views for this page", "Views for this site"
BRAND = "stats by Page Tracker"

INK, QUIET, PAPER, LINE = "#16181c", "#575b63", "#ffffff", "#b4b4b4"

LONGEST_STYLE = 4_096
"""Characters."""


class Look(NamedTuple):
    """The style of the owner, the words above the number, and whether our name stands
    below it."""

    style: str
    above: str
    has_brand: bool

    @property
    def height(self) -> int:
        """Return the height in pixels."""
        return HEIGHT if self.has_brand else HEIGHT_WITHOUT_BRAND


def drawn(form: str, number: str, look: Look) -> bytes:
    """Return the counter in a form: html, svg or png."""
    if form == "png":
        return _png(number, look.above, look.height)
    text = TEMPLATES.get_template(f"visitor_counter.{form}").render(
        number=number,
        width=WIDTH,
        height=look.height,
        above=look.above,
        brand=BRAND if look.has_brand else "",
        style=_style(form, look.style),
        colors={"ink": INK, "quiet": QUIET, "paper": PAPER, "line": LINE},
    )
    return text.encode(errors="replace")


def _style(form: str, style: str) -> str:
    """Return a style that cannot end its element."""
    visible = "".join(
        character if character.isprintable() else " "
        for character in style[:LONGEST_STYLE]
    )
    if form == "svg":
        return visible  # XML escapes it as any text
    # HTML does not. In CSS, a backslash and the number of a character stand for it.
    return Markup(visible.replace("<", r"\3c "))  # nosec B704  # no tag can follow


@lru_cache(maxsize=128)
def _png(number: str, above: str, height: int) -> bytes:
    # It takes memory, and few ask for a PNG.
    from PIL import Image, ImageDraw, ImageFont  # pylint: disable=C0415

    size = (WIDTH, height)
    image = Image.new("RGB", size, PAPER)
    drawing = ImageDraw.Draw(image)
    edge = (0, 0, size[0] - 1, size[1] - 1)
    drawing.rounded_rectangle(edge, 4, PAPER, LINE)

    def write(text: str, middle: float, font_size: int, color: str) -> None:
        font = ImageFont.load_default(font_size)
        drawing.text((WIDTH / 2, middle), text, color, font, anchor="mm")

    write(above, 16, 13, QUIET)
    write(number.replace("\u202f", " "), 40, 24, INK)
    if height == HEIGHT:
        write(BRAND, 65, 11, QUIET)
    output = BytesIO()
    image.save(output, "PNG", optimize=True)
    return output.getvalue()
