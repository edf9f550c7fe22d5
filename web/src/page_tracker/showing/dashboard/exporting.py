"""The files with everything of a site, for owners who leave or who keep a copy."""

import logging
import re
from collections.abc import Generator
from threading import Lock

from flask import Flask, Response, request
from redis.exceptions import RedisError
from werkzeug.exceptions import ServiceUnavailable

from page_tracker.backup.errors import BackupError
from page_tracker.exporting.forms import FORMS, exported
from page_tracker.http.incoming import ORIGINAL
from page_tracker.http.long_answers import PARTS, BrokenOff
from page_tracker.settings import Settings
from page_tracker.showing.gate import managed_site, note
from page_tracker.showing.language import marked
from page_tracker.store.connection import connect
from page_tracker.store.explaining import explain
from page_tracker.tracking.sites import Site

NAMES = {"jsonl": "export", "csv": "export", "goatcounter": "goatcounter"}
"""The names of the files in addresses, without their ending."""

SECONDS_TO_COME_BACK = 30

Chunks = Generator[bytes, None, None]

logger = logging.getLogger(__name__)


def register_exports(app: Flask, settings: Settings) -> None:
    """Give the file of each form its route."""
    exports = Exports(settings)
    for form, name in NAMES.items():
        app.add_url_rule(
            f"/dashboard/<site>/{name}.{FORMS[form].ending}",
            "export",
            exports.show,
            defaults={"form": form},
        )


class Exports:
    """Sends exports, one at a time: others ask Redis beside it."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._running = Lock()

    def show(self, site: str, form: str) -> Response:
        """Send a site as a file, while it is read."""
        found = managed_site(site)
        if request.method == "HEAD":
            parts = _nothing()
        else:
            parts = self._parts(found, form)
            next(parts)  # errors until now are answers of their own
            note(marked("exported the site"), found.name, form)
        request.environ[ORIGINAL][PARTS] = parts
        answer = Response(content_type=FORMS[form].content_type)
        answer.headers.set(
            "Content-Disposition", "attachment", filename=_file_name(found, form)
        )
        return answer

    def _parts(self, site: Site, form: str) -> Chunks:
        """Give an empty part when the first one is made, and then all parts.

        Raises ServiceUnavailable and RedisError until then, and BrokenOff afterwards.
        """
        # pylint: disable-next=consider-using-with  # the next export does not wait
        if not self._running.acquire(blocking=False):
            raise ServiceUnavailable(
                "Another export runs. Please try again when it is done.",
                retry_after=SECONDS_TO_COME_BACK,
            )
        try:
            # Not the client of views: it waits half a second for a reply only.
            with connect(self._settings.counting_url) as redis:
                parts = exported(redis, site.name, form, lambda _done, _all: None)
                first = next(parts, b"")
                yield b""
                yield first
                yield from _told(parts, site)
        finally:
            self._running.release()


def _nothing() -> Chunks:
    yield b""


def _told(parts: Generator[bytes, None, None], site: Site) -> Chunks:
    """Give parts. Logs in one line why the rest cannot be made."""
    try:
        yield from parts
    except (BackupError, RedisError) as error:
        reason = explain(error) if isinstance(error, RedisError) else error
        logger.error("The export of %s broke off: %s", site.name, reason)
        raise BrokenOff from error


def _file_name(site: Site, form: str) -> str:
    host = re.sub(r"[^A-Za-z0-9.-]", "-", site.name)
    kind = "-goatcounter" if form == "goatcounter" else ""
    return f"{host}-{site.today()}{kind}.{FORMS[form].ending}"
