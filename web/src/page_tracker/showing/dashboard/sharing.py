"""How a dashboard is shared: by a link, publicly, or embedded in pages of hosts."""

from collections.abc import Mapping

from flask import request
from markupsafe import escape

from page_tracker.accounts.hashing import hash_of, new_secret
from page_tracker.showing.answers import path_of, policy
from page_tracker.showing.dashboard.fields import read_hosts
from page_tracker.tracking.sharing import checked_frames
from page_tracker.tracking.sites import Site

PARAMETERS = ("embed", "key", "theme")
"""Parameters of an embedded page. Its links keep them, so it stays in its frame."""

EMBEDDED = {"Cross-Origin-Resource-Policy": "cross-origin"}
"""Headers of a page that others embed, beside its policy."""

SECRET = {"link": "dashboard/{}?key=", "feed": "feed/{}?token="}
"""Settings that hash a secret → the address, which the secret completes."""

HEIGHT = 900
"""Pixels of an embedded dashboard."""


def parameters_of_frame() -> dict[str, str]:
    """Return the parameters that keep a page in its frame; none for other pages."""
    if "embed" not in request.args:
        return {}
    sent = {name: request.args.get(name, "") for name in PARAMETERS}
    return {name: value for name, value in sent.items() if value}


def headers_of_embedded(site: Site) -> dict[str, str]:
    """Return the headers of a dashboard that the hosts of its owner may embed."""
    return EMBEDDED | {"Content-Security-Policy": policy(site.frames)}


def read_sharing(typed: Mapping[str, str]) -> dict[str, object]:
    """Return the settings in the form of who may see. Raises InvalidField."""
    return {
        "dashboard": typed.get("dashboard", ""),
        "public": "public" in typed,
        "frames": read_hosts(typed, "frames", lambda host: checked_frames([host])[0]),
    }


def new_address(kind: str, root: str, site: Site) -> tuple[str, str]:
    """Return a new address of a kind of `SECRET`, and the hash of its secret.

    `root` is the server's address up to a slash.
    """
    secret = new_secret()
    return f"{root}{SECRET[kind].format(site.name)}{secret}", hash_of(secret)


def frame_snippet(root: str, site: Site, link: str = "") -> str:
    """Return the element that embeds a dashboard; a private one needs its `link`."""
    address = link or f"{root}{path_of(site)[1:]}"
    address += f"{'&' if '?' in address else '?'}embed=1"
    return (
        f'<iframe src="{escape(address)}" title="{escape(site.name)}" '
        f'width="100%" height="{HEIGHT}" loading="lazy" style="border: 0"></iframe>'
    )
