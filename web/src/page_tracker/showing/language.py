"""The language of a page: English or Simplified Chinese, as its visitor chose.

Templates and modules write English texts as `_("…")`; `make translations` collects
them into the catalogues of `translations/`, which are read at the start.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from gettext import NullTranslations
from importlib.resources import files
from io import BytesIO

from babel import Locale
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.support import Translations
from flask import Flask, Response, g, has_request_context, request
from jinja2 import Environment

from page_tracker.numbers.labels import marked
from page_tracker.showing import formats

LANGUAGES = {"en": "English", "zh": "简体中文"}
"""The languages of pages, each by its own name. The first is the default."""

TAGS = {"en": "en", "zh": "zh-Hans"}
"""The languages as HTML names them."""

__all__ = ("gettext", "marked", "ngettext")

THEMES = ("auto", "light", "dark")


_spoken: ContextVar[str] = ContextVar("language")


def use_languages(app: Flask) -> None:
    """Give pages the texts, numbers and names in the language of the visitor."""
    translate(app.jinja_env)
    app.context_processor(
        lambda: {
            "language": language(),
            "languages": LANGUAGES,
            "lang": TAGS[language()],
            "theme": theme(),
        }
    )
    app.after_request(_say_what_it_depends_on)


def translate(templates: Environment) -> None:
    """Give templates the texts, numbers and names in the current language."""
    templates.add_extension("jinja2.ext.i18n")
    templates.policies["ext.i18n.trimmed"] = True
    templates.install_gettext_callables(  # type: ignore[attr-defined]
        lambda text: _translations().gettext(text),
        lambda one, many, n: _translations().ngettext(one, many, n),
        newstyle=True,
        pgettext=lambda context, text: _translations().pgettext(context, text),
    )
    templates.filters.update(formats.filters(locale, gettext))


def language() -> str:
    """Return the current language: as it was set, chosen or accepted, or English."""
    if found := _spoken.get(""):
        return found
    if not has_request_context():
        return "en"
    if "language" not in g:
        chosen = request.cookies.get("language", "")
        g.language = chosen if chosen in LANGUAGES else _accepted()
    return str(g.language)


@contextmanager
def speaking(code: str) -> Iterator[None]:
    """Set the language, whatever the visitor chose; an empty text changes nothing."""
    token = _spoken.set(code)
    try:
        yield
    finally:
        _spoken.reset(token)


def theme() -> str:
    """Return the theme that the visitor chose, or `auto`."""
    chosen = request.cookies.get("theme", "")
    if "embed" in request.args:  # a frame has no cookies
        chosen = request.args.get("theme", "")
    return chosen if chosen in THEMES else "auto"


def locale() -> Locale:
    """Return the current locale: it formats numbers, days and names."""
    return _locale_of(language())


@cache
def _locale_of(code: str) -> Locale:
    return Locale(code)


def gettext(text: str, /, **values: object) -> str:
    """Return a text in the current language, with its values filled in."""
    translated = _translations().gettext(text)
    return translated % values if values else translated


def ngettext(one: str, many: str, n: int, /, **values: object) -> str:
    """Return the text for a number of things; `%(num)s` is the number."""
    return _translations().ngettext(one, many, n) % {"num": n, **values}


def _accepted() -> str:
    """Return the first of the languages that the browser accepts, by its order."""
    for tag, _ in request.accept_languages:
        if (code := tag.lower().partition("-")[0]) in LANGUAGES:
            return code
    return "en"


def _translations() -> NullTranslations:
    return read_catalogue(language())


@cache
def read_catalogue(code: str) -> NullTranslations:
    """Return the translations into a language; those of English change nothing."""
    path = files("page_tracker") / "translations" / code / "messages.po"
    if not path.is_file():
        return NullTranslations()
    compiled = BytesIO()
    with path.open("rb") as source:
        write_mo(compiled, read_po(source, locale=code))
    compiled.seek(0)
    return Translations(compiled)


def _say_what_it_depends_on(answer: Response) -> Response:
    """Tell caches that another visitor may get the page in another language."""
    if "language" in g:
        answer.vary.update(("Accept-Language", "Cookie"))
    return answer
