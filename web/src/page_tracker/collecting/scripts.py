"""The script that pages embed: its builds, by version, and their route.

A page that names a version with its integrity hash needs just that one: the file of a
release stays here, and a new build gets the next number.
"""

from base64 import b64encode
from gzip import compress
from hashlib import sha384
from importlib.resources import files
from typing import NamedTuple

from flask import Blueprint, Response, request

from page_tracker.http.embedding import for_other_sites
from page_tracker.http.errors import error_answer
from page_tracker.http.query import parameters_of

AN_HOUR = 3600
A_YEAR = 365 * 24 * AN_HOUR

bp = Blueprint("scripts", __name__)


class Script(NamedTuple):
    """A build of the script, plain and compressed by gzip.

    `integrity` is what a browser checks it against, as HTML's attribute has it.
    """

    version: str
    body: bytes
    compressed: bytes
    integrity: str


def read_script(version: str, body: bytes) -> Script:
    """Return a build with what is derived from it."""
    integrity = f"sha384-{b64encode(sha384(body).digest()).decode()}"
    return Script(version, body, compress(body, mtime=0), integrity)


SCRIPTS = {
    version: read_script(version, file.read_bytes())
    for file in files("page_tracker.collecting").joinpath("tracker").iterdir()
    if (version := file.name.removesuffix(".js")) != file.name
}

NEWEST = max(SCRIPTS, key=int)


@bp.get("/tracker.js")
def script() -> Response:
    """Give the script; the version that `v` names may be kept for ever."""
    try:
        version = parameters_of(request).get("v", "")
    except ValueError as error:
        return error_answer(400, "Bad Request", str(error), "text")
    found = SCRIPTS.get(version or NEWEST)
    if not found:
        return error_answer(404, "Not Found", "v: there is no such version", "text")
    is_compressed = request.accept_encodings["gzip"] > 0
    body = found.compressed if is_compressed else found.body
    answer = Response(body, mimetype="text/javascript")
    answer.vary.add("Accept-Encoding")
    if is_compressed:
        answer.content_encoding = "gzip"
    answer.cache_control.public = True
    answer.cache_control.max_age = A_YEAR if version else AN_HOUR
    if version:
        answer.cache_control.immutable = True
    answer.set_etag(f"{found.integrity}{'-gzip' * is_compressed}")
    answer.make_conditional(request)
    return for_other_sites(answer)
