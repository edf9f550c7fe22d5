"""The list of spam: domains that advertise themselves as referrers of views."""

import re
from collections.abc import Iterable, Iterator
from importlib.resources import files

from page_tracker.tracking.canonical import canonical_referrer, checked_site

COMMENT = re.compile(r"(?:^|\s)#.*")

BEFORE_HOST = re.compile(r"^(?:(?:[a-z][a-z0-9+.-]*:)?//)?(?:\*?\.)*", re.I)
"""A scheme, and a star for all hosts of a domain: they are on the list anyway."""


def spam_domains(more: Iterable[str] = ()) -> frozenset[str]:
    """Return the domains of the package's list, and more of them."""
    listed = files("page_tracker.tracking").joinpath("spam_referrers.txt")
    return frozenset((*read_domains(listed.read_text(encoding="utf-8")), *more))


def read_domains(text: str) -> Iterator[str]:
    """Yield the domains in a list with one a line, as referrers of views have them.

    Raises ValueError, which names the first line that is no domain.
    """
    for number, line in enumerate(text.splitlines(), start=1):
        if written := COMMENT.sub("", line).strip():
            try:
                yield _domain(written)
            except ValueError:
                raise ValueError(
                    f"line {number}: {written[:80]!r} is not a domain; "
                    "write one a line, for example spam.example"
                ) from None


def _domain(written: str) -> str:
    host = canonical_referrer(f"https://{BEFORE_HOST.sub('', written)}")
    if "." not in host or "/" in host:  # a top-level domain, or one page of a site
        raise ValueError(host)
    return checked_site(host)
