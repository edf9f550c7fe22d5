"""Scripts for the pages of other sites: how they are read, compressed and cached."""

from base64 import b64encode
from gzip import compress
from hashlib import sha384
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import NamedTuple

from page_tracker.http.incoming import Incoming
from page_tracker.http.outgoing import FOR_OTHER_SITES, Answer

AN_HOUR = 3600
A_YEAR = 365 * 24 * AN_HOUR


class Script(NamedTuple):
    """A built script, plain and compressed by gzip.

    `integrity` is the value of HTML's attribute with which a browser checks it.
    """

    name: str
    body: bytes
    compressed: bytes
    integrity: str


def read_scripts(folder: str) -> dict[str, Script]:
    """Return the scripts in a folder of this room, by their names without `.js`."""
    found = files("page_tracker.collecting").joinpath(folder).iterdir()
    scripts = (_read(file) for file in found if file.name.endswith(".js"))
    return {script.name: script for script in scripts}


def give(script: Script, incoming: Incoming, *, is_pinned: bool = False) -> Answer:
    """Return an answer with a script; one that is pinned by its address stays so."""
    is_compressed = incoming.accepts_encoding("gzip")
    lifetime = f"{A_YEAR}, immutable" if is_pinned else str(AN_HOUR)
    headers = FOR_OTHER_SITES | {
        "Vary": "Accept-Encoding",
        "Cache-Control": f"public, max-age={lifetime}",
        "ETag": f'"{script.integrity}{"-gzip" * is_compressed}"',
    }
    if is_compressed:
        headers["Content-Encoding"] = "gzip"
    body = script.compressed if is_compressed else script.body
    return Answer(body, "text/javascript; charset=utf-8", headers=headers)


def _read(file: Traversable) -> Script:
    body = file.read_bytes()
    integrity = f"sha384-{b64encode(sha384(body).digest()).decode()}"
    name = file.name.removesuffix(".js")
    return Script(name, body, compress(body, mtime=0), integrity)
