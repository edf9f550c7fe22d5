"""The parameters of a request for numbers, and its choice of JSON or CSV."""

import difflib
from collections.abc import Collection, Mapping
from typing import Literal

from flask import request
from werkzeug.datastructures import MIMEAccept
from werkzeug.exceptions import BadRequest
from werkzeug.http import parse_accept_header

from page_tracker.http.errors import Invalid
from page_tracker.http.incoming import (
    LONGEST_ACCEPT,
    MOST_PARAMETERS,
    read_parameters,
)
from page_tracker.numbers.query import ISOLATES, Query, read_query

PARAMETERS = frozenset(
    ("period", "from", "to", "compare", "by", "metric", "scale")
    + (*ISOLATES, "q", "start", "limit")
)
"""Those of the dashboard's addresses: each of them is one of the API too."""

LONGEST_SHOWN = 40

DataForm = Literal["json", "csv"]


def asked_parameters() -> dict[str, str]:
    """Return the parameters of the request; of a repeated one the first.

    Raises BadRequest for more than anybody needs.
    """
    if request.query_string.count(b"&") >= MOST_PARAMETERS:
        raise BadRequest(f"The limit is {MOST_PARAMETERS} parameters.")
    return read_parameters(request.query_string)


def asked_query() -> Query:
    """Return the query of the request. Raises QueryError, and Invalid in the API."""
    parameters = asked_parameters()
    refuse_unknown(parameters, PARAMETERS)
    return read_query(parameters)


def refuse_unknown(
    parameters: Mapping[str, str], known: Collection[str] = frozenset()
) -> None:
    """Raise Invalid for an unknown parameter of the API: it is a mistake of a program.

    Addresses of the dashboard may have any: links get parameters from elsewhere.
    """
    if not request.path.startswith("/api/"):
        return
    for name in parameters:
        if name not in known:
            close = difflib.get_close_matches(name[:LONGEST_SHOWN], known, n=1)
            use = f"did you mean {close[0]}?" if close else f"use {_named(known)}"
            raise Invalid(shown(name), f"is unknown; {use}")


def shown(name: str) -> str:
    """Return a name that somebody sent as an answer can repeat it."""
    return ascii(name[:LONGEST_SHOWN])[1:-1]


def asked_form() -> DataForm:
    """Return the form of the answer: by the end of the path, else by `Accept`."""
    for form in ("json", "csv"):
        if request.path.endswith(f".{form}"):
            return form
    accept = request.headers.get("Accept", "")[:LONGEST_ACCEPT]
    liked = parse_accept_header(accept, MIMEAccept)
    best = liked.best_match(("application/json", "text/csv"))
    return "csv" if best == "text/csv" else "json"


def _named(known: Collection[str]) -> str:
    return ", ".join(sorted(known)) or "none"
