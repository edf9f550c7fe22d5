"""Draws badges: the places, widths and colours of their texts.

The four styles have the usual outlines of badges in READMEs; the drawing is ours.
"""

import unicodedata
from functools import lru_cache
from math import ceil
from typing import NamedTuple

from page_tracker.http.templates import TEMPLATES
from page_tracker.showing.badge_options import BadgeOptions, Style

HUNDREDTHS_OF_AN_EM = {
    character: width
    for width, characters in {
        28: "'ijl",
        29: "IJ",
        32: " ,.",
        34: "/:;\\|",
        35: "f",
        36: "-",
        39: "()[]t",
        40: "!",
        41: "r",
        46: '"',
        50: "*_`",
        52: "sz",
        53: "?",
        55: "c",
        57: "FLk",
        60: "Pvxy",
        61: "TYaeo",
        63: "ESbdghnpqu",
        64: "$0123456789{}",
        68: "AKRVX",
        69: "BCZ",
        74: "HNU",
        78: "DGOQ&",
        83: "w#+<=>^~",
        86: "M",
        96: "%m",
        100: "W@",
    }.items()
    for character in characters
}
"""The advance of each character in DejaVu Sans, which is about as wide as Verdana.
Other fonts differ by some pixels; `textLength` makes the text fit."""

BOLD = 1.12
"""Bold letters are this much wider, measured in DejaVu Sans Bold."""

ZERO_WIDTH_JOINER = "\u200d"
DARK_INK, LIGHT_INK = "#000", "#fff"


class Outline(NamedTuple):
    """The measures of a style, in pixels."""

    height: int = 20
    radius: int = 3
    padding: int = 6
    font_size: int = 11
    baseline: int = 14
    spacing: float = 0
    is_loud: bool = False
    """Capital letters, the number in bold."""
    shading: tuple[tuple[str, str, float], ...] = ()
    """Stops from top to bottom: offset, colour, opacity."""


OUTLINES: dict[Style, Outline] = {
    "flat": Outline(shading=(("0", "#fff", 0.1), ("1", "#000", 0.1))),
    "flat-square": Outline(radius=0),
    "plastic": Outline(
        radius=5,
        shading=(
            ("0", "#fff", 0.55),
            (".08", "#fff", 0.3),
            (".5", "#fff", 0.06),
            (".5", "#000", 0.06),
            ("1", "#000", 0.3),
        ),
    ),
    "for-the-badge": Outline(
        height=28,
        radius=2,
        padding=11,
        font_size=10,
        baseline=18,
        spacing=1,
        is_loud=True,
    ),
}


class Part(NamedTuple):
    """The label or the message, with its place in pixels and its colours."""

    text: str
    x: int
    width: int
    text_width: int
    color: str
    ink: str
    is_bold: bool

    @property
    def middle(self) -> float:
        """Return the middle of the text."""
        return self.x + self.width / 2


def draw(options: BadgeOptions, message: str, title: str) -> str:
    """Return a badge as SVG.

    A screen reader says the `title`. A browser shows it when the pointer rests.
    """
    outline = OUTLINES[options.style]
    parts = []
    x = 0
    for text, color, is_bold in (
        (options.label, options.label_color, False),
        (message, options.color, outline.is_loud),
    ):
        if text:
            part = _part(outline, text, color, x, is_bold)
            parts.append(part)
            x += part.width
    return TEMPLATES.get_template("badge.svg").render(
        outline=outline, parts=parts, width=x, title=title
    )


def _part(outline: Outline, text: str, color: str, x: int, is_bold: bool) -> Part:
    text = text.upper() if outline.is_loud else text
    length = text_width(text, outline.font_size) * (BOLD if is_bold else 1)
    text_length = ceil(length + outline.spacing * (len(text) - 1))
    return Part(
        text=text,
        x=x,
        width=text_length + 2 * outline.padding,
        text_width=text_length,
        color=color,
        ink=ink_on(color),
        is_bold=is_bold,
    )


def text_width(text: str, font_size: int) -> float:
    """Return the approximate width of a text, in pixels."""
    before = ""
    hundredths = 0
    for character in text:
        if before != ZERO_WIDTH_JOINER:  # joined characters are drawn as one
            hundredths += _hundredths(character)
        before = character
    return hundredths * font_size / 100


def _hundredths(character: str) -> int:
    if character in HUNDREDTHS_OF_AN_EM:
        return HUNDREDTHS_OF_AN_EM[character]
    if unicodedata.category(character) in ("Mn", "Me", "Cf"):
        return 0
    if unicodedata.east_asian_width(character) in ("W", "F"):
        return 125 if unicodedata.category(character) == "So" else 100  # an emoji
    if unicodedata.bidirectional(character) in ("R", "AL"):
        return 52  # Hebrew and Arabic are narrow
    base = unicodedata.normalize("NFD", character)[0]
    return HUNDREDTHS_OF_AN_EM.get(base, 68)


@lru_cache(maxsize=256)
def ink_on(color: str) -> str:
    """Return the ink, dark or light, that has more contrast on a colour.

    It compares by https://www.w3.org/TR/WCAG22/#dfn-relative-luminance. Opacity is
    ignored: the background of a badge is unknown.
    """
    digits = color.removeprefix("#")
    if len(digits) < 6:
        digits = "".join(digit * 2 for digit in digits)
    red, green, blue = (
        _linear(int(digits[place : place + 2], 16) / 255) for place in (0, 2, 4)
    )
    luminance = 0.2126 * red + 0.7152 * green + 0.0722 * blue
    is_bright = luminance > 0.179  # at 0.179 both inks have a contrast of 4.6
    return DARK_INK if is_bright else LIGHT_INK


def _linear(channel: float) -> float:
    if channel <= 0.04045:
        return channel / 12.92
    return float(((channel + 0.055) / 1.055) ** 2.4)
