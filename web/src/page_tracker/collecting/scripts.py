"""The builds of the script that pages embed, by version.

A page that names a version with its integrity hash needs just that one: the file of a
release stays here, and a new build gets the next number.
"""

from base64 import b64encode
from gzip import compress as gzip_compress
from hashlib import sha384
from importlib.resources import files
from typing import NamedTuple


class Script(NamedTuple):
    """A build of the script."""

    version: str
    body: bytes

    @property
    def compressed(self) -> bytes:
        """Return the build as most browsers ask for it."""
        return gzip_compress(self.body, mtime=0)

    @property
    def integrity(self) -> str:
        """Return what a browser checks it against, as HTML's `integrity` has it."""
        return f"sha384-{b64encode(sha384(self.body).digest()).decode()}"


SCRIPTS = {
    script.name.removesuffix(".js"): Script(
        script.name.removesuffix(".js"), script.read_bytes()
    )
    for script in files("page_tracker.collecting").joinpath("tracker").iterdir()
    if script.name.endswith(".js")
}

NEWEST = max(SCRIPTS, key=int)
