"""The parts of the application that answering a request needs."""

from flask import current_app

from page_tracker.settings import Settings
from page_tracker.tracking.recorder import Recorder


def recorder() -> Recorder:
    """Return what counts."""
    found: Recorder = current_app.extensions["page_tracker.recorder"]
    return found


def settings() -> Settings:
    """Return the settings."""
    found: Settings = current_app.extensions["page_tracker.settings"]
    return found
