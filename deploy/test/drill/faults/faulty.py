"""Page Tracker with the fault of the image it is in."""

import asyncio
import os
import sys
from collections.abc import Callable
from itertools import count
from typing import Any

from page_tracker.app import asgi as counting

Scope = dict[str, Any]
Receive = Callable[..., Any]
Send = Callable[..., Any]

FAULT = os.environ["FAULT"]
LEVER = b"x-lever"
"""A header by which anyone makes any version fail, or answer late."""

SECONDS_LATE = 0.4
VIEWS_UNTIL_IT_TIRES = 300
"""Of each worker: more than during a canary, and fewer than from all visitors."""

views = count()


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer like Page Tracker, except for the fault."""
    path, method, headers = scope["path"], scope["method"], dict(scope["headers"])
    is_from_proxy = b"x-request-id" in headers
    found = {("unhealthy", "/health"), ("fails-smoke", "/tracker.js")}
    if is_from_proxy:  # the smoke tests in the container do not notice
        found.add(("fails-visitors", "/tracker.js"))
    lever = headers.get(LEVER)
    if lever == b"late":
        await asyncio.sleep(SECONDS_LATE)
    fails = (FAULT, path) in found or lever == b"at once"
    if fails or lever:
        await answer(500 if fails else 200, send)
        return
    # The smoke tests count nothing, so only visitors notice.
    if (path, method) == ("/", "GET"):
        tired = next(views) >= VIEWS_UNTIL_IT_TIRES
        if FAULT == "slow" or (FAULT == "tires" and tired):
            await asyncio.sleep(SECONDS_LATE)
    await counting(scope, receive, send)


async def answer(status: int, send: Send) -> None:
    body = b"This version has a fault here."
    headers = {"content-type": "text/plain", "x-version": FAULT}
    headers["content-length"] = str(len(body))
    await send(
        {
            "type": "http.response.start",
            "status": status,
            "headers": [(n.encode(), value.encode()) for n, value in headers.items()],
        }
    )
    await send({"type": "http.response.body", "body": body})


if __name__ == "__main__":
    if FAULT == "crashes":
        sys.exit("Error: this version crashes when it starts")
    config = ("--config", "python:page_tracker.gunicorn_config")
    os.execvp("gunicorn", ["gunicorn", *config, "--chdir", "/faults", "faulty:app"])
