"""The image of a badge, as people see it and screen readers read it."""

from xml.etree import ElementTree

from werkzeug.test import TestResponse

SVG = "{http://www.w3.org/2000/svg}"


def drawn(answer: TestResponse) -> ElementTree.Element:
    """Return the image in an answer."""
    assert answer.mimetype == "image/svg+xml"
    image = ElementTree.fromstring(answer.data)
    assert image.tag == f"{SVG}svg"
    return image


def texts(answer: TestResponse) -> list[str]:
    """Return the texts in an image, from left to right."""
    return [text.text or "" for text in drawn(answer).iter(f"{SVG}text")]


def read_out(answer: TestResponse) -> str:
    """Return the text that a screen reader reads for an image."""
    image = drawn(answer)
    title = image.findtext(f"{SVG}title")
    assert image.get("role") == "img"
    assert image.get("aria-label") == title
    return title or ""
