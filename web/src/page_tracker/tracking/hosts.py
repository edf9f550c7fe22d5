"""Services that show the pages of others under hosts of their own.

A translator or a cache mostly writes the host of the page as one label:
`my-site.example.org` becomes `my--site-example-org.translate.goog`. These are steps of
https://developers.google.com/amp/cache/overview, which others took over.
"""

import re
from collections.abc import Iterator

from page_tracker.tracking.canonical import canonical_site

WITH_LABEL = (
    ".translate.goog",
    ".cdn.ampproject.org",
    ".bing-amp.com",
    ".turbopages.org",
)
"""Ends of hosts that begin with a label for the host of the page."""

WITHOUT_LABEL = (
    ".translated.turbopages.org",
    ".translate.googleusercontent.com",
    ".webcache.googleusercontent.com",
    ".cc.bingj.com",
    ".translatetheweb.com",
    ".translatoruser-int.com",
    ".yandexwebcache.net",
    ".papago.naver.net",
    ".fanyi.baidu.com",
    ".web.archive.org",
)
"""Ends of hosts that show the pages of every host."""

HASH = re.compile(r"[a-z2-7]{52}\.")
"""Stands for a host that cannot be written as a label."""


def originals_of(host: str) -> Iterator[str]:
    """Yield the hosts that the label of a service can stand for; none for others."""
    label, dot, end = host.partition(".")
    if dot + end in WITH_LABEL:
        yield _decoded(label)
        if label.startswith("xn--"):
            try:
                yield canonical_site(_decoded(label[4:].encode().decode("punycode")))
            except UnicodeError:
                pass


def shows_any_host(host: str) -> bool:
    """Say whether a host is a service's that does not tell the host of the page."""
    if host.endswith(WITH_LABEL) and HASH.match(host):
        return True
    return f".{host}".endswith(WITHOUT_LABEL)


def _decoded(label: str) -> str:
    if label.startswith("0-") and label.endswith("-0"):
        label = label[2:-2]
    return re.sub("--?", lambda dashes: "-" if dashes[0] == "--" else ".", label)
