"""The pixel: an image that counts a view of a page where no script runs."""

from redis.exceptions import RedisError

from page_tracker.collecting.gif import IMAGE
from page_tracker.collecting.refusals import (
    explain,
    ignored,
    outcome_of,
    remark_on,
    status_of,
)
from page_tracker.http.incoming import Incoming
from page_tracker.http.outgoing import Answer, remarks
from page_tracker.tracking.recorder import Recorder
from page_tracker.tracking.view import SentView

FIELDS = ("site", "page", "referrer", "title", "id")


class Pixel:
    """Counts a view, and answers with an image and status 200 in any case."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder

    async def __call__(self, incoming: Incoming) -> Answer:
        """Count the view that the address names. A header says why it did not count."""
        if incoming.method == "HEAD":
            return _image(remarks(200))
        given = incoming.parameters()
        view = SentView(**{name: given.get(name, "") for name in FIELDS})
        unknown = ignored(given, FIELDS)
        try:
            recorded = await self._recorder.count(view, incoming.sender)
        except (ValueError, RedisError) as error:
            said = remarks(status_of(error), explain(error), unknown)
            return _image(said, outcome_of(error))
        said = remarks(*remark_on(recorded.reason), unknown)
        return _image(said, outcome_of(recorded))


def _image(headers: dict[str, str], *outcomes: str) -> Answer:
    for_all = {"Cross-Origin-Resource-Policy": "cross-origin"}
    return Answer(IMAGE, "image/gif", 200, for_all | headers, outcomes)
