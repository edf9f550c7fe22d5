"""Reads a list of pages: one a line, or a sitemap (https://www.sitemaps.org)."""

import html
import re
from collections.abc import Iterator
from typing import TextIO

from page_tracker.importing.models import ImportRefused
from page_tracker.importing.source import open_source
from page_tracker.tracking.canonical import host_of
from page_tracker.tracking.sites import Site

LOCATION = re.compile(r"<(?:\w+:)?loc>\s*(?:<!\[CDATA\[)?\s*([^<>\]]+)")

INDEX = "<sitemapindex"

LONGEST_LINE = 1024 * 1024
"""Characters of a sitemap that are read at a time."""


def listed_pages(name: str, site: Site) -> Iterator[str]:
    """Yield the pages of a site in a file, as written. Raises ImportRefused."""
    if "://" in name:
        raise ImportRefused(f"--pages needs a file: download {name} first")
    # pylint: disable-next=contextmanager-generator-missing-cleanup  # closed with it
    with open_source(name) as source, source.explaining():
        is_sitemap = source.start.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<")
        if is_sitemap and INDEX.encode() in source.start:
            raise ImportRefused(
                f"{source.name} names other sitemaps: use --pages for each of these"
            )
        text = source.text()
        pages = _locations(text) if is_sitemap else _lines(text)
        for page in pages:
            host = host_of(page)
            if host is None or site.has_host(host):
                yield page if host or page.startswith("/") else f"/{page}"


def _lines(text: Iterator[str]) -> Iterator[str]:
    for line in text:
        page = line.strip()
        if page and not page.startswith("#"):
            yield page


def _locations(text: TextIO) -> Iterator[str]:
    """Yield the locations of a sitemap, of which a part is in memory at a time."""
    kept = ""
    while some := text.read(LONGEST_LINE):
        kept += some
        end = kept.rfind("</")
        if end < 0:
            continue
        for found in LOCATION.finditer(kept[:end]):
            yield html.unescape(found[1].strip())
        kept = kept[end:]
