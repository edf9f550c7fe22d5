"""An answer with numbers: JSON or CSV, with an ETag, so that polling is cheap."""

import re
from hashlib import sha256

from flask import Response, request
from pydantic import BaseModel

from page_tracker.numbers.csv import Numbers, csv_of
from page_tracker.showing.api.asked import asked_form
from page_tracker.tracking.sites import Site

UNSAFE = re.compile(r"[^A-Za-z0-9._-]")
"""Characters that a name of a file, or a header, cannot have everywhere."""

BOM = "\N{BYTE ORDER MARK}"
"""Tells Excel that a file is UTF-8. People get it; it is in the way of programs."""

HEADERS = {
    "Cache-Control": "private, no-cache",
    "Vary": "Accept, Authorization, Cookie",
}

FOR_SCRIPTS_OF_ALL = {"Access-Control-Allow-Origin": "*"}
"""No browser sends a cookie along and lets a script read the answer then."""


def answer(
    data: BaseModel,
    numbers: Numbers,
    *names: str,
    of: Site | None = None,
) -> Response:
    """Return the answer to this request: `data` as JSON, or `numbers` as CSV.

    The file of the latter is called by `names`. Scripts of other sites may read the
    numbers `of` a site that everybody may see.
    """
    headers = dict(HEADERS)
    if of and of.dashboard == "public":
        headers |= FOR_SCRIPTS_OF_ALL
    if asked_form() == "csv":
        name = "-".join(UNSAFE.sub("_", name) for name in names)
        headers["Content-Disposition"] = f'attachment; filename="{name}.csv"'
        mark = BOM if request.path.startswith("/dashboard") else ""
        return tagged(f"{mark}{csv_of(numbers)}", "text/csv; charset=utf-8", headers)
    return tagged(f"{data.model_dump_json()}\n", "application/json", headers)


def tagged(text: str, content_type: str, headers: dict[str, str]) -> Response:
    """Return an answer with an ETag, or status 304 to a request that has it."""
    body = text.encode()
    response = Response(body, headers=headers, content_type=content_type)
    response.set_etag(sha256(body).hexdigest()[:32])
    response.make_conditional(request)
    return response
