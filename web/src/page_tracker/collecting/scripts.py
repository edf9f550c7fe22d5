"""The builds of the script that pages embed, by version.

A page that names a version with its integrity hash needs just that one: the file of a
release stays here, and a new build gets the next number.
"""

from base64 import b64encode
from gzip import compress
from hashlib import sha384
from importlib.resources import files
from typing import NamedTuple


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
