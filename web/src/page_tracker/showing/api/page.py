"""The OpenAPI document, and a page for people to read and try it."""

import json

from flask import Response, request

from page_tracker.showing.answers import page_answer
from page_tracker.showing.api.answers import FOR_SCRIPTS_OF_ALL, tagged
from page_tracker.showing.api.document import document


def send_document() -> Response:
    """Send the OpenAPI document of this server."""
    servers = [{"url": request.script_root or "/"}]
    text = json.dumps(document() | {"servers": servers}, separators=(",", ":"))
    headers = {"Cache-Control": "public, no-cache"} | FOR_SCRIPTS_OF_ALL
    return tagged(f"{text}\n", "application/json", headers)


def show_page() -> Response:
    """Show the page, which loads the document."""
    return page_answer("api.html")
