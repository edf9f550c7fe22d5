"""A file of feature flags, and visitors of the page that it changes."""

import json
import re
from html import unescape
from typing import Any

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from support import BROWSER

SITE = "look.example"


def flags_text(
    tiles: int = 50, plain: int = 50, salt: str = "a salt for a test", **changes: Any
) -> str:
    """Return a file that gives weights to the two looks, with changes of its flag."""
    flag = {
        "state": "ENABLED",
        "variants": {"tiles": "tiles", "plain": "plain"},
        "defaultVariant": "tiles",
        "targeting": {"fractional": [["tiles", tiles], ["plain", plain]]},
        "metadata": {"site": SITE},
    }
    return json.dumps({"metadata": {"salt": salt}, "flags": {"look": flag | changes}})


def visit(
    client: FlaskClient, path: str = "/", visitor: int = 1, **headers: str
) -> TestResponse:
    """Return the answer that a visitor gets."""
    return client.get(
        path,
        headers={"Accept": "text/html", "User-Agent": BROWSER}
        | {name.replace("_", "-"): value for name, value in headers.items()},
        environ_overrides={"REMOTE_ADDR": f"10.0.{visitor >> 8}.{visitor & 255}"},
    )


def look_of(page: TestResponse) -> str:
    """Return the look of a counter page."""
    found = re.search(r'<span class="shown (\w+)"', page.text)
    assert found
    return found[1]


def pixels_of(page: TestResponse) -> list[str]:
    """Return the addresses of the images in a page."""
    found = re.findall(r'<img class="pixel" src="([^"]*)"', page.text)
    return [unescape(address) for address in found]
