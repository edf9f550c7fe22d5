"""Every text of a page has a translation, and no page has one that cannot get one."""

import re
import tomllib
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest
from babel.messages.catalog import Message
from babel.messages.extract import DEFAULT_KEYWORDS, extract_from_dir
from babel.messages.pofile import read_po

import page_tracker

PACKAGE = Path(page_tracker.__file__).parent
PROJECT = Path(__file__).parents[2] / "pyproject.toml"
CATALOGUES = sorted((PACKAGE / "translations").glob("*/messages.po"))
TEMPLATES = sorted((PACKAGE / "templates").rglob("*.html"))

# The counter page's sentence is a contract. Errors come from all rooms, in English, and
# the page of the API is drawn by a library.
ENGLISH = ("counter.html", "error.html", "api.html")
NAMES = re.compile("Page Tracker|CSV|JSON")

PLACEHOLDER = re.compile(r"%\(\w+\)[sd]|%%")
TRANSLATED = re.compile(r"\{%-?\s*trans\b.*?endtrans\s*-?%\}", re.DOTALL)
LANGUAGE = re.compile(r"[^\W\d_]{2}")
ATTRIBUTE = re.compile(r'[a-z-]+="')
LITERAL = re.compile(r"""(?<!\w\()"[A-Z][a-z]* [a-z][^"{}<>=]*"(?=[ ,)])""")
CLASS = re.compile(r"\{% block width %\}.*?\{% endblock %\}")
JINJA = re.compile(r"\{#.*?#\}|\{%.*?%\}|\{\{.*?\}\}", re.DOTALL)


def texts_of_pages() -> Iterator[tuple[str | tuple[str, ...], str | None]]:
    """Give each text that `make translations` collects, and which meaning it has.

    Texts of numbers are tuples.
    """
    project = tomllib.loads(PROJECT.read_text(encoding="utf-8"))
    mappings = project["tool"]["babel"]["mappings"]
    for _, _, text, _, meaning in extract_from_dir(
        PACKAGE,
        method_map=[(each["pattern"], each["method"]) for each in mappings],
        options_map={each["pattern"]: each for each in mappings},
        keywords={**DEFAULT_KEYWORDS, "marked": None},
    ):
        yield text, meaning


def forms(of: Message) -> tuple[list[str], list[str]]:
    """Return the English texts of a message, and its translations."""
    return (
        [of.id] if isinstance(of.id, str) else list(of.id),
        [of.string] if isinstance(of.string, str) else list(of.string or ()),
    )


class BareTexts(HTMLParser):
    """Collects the texts of a page: what stands in elements, and in attributes."""

    SHOWN = ("alt", "aria-label", "placeholder", "title")
    NOT_LANGUAGE = ("code", "kbd", "pre", "script", "style")

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []
        self._within = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in self.NOT_LANGUAGE:
            self._within = tag
        self.texts += [value for name, value in attrs if name in self.SHOWN and value]

    def handle_endtag(self, tag: str) -> None:
        if tag == self._within:
            self._within = ""

    def handle_data(self, data: str) -> None:
        if not self._within:
            self.texts.append(data.strip())


@pytest.mark.parametrize("path", CATALOGUES, ids=lambda path: path.parent.name)
def test_should_have_every_text_in_every_language(path: Path) -> None:
    # Given
    with path.open("rb") as file:
        catalogue = read_po(file, locale=path.parent.name)

    # When
    missing = [
        text
        for text, meaning in texts_of_pages()
        if not ((found := catalogue.get(text, meaning)) and all(forms(found)[1]))
    ]

    # Then
    assert not missing, "run `make translations`, and translate what is empty"


@pytest.mark.parametrize("path", CATALOGUES, ids=lambda path: path.parent.name)
def test_should_fill_in_the_same_values_in_every_language(path: Path) -> None:
    # Given
    with path.open("rb") as file:
        catalogue = read_po(file, locale=path.parent.name)
        messages = [message for message in catalogue if message.id]

    # When
    different = [
        (english[-1], translated)
        for english, translations in map(forms, messages)
        for translated in translations
        if translated
        and sorted(PLACEHOLDER.findall(english[-1]))
        != sorted(PLACEHOLDER.findall(translated))
    ]

    # Then
    assert messages and not different


@pytest.mark.parametrize(
    "path",
    [path for path in TEMPLATES if path.name not in ENGLISH],
    ids=lambda path: str(path.relative_to(PACKAGE / "templates")),
)
def test_should_have_no_text_that_is_not_translated(path: Path) -> None:
    # Given
    source = path.read_text(encoding="utf-8")
    page = BareTexts()

    # When
    page.feed(JINJA.sub("", CLASS.sub("", TRANSLATED.sub("", source))))

    # Then
    bare = [
        text
        for text in page.texts
        if LANGUAGE.search(NAMES.sub("", text)) and not ATTRIBUTE.match(text)
    ]
    assert not bare
    assert not LITERAL.findall(source)
