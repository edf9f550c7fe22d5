"""Takes apart what an owner pastes as a site: a host, an address, a link."""

import re

LINK = re.compile(
    r"(?:https?:/*|[a-z][a-z0-9+.-]*:/+|/{2,})?(?P<host>[^/?#\\]*)(?P<page>.*)",
    re.IGNORECASE | re.DOTALL,
)
"""An optional scheme, a host with an optional user and port, and the rest."""


def taken_apart(text: str) -> tuple[str, str]:
    """Return the host and the page in a text; either may be empty.

    Nothing is checked: `checked_site` and `canonical_view` do that.
    """
    host, page = LINK.findall(text.strip())[0]
    return host.rpartition("@")[2], page.replace("\\", "/")
