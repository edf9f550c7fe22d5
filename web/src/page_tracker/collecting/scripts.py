"""The script that pages embed, in each of its versions.

A page may name a version with its integrity hash. So the file of a released version
stays here, and a new build gets the next number.
"""

from base64 import b64encode
from gzip import compress
from hashlib import sha384
from importlib.resources import files
from typing import NamedTuple

from page_tracker.http.incoming import Incoming
from page_tracker.http.outgoing import FOR_OTHER_SITES, Answer, Refusal

AN_HOUR = 3600
A_YEAR = 365 * 24 * AN_HOUR


class Script(NamedTuple):
    """A build of the script, plain and compressed by gzip.

    `integrity` is the value of HTML's attribute with which a browser checks it.
    """

    version: str
    body: bytes
    compressed: bytes
    integrity: str


def read_script(version: str, body: bytes) -> Script:
    """Return a build, compressed and hashed."""
    integrity = f"sha384-{b64encode(sha384(body).digest()).decode()}"
    return Script(version, body, compress(body, mtime=0), integrity)


SCRIPTS = {
    version: read_script(version, file.read_bytes())
    for file in files("page_tracker.collecting").joinpath("tracker").iterdir()
    if (version := file.name.removesuffix(".js")) != file.name
}

NEWEST = max(SCRIPTS, key=int)


async def script(incoming: Incoming) -> Answer:
    """Give the script; the version that `v` names never changes. Raises Refusal."""
    version = incoming.parameters().get("v", "")
    found = SCRIPTS.get(version or NEWEST)
    if not found:
        raise Refusal(404, "v: there is no such version", form="text")
    is_compressed = incoming.accepts_encoding("gzip")
    lifetime = f"{A_YEAR}, immutable" if version else str(AN_HOUR)
    headers = FOR_OTHER_SITES | {
        "Vary": "Accept-Encoding",
        "Cache-Control": f"public, max-age={lifetime}",
        "ETag": f'"{found.integrity}{"-gzip" * is_compressed}"',
    }
    if is_compressed:
        headers["Content-Encoding"] = "gzip"
    body = found.compressed if is_compressed else found.body
    return Answer(body, "text/javascript; charset=utf-8", headers=headers)
