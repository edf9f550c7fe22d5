"""The drawing of badges: widths and colours."""

from urllib.parse import urlencode

import pytest
from flask.testing import FlaskClient
from hypothesis import given
from hypothesis import strategies as st

from page_tracker.showing.badge_drawing import OUTLINES, ink_on, text_width
from page_tracker.showing.badge_options import COLORS, color_value
from support.badge_images import SVG, drawn

ANY_TEXT = st.text(st.characters(codec="utf-8"), max_size=80)


@pytest.mark.usefixtures("numbers_of")
@given(label=ANY_TEXT, title=ANY_TEXT, style=st.sampled_from(sorted(OUTLINES)))
def test_should_fit_the_image_when_the_label_is_arbitrary(
    http_client: FlaskClient, label: str, title: str, style: str
) -> None:
    # When
    query = urlencode({"label": label, "title": title, "style": style})
    answer = http_client.get(f"/badge/example.org/a.svg?{query}")

    # Then
    assert answer.status_code in (200, 400)
    image = drawn(answer)
    width = int(image.get("width", "0"))
    lengths = [int(text.get("textLength", "")) for text in image.iter(f"{SVG}text")]
    assert sum(lengths) < width


def test_should_estimate_the_width_when_characters_are_wide_or_joined() -> None:
    assert text_width("访问", 10) == 20
    assert text_width("👨\u200d👩\u200d👧", 10) == text_width("👨", 10)
    assert text_width("e\u0301", 10) == text_width("é", 10) == text_width("e", 10)
    assert text_width("iii", 10) < text_width("WWW", 10) / 3


@pytest.mark.parametrize("color", [*COLORS, "000", "fff", "777", "808080", "0f0c"])
def test_should_choose_readable_text_when_the_color_is_any(color: str) -> None:
    # When
    paper = color_value(color)
    contrast = _contrast(paper, ink_on(paper))

    # Then
    assert contrast >= 4.5


def _contrast(one: str, other: str) -> float:
    """Return the ratio of https://www.w3.org/TR/WCAG22/#dfn-contrast-ratio."""
    low, high = sorted((_luminance(one), _luminance(other)))
    return (high + 0.05) / (low + 0.05)


def _luminance(color: str) -> float:
    digits = color.removeprefix("#")
    if len(digits) < 6:
        digits = "".join(2 * digit for digit in digits)
    channels = [int(digits[place : place + 2], 16) / 255 for place in (0, 2, 4)]
    linear = [
        c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels
    ]
    return sum(w * c for w, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))
