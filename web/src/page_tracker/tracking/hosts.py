"""Services that show the pages of others under hosts of their own.

A translator or a cache mostly writes the host of the page as one label:
`my-site.example.org` becomes `my--site-example-org.translate.goog`. These are steps of
https://developers.google.com/amp/cache/overview, which others took over.
"""

import re
from collections.abc import Iterator

from page_tracker.tracking.canonical import canonical_site

WITH_LABEL = ("translate.goog", "cdn.ampproject.org", "bing-amp.com", "turbopages.org")
"""Services under which each host has a label."""

WITHOUT_LABEL = (
    "translated.turbopages.org",
    "translate.googleusercontent.com",
    "webcache.googleusercontent.com",
    "cc.bingj.com",
    "www.translatetheweb.com",
    "www.translatoruser-int.com",
    "yandexwebcache.net",
    "papago.naver.net",
    "fanyi.baidu.com",
    "web.archive.org",
)
"""Services that show the pages of every host under these."""


def originals_of(host: str) -> Iterator[str]:
    """Yield the hosts that the label of a service can stand for; none for others."""
    label, _, service = host.partition(".")
    if service in WITH_LABEL:
        yield _decoded(label)
        if label.startswith("xn--"):
            try:
                yield canonical_site(_decoded(label[4:].encode().decode("punycode")))
            except UnicodeError:
                pass


def shows_any_host(host: str) -> bool:
    """Say whether a host is that of a service without labels."""
    return any(f".{host}".endswith(f".{service}") for service in WITHOUT_LABEL)


def _decoded(label: str) -> str:
    if label.startswith("0-") and label.endswith("-0"):
        label = label[2:-2]
    return re.sub("--?", lambda dashes: "-" if dashes[0] == "--" else ".", label)
