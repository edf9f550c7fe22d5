"""Counts views that do not count, by reason, so that an owner sees what is missing."""

import logging
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime

from redis import Redis
from redis.exceptions import RedisError

from page_tracker.store.explaining import explain
from page_tracker.store.group_commit import GroupCommit
from page_tracker.store.store import Store
from page_tracker.tracking.canonical import canonical_site
from page_tracker.tracking.keys import DAY, nowhere
from page_tracker.tracking.reasons import Reason
from page_tracker.tracking.recorded import Recorded
from page_tracker.tracking.sites import Site, UnknownSite
from page_tracker.tracking.unknown_sites import note_unknown
from page_tracker.tracking.view import View
from page_tracker.tracking.visitor import Sender
from page_tracker.tracking.wire import Attempt

DAYS_OF_NOWHERE = 400

logger = logging.getLogger(__name__)


class RefusedViews:
    """Counts refused views for their sites, or for none."""

    def __init__(
        self,
        store: Store,
        found: Callable[[str, float], Awaitable[Site | None]],
        commits: GroupCommit[Attempt, Recorded],
    ) -> None:
        """Take what finds a site, and what commits the attempts of sites."""
        self._found = found
        self._commits = commits
        self._of_nowhere = GroupCommit(_count_of_nowhere, store)

    async def count(
        self, refused: Mapping[tuple[Reason, str], int], began: float
    ) -> None:
        """Count refused views, by reason and host.

        A host may be any text. A view of no registered site counts for none. While
        Redis is unavailable, nothing is counted. `began` is when the caller began, by
        the clock of the loop.
        """
        attempts: list[Attempt] = []
        of_nowhere: list[tuple[Reason, str, int]] = []
        with suppress(RedisError):
            for (reason, host), number in refused.items():
                site = None
                if host:
                    site = await self._found(canonical_site(host), began)
                if site:
                    attempts += number * [refused_attempt(site, reason)]
                else:
                    of_nowhere.append((reason, host, number))
            await self._of_nowhere.submit_all(of_nowhere, began)
            await self._commits.submit_all(attempts, began)

    async def note(self, errors: Sequence[tuple[str, Exception]], began: float) -> None:
        """Count views that were refused with errors, by host.

        If Redis did not count one of the views, only the cause is logged: another
        question would wait for Redis again.
        """
        reasons: Counter[tuple[Reason, str]] = Counter()
        for host, error in errors:
            if isinstance(error, RedisError):
                cause = type(error).__name__
                logger.error("A view was not counted: %s: %s", cause, explain(error))
                return
            is_unknown = isinstance(error, UnknownSite)
            reasons[Reason.UNKNOWN_SITE if is_unknown else Reason.INVALID, host] += 1
        if reasons:
            await self.count(reasons, began)


def refused_attempt(site: Site, reason: Reason, page: str = "") -> Attempt:
    """Return an attempt that counts a reason only."""
    now = time.time()
    view = View(site.name, page)
    return Attempt(site, view, Sender(), site.moment(now), int(now // 60), reason)


def _count_of_nowhere(
    redis: Redis, refused: Sequence[tuple[Reason, str, int]]
) -> list[None | Exception]:
    """Count refused views of no site: each with its reason, host and number."""
    key = nowhere(datetime.now(UTC).date())
    reasons: Counter[Reason] = Counter()
    names: Counter[str] = Counter()
    for reason, host, number in refused:
        reasons[reason] += number
        if reason == Reason.UNKNOWN_SITE:
            names[canonical_site(host)] += number
    pipeline = redis.pipeline(transaction=False)
    for reason, number in reasons.items():
        pipeline.hincrby(key, reason, number)
    pipeline.expireat(key, int(time.time() // DAY + DAYS_OF_NOWHERE) * DAY)
    note_unknown(pipeline, names)
    pipeline.execute()
    return [None] * len(refused)
