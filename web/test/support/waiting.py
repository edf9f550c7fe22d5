"""Lets a test without an event loop wait for a coroutine."""

from asyncio import run_coroutine_threadsafe
from collections.abc import Coroutine
from typing import TypeVar

from page_tracker.http.wsgi import background

SECONDS = 60
"""Longer than anything that a coroutine waits for."""

Result = TypeVar("Result")


def wait_for_result(coroutine: Coroutine[None, None, Result]) -> Result:
    """Run a coroutine in the loop of this process, and return its result."""
    return run_coroutine_threadsafe(coroutine, background.loop()).result(SECONDS)
