"""Numbers, days and names for people, in the language of a page (CLDR, by Babel)."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from functools import lru_cache

from babel import Locale, dates, numbers

from page_tracker.numbers.labels import OUR_NAMES, country, language_name
from page_tracker.showing.words import WORDS

MOST_TEXTS = 4_096
"""Texts of each kind that are remembered: Babel takes 50 µs for a number."""

NONE = "–"
"""Stands for a number that nobody knows."""


def filters(
    locale: Callable[[], Locale], gettext: Callable[..., str]
) -> dict[str, Callable[..., str]]:
    """Return the filters of templates.

    Args:
        locale: returns the locale of the request.
        gettext: returns a text in the language of the request.
    """

    def local(function: Callable[..., str]) -> Callable[..., str]:
        remembered = lru_cache(MOST_TEXTS)(function)
        return lambda *values: remembered(*values, locale())

    def label(name: str, table: str) -> str:
        """Return the words for a name of a table, for example `de` of `countries`."""
        if name in OUR_NAMES:
            return gettext(OUR_NAMES[name])
        if table == "countries":
            return country(name, locale())
        if table == "languages":
            return language_name(name, locale())
        if table in WORDS and name in WORDS[table]:
            return gettext(WORDS[table][name])
        return host(name) if table == "sources" else name

    shared = (
        *(number, compact, percent, change, day, days, month, hour, weekday),
        *(moment, moment_day),
    )
    found = {each.__name__: local(each) for each in shared}
    return found | {"label": label, "host": host}


def host(name: str) -> str:
    """Return a host as people write it: `bücher.example` for `xn--bcher-kva.example`.

    A path may follow it.
    """
    ascii_host, slash, path = name.partition("/")
    if "xn--" not in ascii_host:
        return name
    try:
        return f"{ascii_host.encode().decode('idna')}{slash}{path}"
    except UnicodeError:
        return name


def number(value: float | None, locale: Locale) -> str:
    """Return `1,234`, or `1.7` for what is no whole number."""
    if value is None:
        return NONE
    return numbers.format_decimal(value, "#,##0.#", locale)


def compact(value: float | None, locale: Locale) -> str:
    """Return `12K` for 12,345: short, for axes and small tiles."""
    if value is None:
        return NONE
    return numbers.format_compact_decimal(
        value, locale=locale, fraction_digits=1 if 1_000 <= abs(value) < 10_000 else 0
    )


def percent(value: float | None, locale: Locale) -> str:
    """Return `38%` for 0.38, and `0.4%` for what would round to none."""
    if value is None:
        return NONE
    shape = "#,##0.#%" if 0 < abs(value) < 0.01 else "#,##0%"
    return numbers.format_percent(value, shape, locale)


def change(value: float | None, locale: Locale) -> str:
    """Return `▲ 38%`, `▼ 4%` or `±0%`; an empty text if nothing is known."""
    if value is None:
        return ""
    shown = percent(abs(value), locale)
    if round(value, 2) == 0:
        return f"±{numbers.format_percent(0, locale=locale)}"
    return f"{'▲' if value > 0 else '▼'} {shown}"


def day(value: date | str, locale: Locale) -> str:
    """Return `Nov 26`."""
    return dates.format_skeleton("MMMd", _moment(value), locale=locale)


def day_long(value: date | str, locale: Locale) -> str:
    """Return `Thu, Nov 26, 2026`."""
    return dates.format_skeleton("yMMMEd", _moment(value), locale=locale)


def days(first: date | str, last: date | str, locale: Locale) -> str:
    """Return `Nov 1 – 26, 2026`."""
    return dates.format_interval(_moment(first), _moment(last), "yMMMd", locale=locale)


def month(value: date | str, locale: Locale) -> str:
    """Return `Nov 2026`."""
    return dates.format_skeleton("yMMM", _moment(value), locale=locale)


def hour(value: datetime | str | int, _: Locale) -> str:
    """Return `14:00` for the number of an hour, or for `2026-11-26T14:00`."""
    found = value if isinstance(value, int) else _moment(value).hour
    return f"{found:02}:00"


def weekday(value: int, locale: Locale) -> str:
    """Return `Mon` for 1."""
    return str(dates.get_day_names("abbreviated", locale=locale)[value - 1])


def _moment(value: date | str) -> datetime:
    """Return a day, or an hour of it, from its text or date."""
    if isinstance(value, str):
        return datetime.fromisoformat(value)
    return value if isinstance(value, datetime) else datetime(*value.timetuple()[:3])


def moment(seconds: int, locale: Locale) -> str:
    """Return `Nov 26, 2026, 2:00 PM`, in UTC, for seconds since 1970."""
    text: str = dates.format_datetime(
        datetime.fromtimestamp(seconds, UTC), "medium", locale=locale
    )
    return text


def moment_day(seconds: int, locale: Locale) -> str:
    """Return the day (UTC) of seconds since 1970, as `day_long` does."""
    return day_long(datetime.fromtimestamp(seconds, UTC).date(), locale)
