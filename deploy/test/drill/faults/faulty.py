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

SECONDS_LATE = 0.4
VIEWS_UNTIL_IT_TIRES = 300
"""Of each worker: more than during a canary, and fewer than from all visitors."""

views = count()


def app(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """Answer like Page Tracker, except for the fault."""
    path, method = environ["PATH_INFO"], environ["REQUEST_METHOD"]
    if (FAULT, path) in {("unhealthy", "/health"), ("fails-smoke", "/tracker.js")}:
        start_response("500 Internal Server Error", [("Content-Type", "text/plain")])
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
