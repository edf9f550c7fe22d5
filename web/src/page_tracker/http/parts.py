"""The parts of an application that its pages need."""

from dataclasses import dataclass

from flask import Flask, current_app

from page_tracker.flags.looks import Looks
from page_tracker.settings import Settings
from page_tracker.store.store import Store

KEY = "page_tracker"


@dataclass(frozen=True)
class Parts:
    """The parts of one application."""

    settings: Settings
    store: Store
    looks: Looks | None


def parts_of(app: Flask) -> Parts:
    """Return the parts of an application."""
    found: Parts = app.extensions[KEY]
    return found


def parts() -> Parts:
    """Return the parts of the application that answers."""
    return parts_of(current_app)
