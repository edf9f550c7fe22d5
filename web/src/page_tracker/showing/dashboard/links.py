"""Addresses of the dashboard, with what the reader chose so far."""

from collections.abc import Mapping
from contextlib import suppress
from types import MappingProxyType
from urllib.parse import quote, urlencode

from page_tracker.numbers.query import ISOLATES, PAIRS, Query, QueryError

ONLY_IN_CHART: dict[str, None] = {"metric": None, "scale": None, "by": None}
ONLY_IN_LISTS: dict[str, None] = {"q": None, "start": None, "limit": None}

NOTHING: Mapping[str, str] = MappingProxyType({})


class Links:
    """The addresses of the pages of one site."""

    def __init__(
        self, base: str, site: str, query: Query, kept: Mapping[str, str] = NOTHING
    ) -> None:
        """Take the path below which a proxy serves us, and what is shown now.

        All addresses have the `kept` parameters too.
        """
        self._kept = kept
        self.base = base
        self.root = f"{base}/dashboard/{quote(site)}"
        self.query = query

    def site(self, **changes: str | None) -> str:
        """Return the address of the site's page; None removes a parameter."""
        return self._address(self.root, **ONLY_IN_LISTS | changes)

    def list(self, name: str, **changes: str | None) -> str:
        """Return the address of a whole list, or of its data: `pages.csv`."""
        return self._address(f"{self.root}/{name}", **ONLY_IN_CHART | changes)

    def data(self, form: str) -> str:
        """Return the address of the site's page as `json` or `csv`."""
        return self.query.address(f"{self.root}.{form}", **ONLY_IN_LISTS)

    def isolate(self, parameter: str, value: str) -> str:
        """Return the address that shows one value alone, or all if it does already.

        It is empty for a value that no address can have. A value stays that makes a
        pair with the new one.
        """
        isolated = self.query.isolated
        if isolated.get(parameter) == value:
            return self.site(**{parameter: None})
        changes: dict[str, str | None] = {
            other: None for other in ISOLATES if {parameter, other} not in PAIRS
        }
        if parameter == "page" and len(isolated) > 1:
            changes |= {"event": None}
        alone: dict[str, str | None] = {other: None for other in ISOLATES}
        for change in (changes, alone):  # some sources are no part of a pair
            with suppress(QueryError):
                return self.site(**change | {parameter: value})
        return ""

    def fields(self, *without: str) -> dict[str, str]:
        """Return the parameters that a form sends along."""
        return {
            name: value
            for name, value in {**self.query.parameters(), **self._kept}.items()
            if name not in without
        }

    def _address(self, path: str, **changes: str | None) -> str:
        address = self.query.address(path, **changes)
        if not self._kept:
            return address
        return f"{address}{'&' if '?' in address else '?'}{urlencode(self._kept)}"
