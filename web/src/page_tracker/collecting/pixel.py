"""The pixel: an image that counts a view of a page where no script runs."""

from redis.exceptions import RedisError

from page_tracker.collecting.refusals import explain, seconds_of_minute, status_of
from page_tracker.http.incoming import Incoming
from page_tracker.http.outgoing import Answer, header_text, retry_after
from page_tracker.tracking.reasons import Reason
from page_tracker.tracking.recorder import Recorder
from page_tracker.tracking.view import SentView

IMAGE = bytes.fromhex(
    "47494638396101000100800000000000ffffff"
    "21f90401000000002c00000000010001000002024401003b"
)
"""A transparent GIF of one by one pixel."""


class Pixel:
    """Counts a view, and answers with an image in any case."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder

    def __call__(self, incoming: Incoming) -> Answer:
        """Count the view that the address names. A header says why it did not count."""
        if incoming.method == "HEAD":
            return _image(200)
        given = incoming.parameters()
        view = SentView(
            site=given.get("site", ""),
            page=given.get("page", ""),
            referrer=given.get("referrer", ""),
            title=given.get("title", ""),
            id=given.get("id", ""),
        )
        try:
            recorded = self._recorder.count(view, incoming.sender)
        except (ValueError, RedisError) as error:
            return _image(status_of(error), explain(error))
        if recorded.reason == Reason.RATE:
            return _image(429, Reason.RATE)
        return _image(200, recorded.reason or "")


def _image(status: int, reason: str = "") -> Answer:
    headers = {"Cross-Origin-Resource-Policy": "cross-origin"}
    if reason:
        headers["X-Page-Tracker"] = header_text(reason)
    if status == 503:
        headers |= retry_after()
    if status == 429:
        headers |= retry_after(seconds_of_minute())
    return Answer(IMAGE, "image/gif", status, headers)
