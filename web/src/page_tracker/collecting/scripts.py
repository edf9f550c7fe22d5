"""The script that pages embed, in each of its versions.

A page may name a version with its integrity hash. So the file of a released version
stays here, and a new build gets the next number.
"""

from page_tracker.collecting.served_scripts import give, read_scripts
from page_tracker.http.incoming import Incoming
from page_tracker.http.outgoing import Answer, Refusal

SCRIPTS = read_scripts("tracker")

NEWEST = max(SCRIPTS, key=int)


async def script(incoming: Incoming) -> Answer:
    """Give the script; the version that `v` names never changes. Raises Refusal."""
    version = incoming.parameters().get("v", "")
    found = SCRIPTS.get(version or NEWEST)
    if not found:
        raise Refusal(404, "v: there is no such version", form="text")
    return give(found, incoming, is_pinned=bool(version))
