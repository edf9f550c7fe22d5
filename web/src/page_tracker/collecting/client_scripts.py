"""The scripts that stand in for those of other counters, at their usual addresses."""

from page_tracker.collecting.served_scripts import give, read_scripts
from page_tracker.http.incoming import Incoming
from page_tracker.http.outgoing import Answer

SCRIPTS = read_scripts("clients")


class ClientScript:
    """Gives one script, whatever its address."""

    def __init__(self, name: str) -> None:
        """Take the name of its file in `clients`, without `.js`."""
        self._script = SCRIPTS[name]

    async def __call__(self, incoming: Incoming) -> Answer:
        """Give the script."""
        return give(self._script, incoming)
