"""The words for values: languages, countries (CLDR, by Babel), and sources of views."""

from collections.abc import Mapping

from babel import Locale
from babel.core import get_global

ENGLISH = Locale("en")


def marked(text: str) -> str:
    """Return a text as it is, to be translated later.

    Constants are made before any request has a language.
    """
    return text


OUR_NAMES: Mapping[str, str] = {
    "(direct)": marked("direct"),
    "(internal)": marked("from the site itself"),
    "(unknown)": marked("unknown"),
    "(other)": marked("others, without a name"),
}
"""Values that no view sends: they say why there is none, or where it counts."""


def label_of(kind: str, value: str) -> str:
    """Return the English words for a value, for example `languages` and `de`."""
    if value in OUR_NAMES:
        return OUR_NAMES[value]
    if kind == "languages":
        return language_name(value)
    if kind == "countries":
        return country(value)
    return value


def country(code: str, locale: Locale = ENGLISH) -> str:
    """Return the name of a country, or the code if nobody defines it."""
    return str(locale.territories.get(code.upper(), code))


def language_name(code: str, locale: Locale = ENGLISH) -> str:
    """Return the name of a language, or the code if nobody defines it."""
    key = code.replace("-", "_")
    # Browsers may send old codes, for example `iw` for `he`.
    key = get_global("language_aliases").get(key, key)
    return str(locale.languages.get(key, code))
