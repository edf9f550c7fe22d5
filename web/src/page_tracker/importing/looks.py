"""Tells what a source looks like, to name the right kind where a wrong one is given."""

import re

from page_tracker.importing.models import ImportRefused
from page_tracker.importing.source import Source

COMMON = re.compile(rb'^[^"\n]*\[\d\d/[A-Z][a-z]{2}/\d{4}:[\d:]{8} [+-]\d{4}\] "', re.M)
CADDY = re.compile(rb'^\{[^\n]*"request":\{', re.M)

LOOKS: dict[str, re.Pattern[bytes]] = {
    "log": re.compile(COMMON.pattern + b"|" + CADDY.pattern, re.M),
    "goatcounter": re.compile(rb"\A(?:\xef\xbb\xbf)?\d+Path,"),
    "umami": re.compile(
        rb"\A(?:\xef\xbb\xbf)?(?=[^\n]*\bsession_id\b)[^\n]*\burl_path\b"
    ),
}
"""By kind, what is in the beginning of such a source."""


def refuse_other_kinds(source: Source, kind: str) -> None:
    """Raise ImportRefused if the beginning of a source is that of another kind."""
    if source.is_zip:
        raise ImportRefused(f"{source.name} is a zip: unpack it, and name the file")
    if kind in LOOKS and LOOKS[kind].search(source.start):
        return
    for other, looks in LOOKS.items():
        if looks.search(source.start):
            raise ImportRefused(
                f"{source.name} looks like a source of another kind: use --from {other}"
            )
