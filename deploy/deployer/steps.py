"""A deployment, step by step; whatever fails, visitors get the version before."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from deployer import engine
from deployer.blue_green import Stack
from deployer.ending import (
    WIDTH,
    DeploymentError,
    Interruption,
    Interruptions,
    Status,
    UnsettledError,
    quote,
    say,
)
from deployer.engine import Health, Version, last_line, wait_for
from deployer.journal import KEPT, WENT_BACK, Journal, Record, short
from deployer.plan import Plan
from deployer.smoke import smoke, smoke_at
from deployer.traffic import Traffic, watch

FINISH = "finish"
"""The step from which on the new version stays, even if nobody finishes it."""

LINES_OF_LOG = 20


@dataclass
class Deployment:
    """One deployment, under the lock and with its first line in the history."""

    stack: Stack
    journal: Journal
    name: str
    before: Version
    interruptions: Interruptions
    candidate: Version | None = None

    def run(self, image: str, plan: Plan) -> int:
        """Do all steps, and return the status of the command.

        Raises UnsettledError: then nothing more is touched, as another may be at it.
        """
        began = time.monotonic()
        try:
            self._bring_to_all(image, plan)
            self.interruptions.put_off()
        except UnsettledError:
            raise
        except (DeploymentError, Interruption) as error:
            return self._go_back(error)
        self._finish()
        self.journal.write(self.name, outcome=KEPT)
        say(f"Kept: visitors get {short(image)}, after {_since(began)}.")
        return Status.KEPT

    def _bring_to_all(self, image: str, plan: Plan) -> None:
        with self._step("start", f"{short(image)}, where no visitor gets it") as says:
            candidate, how = self.stack.start(image, self.before)
            self.candidate = candidate
            says(how)
        with self._step("healthy", f"within {plan.healthy_seconds} s"):
            self._wait_until_healthy(candidate, plan.healthy_seconds)
        if plan.was_kept:
            say(f"{'':{WIDTH}} no smoke tests, no canary: visitors had this image once")
        else:
            with self._step("smoke", "the smoke tests, against it alone") as says:
                says(smoke(self.stack.container(candidate)))
            self._give_share(candidate, plan.canary_share, plan.canary_seconds)
        self._promote(candidate, plan)

    def _wait_until_healthy(self, candidate: Version, seconds: float) -> None:
        health = Health("starting")

        def is_settled() -> bool:
            nonlocal health
            health = self.stack.health(candidate)
            return health.state != "starting"

        if not wait_for(is_settled, seconds):
            raise DeploymentError(
                f"It was not healthy within {seconds:.0f} s: {health.detail}"
            )
        if health.state == "failed":
            log = last_line(self._log_of(candidate))
            raise DeploymentError(f"It ended: {health.detail}; it said last: {log}")

    def _give_share(self, candidate: Version, share: int, seconds: int) -> None:
        if not share or not seconds:
            say(f"{'canary':{WIDTH}} left out, as asked for")
            return
        what = f"{share} % of the visitors, for {seconds} s"
        with self._step("canary", what) as says:
            self.stack.share(self.before, candidate, share)
            says(self._watch(seconds, engine.now()))

    def _promote(self, candidate: Version, plan: Plan) -> None:
        seconds = plan.watch_seconds
        old = self._traffic(self.before, engine.now() - timedelta(seconds=seconds))
        with self._step("promote", f"all visitors get {short(candidate.image)}"):
            self.stack.promote(candidate)
            since = engine.now()
        if plan.url:
            with self._step("outside", f"the smoke tests, at {plan.url}") as says:
                says(smoke_at(plan.url))
        if seconds:
            what = f"for {seconds} s, beside what was before"
            with self._step("watch", what) as says:
                says(self._watch(seconds, since, old))
        elif not plan.was_kept:
            say(f"{'watch':{WIDTH}} left out, as asked for")

    def _watch(self, seconds: int, since: datetime, old: Traffic | None = None) -> str:
        """Compare it with what the one before does meanwhile, or has done."""
        assert (candidate := self.candidate)

        def both() -> tuple[Traffic, Traffic]:
            new = self._traffic(candidate, since)
            return new, old or self._traffic(self.before, since)

        health = partial(self.stack.health, candidate)
        return watch(health, both, seconds, silent=not old)

    def _traffic(self, version: Version, since: datetime) -> Traffic:
        return Traffic.of(version.service, self.stack.access_log(since))

    def _finish(self) -> None:
        what = "what was before answers what it has, and stops"
        with self._step(FINISH, what) as says:
            try:
                says(self.stack.finish(self.before))
            except DeploymentError as error:
                says(f"it is still there, until the next deployment: {error}")

    def _go_back(self, error: DeploymentError | Interruption) -> int:
        """Give visitors what they had, and return the status of the command."""
        self.interruptions.put_off()
        began = time.monotonic()
        say(f"{'FAILED':{WIDTH}} {error}")
        # Before anything is changed: without the lock nothing may be.
        self.journal.write(self.name, reason=str(error))
        if self.candidate and not isinstance(error, Interruption):
            service = self.candidate.service
            quote(f"The last lines of {service}", self._log_of(self.candidate))
        try:
            given = self.stack.go_back(self.before)
            self.journal.write(self.name, outcome=WENT_BACK)
        except DeploymentError as worse:
            say(f"{'FAILED':{WIDTH}} to go back, too: {worse}")
            say(f"Look at it at once, or let make rollback settle it. {error}")
            return Status.STUCK
        say(f"{'back':{WIDTH}} visitors get {short(given.image)}, {_since(began)}")
        say(f"Went back: {error}")
        return error.status if isinstance(error, Interruption) else Status.WENT_BACK

    def _log_of(self, candidate: Version) -> str:
        try:
            return self.stack.log_tail(candidate, LINES_OF_LOG)
        except DeploymentError as error:
            return str(error)

    @contextmanager
    def _step(self, name: str, what: str) -> Iterator[Callable[[str], None]]:
        """Say what is done, put it into the history, and say how long it took."""
        self.journal.write(self.name, step=name)
        say(f"{name:{WIDTH}} {what}")
        began = time.monotonic()
        told: list[str] = []
        yield told.append
        say(f"{'':{WIDTH}} {': '.join([f'done in {_since(began)}', *told])}")


def settle(stack: Stack, journal: Journal, left: Record) -> bool:
    """Bring to an end what a deployment left that was killed.

    Returns whether that was to go back. Raises UnsettledError.
    """
    say(f"{'settle':{WIDTH}} {left.by} was stopped at {left.step or 'the start'}:")
    try:
        if left.step == FINISH:
            how = f"its version was good, and is kept: {stack.finish(left.before)}"
            journal.write(left.deployment, outcome=KEPT)
        else:
            how = f"visitors get {short(stack.go_back(left.before).image)}"
            journal.write(left.deployment, outcome=WENT_BACK, reason="it was killed")
    except DeploymentError as error:
        raise UnsettledError(str(error)) from error
    say(f"{'':{WIDTH}} {how}")
    return left.step != FINISH


def _since(began: float) -> str:
    return f"{time.monotonic() - began:.1f} s"
