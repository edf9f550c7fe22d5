"""Countries: by a file in MaxMind's format, and by the names of time zones."""

import logging
from collections.abc import Iterator, Mapping
from importlib.resources import files
from itertools import islice
from pathlib import Path
from threading import Lock, Thread
from time import monotonic
from typing import Any

import maxminddb
from babel.core import get_global
from cachetools import LRUCache

from page_tracker.tracking.visitor import country_of, hash_of

SECONDS_BETWEEN_CHECKS = 10
"""How often it is checked whether the file has changed."""

NETWORKS_TRIED = 1_000
"""So many networks of a new file are read: one of them must have a country."""

ADDRESSES_REMEMBERED = 4_096

DAMAGES = (
    *(maxminddb.InvalidDatabaseError, ArithmeticError, AttributeError, LookupError),
    *(MemoryError, RecursionError, TypeError, ValueError),
)
"""Errors that the library raises for a damaged file."""

logger = logging.getLogger(__name__)


class CountryFileError(ValueError):
    """A file does not tell countries; the message is one line for people."""


class CountryFile:
    """The countries of addresses, by a file as it was when it was last valid.

    A thread reads a changed file again, so no view waits for it. The file is read into
    memory, because another program may write over it at any time.
    """

    def __init__(self, path: Path) -> None:
        """Read a file. Raises CountryFileError."""
        self.path = path
        self._mark = _mark_of(path)
        self._reader = _read(path)
        self._problem = ""
        self._check_after = monotonic() + SECONDS_BETWEEN_CHECKS
        self._checking = Lock()
        self._found = LRUCache[int, str](ADDRESSES_REMEMBERED)

    def country_of(self, address: str) -> str:
        """Return the country of an address: two letters, or an empty text."""
        if monotonic() >= self._check_after:
            self._start_check()
        # An address that was looked up is remembered by a hash.
        found, place = self._found, hash_of(address)
        country = found.get(place)
        if country is None:
            country = found[place] = self._look_up(address)
        return country

    def _look_up(self, address: str) -> str:
        try:
            return _country_in(self._reader.get(address))
        except DAMAGES as error:
            self._complain(CountryFileError(f"is damaged: {error}"))
            return ""

    def _start_check(self) -> None:
        # pylint: disable-next=consider-using-with  # the thread releases it
        if self._checking.acquire(blocking=False):
            self._check_after = monotonic() + SECONDS_BETWEEN_CHECKS
            try:
                Thread(target=self._check, name="countries", daemon=True).start()
            except RuntimeError:  # the system has no thread left; it tries again
                self._checking.release()

    def _check(self) -> None:
        try:
            if (mark := _mark_of(self.path)) != self._mark:
                self._reader = _read(self.path)
                self._mark, self._problem = mark, ""
                self._found = LRUCache(ADDRESSES_REMEMBERED)
                logger.info("The countries are now those of %s", self.path)
        except CountryFileError as error:
            self._complain(error)
        finally:
            self._checking.release()

    def _complain(self, error: CountryFileError) -> None:
        """Log a problem once."""
        if str(error) != self._problem:
            self._problem = str(error)
            logger.error("Ignored until it is valid: %s: %s", self.path, error)


def _mark_of(path: Path) -> tuple[int, ...]:
    """Return what changes with a file. Raises CountryFileError."""
    try:
        status = path.stat()
    except OSError as error:
        raise CountryFileError(f"{error.strerror}; {HINT}") from error
    return status.st_mtime_ns, status.st_size, status.st_ino


HINT = "name a readable MaxMind DB file of countries, for example GeoLite2-Country.mmdb"


def _read(path: Path) -> maxminddb.Reader:
    """Read a file into memory. Raises CountryFileError."""
    try:
        reader = maxminddb.open_database(path, maxminddb.MODE_MEMORY)
        if any(_country_in(record) for _, record in islice(reader, NETWORKS_TRIED)):
            return reader
    except OSError as error:
        raise CountryFileError(f"{error.strerror}; {HINT}") from error
    except DAMAGES as error:
        raise CountryFileError(f"is no valid MaxMind DB file; {HINT}") from error
    raise CountryFileError(f"has no countries; {HINT}")


def _country_in(record: Any) -> str:
    """Return the country in a record, as MaxMind, DB-IP or IPinfo writes it."""
    country = record.get("country") if isinstance(record, Mapping) else None
    if isinstance(country, Mapping):
        country = country.get("iso_code")
    elif "country_code" in (record or ()):
        country = record["country_code"]
    return country_of(country) if isinstance(country, str) else ""


def _countries_of_zones() -> Iterator[tuple[str, str]]:
    """Give the time zones that belong to one country, with its code.

    The table of the tz database has the zones of today. Browsers also name older ones,
    for example Asia/Calcutta: Babel has them from CLDR. Zones without a place, for
    example UTC and EST, have no country.
    """
    countries: Mapping[str, str] = get_global("zone_territories")
    aliases: Mapping[str, str] = get_global("zone_aliases")
    for name in (*countries, *aliases):
        code = countries.get(aliases.get(name, name), "")
        if "/" in name and country_of(code):
            yield name, code
    table = files("tzdata.zoneinfo").joinpath("zone.tab").read_text("utf-8")
    for line in table.splitlines():
        if not line.startswith("#"):
            code, _, name = line.split("\t")[:3]
            yield name, code


COUNTRIES_OF_ZONES: Mapping[str, str] = dict(_countries_of_zones())
