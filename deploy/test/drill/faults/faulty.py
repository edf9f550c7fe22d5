"""Page Tracker with the fault of the image it is in."""

import os
import sys
import time
from collections.abc import Callable, Iterable
from itertools import count
from typing import Any

from page_tracker.app import app as counting

Environ = dict[str, Any]
StartResponse = Callable[..., Any]

FAULT = os.environ["FAULT"]
LEVER = "HTTP_X_LEVER"
"""A header by which anyone makes any version fail, or answer late."""

SECONDS_LATE = 0.4
VIEWS_UNTIL_IT_TIRES = 300
"""Of each worker: more than during a canary, and fewer than from all visitors."""

views = count()


def app(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """Answer like Page Tracker, except for the fault."""
    path, method = environ["PATH_INFO"], environ["REQUEST_METHOD"]
    is_from_proxy = "HTTP_X_REQUEST_ID" in environ
    found = {("unhealthy", "/health"), ("fails-smoke", "/tracker.js")}
    if is_from_proxy:  # the smoke tests in the container do not notice
        found.add(("fails-visitors", "/tracker.js"))
    lever = environ.get(LEVER)
    if lever == "late":
        time.sleep(SECONDS_LATE)
    fails = (FAULT, path) in found or lever == "at once"
    if fails or lever:
        status = "500 Internal Server Error" if fails else "200 OK"
        start_response(status, [("Content-Type", "text/plain"), ("X-Version", FAULT)])
        return [b"This version has a fault here."]
    # The smoke tests count nothing, so only visitors notice.
    if (path, method) == ("/", "GET"):
        tired = next(views) >= VIEWS_UNTIL_IT_TIRES
        if FAULT == "slow" or (FAULT == "tires" and tired):
            time.sleep(SECONDS_LATE)
    return counting(environ, start_response)


if __name__ == "__main__":
    if FAULT == "crashes":
        sys.exit("Error: this version crashes when it starts")
    config = ("--config", "python:page_tracker.gunicorn_config")
    os.execvp("gunicorn", ["gunicorn", *config, "--chdir", "/faults", "faulty:app"])
