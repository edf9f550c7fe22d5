"""Which look of the counter page a visitor is shown, and the pixels that count it."""

from typing import NamedTuple

from flask import Request, url_for
from openfeature import api
from openfeature.evaluation_context import EvaluationContext
from openfeature.flag_evaluation import Reason

from page_tracker.experiments.looks import (
    FLAG,
    SITE,
    USUAL,
    shown_page,
    went_on_page,
)
from page_tracker.experiments.provider import FileProvider
from page_tracker.http.serving import sender_of
from page_tracker.settings import Networks
from page_tracker.tracking.visitor import hashed_visitor

DOMAIN = "page-tracker"
"""Ours, of OpenFeature's providers in a process."""


class Shown(NamedTuple):
    """A look, and the site that counts it; an empty one where none does."""

    look: str = USUAL
    site: str = ""

    @property
    def pixel(self) -> str:
        """Return the address of the pixel that counts who was shown it."""
        return self._pixel(shown_page(self.look))

    @property
    def went_on_pixel(self) -> str:
        """Return the address of the pixel that counts who went on from it."""
        return self._pixel(went_on_page(self.look))

    def _pixel(self, page: str) -> str:
        return url_for("pixel", site=self.site, page=page) if self.site else ""


class Looks:
    """Chooses by the flag of the look: for the same visitor always the same.

    Page Tracker's pixel counts it, as it does for any site. Who wants privacy, and is
    counted without a visitor, takes no part.
    """

    def __init__(self, provider: FileProvider, proxies: Networks) -> None:
        self._provider = provider
        self._proxies = proxies
        api.set_provider_and_wait(provider, DOMAIN)
        self._client = api.get_client(DOMAIN)

    def of(self, request: Request) -> Shown:
        """Return what the visitor who sent a request is shown."""
        sender = sender_of(request.environ, self._proxies)
        key = None
        if not sender.wants_privacy:
            key = hashed_visitor(sender, self._provider.file().salt).hex()
        chosen = self._client.get_string_details(FLAG, USUAL, EvaluationContext(key))
        is_part = chosen.reason == Reason.SPLIT
        site = str(chosen.flag_metadata.get(SITE, "")) if is_part else ""
        return Shown(chosen.value, site)

    def left(self, request: Request) -> Shown:
        """Return what the visitor was shown who comes from the counter page.

        Who comes from elsewhere, by a bookmark for example, was shown nothing.
        """
        # Whatever its scheme, which a proxy in front may not have told.
        came_from = (request.referrer or "").partition("://")[2].partition("?")[0]
        if came_from != f"{request.host}{url_for('counter')}":
            return Shown()
        return self.of(request)
