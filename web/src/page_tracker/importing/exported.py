"""Makes views of the rows of an export, as the recorder makes them of what is sent."""

import time
from datetime import UTC, datetime

from page_tracker.importing.running import Import
from page_tracker.importing.targets import Told
from page_tracker.importing.views import BadRecord, LeftOut, Viewed, moment_of
from page_tracker.tracking.canonical import canonical_view
from page_tracker.tracking.keys import DIRECT, INTERNAL
from page_tracker.tracking.reasons import Reason
from page_tracker.tracking.recorder import SECONDS_AHEAD
from page_tracker.tracking.sites import Moment
from page_tracker.tracking.view import InvalidView, SentView
from page_tracker.tracking.visitor import Sender


class Exported:
    """The views of an export for one site."""

    def __init__(self, importing: Import) -> None:
        self._site = importing.site
        self._rules = importing.rules
        self._latest = time.time() + SECONDS_AHEAD

    def view(
        self, written_time: str, sent: SentView, visitor: str, told: Told
    ) -> Viewed:
        """Return a view. Raises LeftOut and BadRecord."""
        moment = self._moment(written_time)
        try:
            view = canonical_view(sent)
        except InvalidView:
            raise LeftOut("not a page") from None
        if not self._site.is_shown_by(view.host) and self._site.own_hosts:
            raise LeftOut(Reason.OTHER_HOST)
        if self._site.blocks(view.page):
            raise LeftOut(Reason.BLOCKED)
        source = view.referrer.partition("/")[0]
        if source and (
            source == view.host.removeprefix("www.") or self._site.has_host(source)
        ):
            view = view._replace(referrer=INTERNAL)
        if reason := self._rules.reason_against(view, Sender()):
            raise LeftOut(reason)
        return Viewed(
            *(moment.day, moment.hour, view.page, (visitor, "")),
            *(view.referrer or DIRECT, told.browser, told.system, told.device),
            campaign=view.campaign,
            title=view.title,
            event=view.event,
        )

    def _moment(self, text: str) -> Moment:
        """Return day and hour of a time. Raises LeftOut and BadRecord."""
        try:
            read = datetime.fromisoformat(text)
            at = (read if read.tzinfo else read.replace(tzinfo=UTC)).timestamp()
        except (OverflowError, ValueError):
            raise BadRecord from None
        moment = moment_of(self._site, at)
        if at > self._latest:
            raise LeftOut("in the future")
        return moment
