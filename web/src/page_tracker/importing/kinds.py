"""The kinds of sources that can be imported: one reader for each."""

from collections.abc import Callable
from typing import NamedTuple

from page_tracker.importing.busuanzi import read_busuanzi
from page_tracker.importing.goatcounter import read_goatcounter
from page_tracker.importing.goatcounter_json import read_goatcounter_json
from page_tracker.importing.logs import read_log
from page_tracker.importing.models import Steps
from page_tracker.importing.plausible import read_plausible
from page_tracker.importing.running import Import
from page_tracker.importing.umami import read_umami
from page_tracker.importing.vercount import read_vercount


class Kind(NamedTuple):
    """A kind of sources: its meaning in a few words, and what reads it."""

    meaning: str
    read: Callable[[Import], Steps]


KINDS = {
    "busuanzi": Kind(
        "the Redis of soxft's busuanzi: a URL or an RDB file", read_busuanzi
    ),
    "goatcounter": Kind("a CSV export of GoatCounter", read_goatcounter),
    "goatcounter-json": Kind("a JSON export of GoatCounter", read_goatcounter_json),
    "log": Kind("an access log of a web server", read_log),
    "plausible": Kind("the zip that Plausible exports, or its folder", read_plausible),
    "umami": Kind("website_event.csv of Umami, or the zip with it", read_umami),
    "vercount": Kind("the Redis of Vercount: a URL or an RDB file", read_vercount),
}
