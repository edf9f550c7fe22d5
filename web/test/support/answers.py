"""Checks that hold for every answer, and the reason in it."""

from html.parser import HTMLParser
from xml.etree import ElementTree

from werkzeug.test import TestResponse

ELEMENTS_OF_BADGES = {
    f"{{http://www.w3.org/2000/svg}}{name}"
    for name in "svg title defs clipPath linearGradient stop g rect text".split()
}


def check(answer: TestResponse) -> None:
    """Check that an answer is safe: no fault, no injected header, no foreign script."""
    assert answer.status_code < 500, answer.text
    for _, value in answer.headers:
        assert value.isascii() and value.isprintable()
    assert "X-Injected" not in answer.headers
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert b"Traceback" not in answer.data
    if answer.mimetype == "text/html":
        assert Scripts.of(answer.text) <= {("script", "/static/embed.js")}
    if answer.mimetype == "image/svg+xml":
        elements = ElementTree.fromstring(answer.data).iter()
        assert {element.tag for element in elements} <= ELEMENTS_OF_BADGES
    if answer.status_code >= 400:
        assert reason_of(answer).strip()


def reason_of(answer: TestResponse) -> str:
    """Return the reason for a refusal."""
    if str(answer.mimetype).startswith("image/"):
        return answer.headers["X-Page-Tracker"]
    if answer.mimetype != "application/json":
        return answer.text
    sent = answer.get_json()
    if "isError" in sent:
        return answer.headers["X-Page-Tracker"]
    if "errors" in sent:
        return " ".join(error["reason"] for error in sent["errors"])
    return str(sent["detail"])


class Scripts(HTMLParser):
    """Finds the scripts in a page, and the attributes that run one."""

    def __init__(self) -> None:
        super().__init__()
        self.found: set[tuple[str, str]] = set()

    @classmethod
    def of(cls, page: str) -> set[tuple[str, str]]:
        """Return each script with its address, and each attribute that runs one."""
        scripts = cls()
        scripts.feed(page)
        return scripts.found

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note a script."""
        if tag == "script":
            self.found.add((tag, dict(attrs).get("src") or ""))
        for name, value in attrs:
            if name.startswith("on") or (value and value.startswith("javascript:")):
                self.found.add((name, value or ""))
