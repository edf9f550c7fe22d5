"""One round: visitors come, a fault hits the system, and every view is looked up."""

from collections import Counter
from collections.abc import Iterator
from math import inf
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from time import monotonic
from typing import NamedTuple

from chaos.faults import FAULTS, Cause, pause
from chaos.systems import System, running
from page_tracker.store.waiting import wait_for
from support.recording import table
from support.servers import run_command
from support.visitors import Answer, Visitors, visitors_of

MOST_SECONDS_TO_RECOVER = 2
ROUNDS_OF_SYSTEM = 10
"""After these, a new system begins, so that checks do not take longer and longer."""


class Views(NamedTuple):
    """Numbers of views."""

    sent: int = 0
    acknowledged: int = 0
    stored: int = 0
    lost: int = 0
    """Acknowledged, but not stored."""

    doubled: int = 0
    """Stored more often than sent. A view that is sent again is the same view."""


class Round(NamedTuple):
    """The result of a round."""

    views: Views
    refused: int
    """How many answers did not acknowledge a view, or did not come."""

    seconds: float
    """From the end of the cause until the last view that was not acknowledged."""

    seconds_from_start: float
    """The same from the start of the cause."""

    failure: str
    """Each broken promise, and the end of the log; empty if there is none."""


def rounds_of(
    name: str, seed: int, number: int, most_seconds: float = MOST_SECONDS_TO_RECOVER
) -> Iterator[Round]:
    """Run rounds of a fault; yield each. The seed decides when it hits, and what.

    A round fails if views are not counted again after so many seconds.
    """
    chance = Random(f"{name} {seed}")
    for first in range(0, number, ROUNDS_OF_SYSTEM):
        with TemporaryDirectory(prefix="chaos-", dir="/tmp") as folder:
            with running(FAULTS[name].kind, Path(folder), FAULTS[name].needs) as system:
                rounds = Rounds(system, FAULTS[name].cause, chance, most_seconds)
                for _ in range(first, min(number, first + ROUNDS_OF_SYSTEM)):
                    yield rounds.run()


class Rounds:
    """Rounds of a fault on one system, whose views add up."""

    def __init__(
        self, system: System, cause: Cause, chance: Random, most_seconds: float
    ) -> None:
        self._system = system
        self._cause = cause
        self._chance = chance
        self._most_seconds = most_seconds
        self._crowd = Visitors()
        self._before = Views()

    def run(self) -> Round:
        """Run one round."""
        crowd = self._crowd
        crowd.answers.clear()
        with visitors_of(self._system.tracker, crowd=crowd):
            crowd.await_counted(self._chance.randint(100, 500))
            began = monotonic()
            self._cause(self._system, self._chance)
            ended = monotonic()
            pause(MOST_SECONDS_TO_RECOVER + 0.2)
            more = self._most_seconds - MOST_SECONDS_TO_RECOVER
            wait_for(lambda: _recovery(crowd.answers, ended) < inf, more)
        views, recovered = self._look_up(), _recovery(crowd.answers, ended)
        of_round = Views(*(now - was for now, was in zip(views, self._before)))
        self._before = views
        failure = "; ".join(self._failures(views, recovered - ended))
        if failure:
            log = self._system.tracker.log.read_text(encoding="utf-8")
            failure = "\n".join([failure, "The log ends with:", *log.splitlines()[-5:]])
        refused = sum(not answer.was_counted for answer in crowd.answers)
        return Round(of_round, refused, recovered - ended, recovered - began, failure)

    def _look_up(self) -> Views:
        """Compare what was sent and acknowledged with what is stored, by page."""
        sent = acknowledged = stored = lost = doubled = 0
        for site, tally in self._crowd.tallies.items():
            of_pages = Counter(table(self._system.redis, f"pt:{{{site}}}:pages"))
            sent += tally.sent
            acknowledged += tally.counted
            stored += of_pages.total()
            lost += (tally.counted_of - of_pages).total()
            doubled += (of_pages - tally.sent_of).total()
        return Views(sent, acknowledged, stored, lost, doubled)

    def _failures(self, views: Views, seconds: float) -> Iterator[str]:
        """Yield each broken promise."""
        if views.lost:
            yield f"{views.lost:,} acknowledged views are lost"
        if views.doubled:
            yield f"{views.doubled:,} views are doubled"
        if not views.acknowledged <= views.stored <= views.sent:
            yield f"not acknowledged <= stored <= sent: {views}"
        if seconds > self._most_seconds:
            yield f"recovered only {seconds:.1f} s after the end of the cause"
        verified = run_command(
            self._system.folder, "verify", **self._system.environment
        )
        if verified.returncode:
            yield f"page-tracker verify: {verified.stdout}{verified.stderr}"


def _recovery(answers: list[Answer], ended: float) -> float:
    """Return when views were counted again, and none was refused any more."""
    confirmed = [one.ended for one in answers if one.was_counted and one.began > ended]
    refused = [one.ended for one in answers if not one.was_counted]
    return max([min(confirmed, default=inf), ended, *refused])
