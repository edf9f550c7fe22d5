"""The words of the report for values: languages, countries, and sources of views."""

from functools import cache
from importlib.resources import files

from iso639 import Lang
from iso639.exceptions import DeprecatedLanguageValue, InvalidLanguageValue

OUR_NAMES = {
    "(direct)": "direct",
    "(internal)": "from the site itself",
    "(unknown)": "unknown",
    "(other)": "others, without a name",
}
"""Values that no view sends: they say why there is none, or where it counts."""


def label_of(kind: str, value: str) -> str:
    """Return the words for a value of a table, for example `languages` and `de`."""
    if value in OUR_NAMES:
        return OUR_NAMES[value]
    if kind == "languages":
        return language_of(value)
    if kind == "countries":
        return _countries().get(value.upper(), value)
    return value


def language_of(code: str) -> str:
    """Return the English name of a language, or the code if nobody defines it."""
    try:
        name: str = Lang(code.lower()).name
    except DeprecatedLanguageValue as error:
        name = error.name
    except InvalidLanguageValue:
        return code
    # Some names have an explanation: "Modern Greek (1453-)".
    return name.partition(" (")[0]


@cache
def _countries() -> dict[str, str]:
    """Return the English names of countries, from the database of time zones."""
    table = files("tzdata").joinpath("zoneinfo/iso3166.tab").read_text("utf-8")
    lines = [line for line in table.splitlines() if not line.startswith("#")]
    return dict(line.split("\t") for line in lines)
