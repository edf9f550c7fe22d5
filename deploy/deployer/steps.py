"""The steps of a deployment. If one fails, all visitors get the version before."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
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
from deployer.journal import KEPT, ROLLED_BACK, Journal, Record, short
from deployer.plan import Plan
from deployer.smoke import smoke, smoke_at
from deployer.traffic import Traffic, watch

FINISH = "finish"
"""From this step on the new version stays, even if the deployer is killed."""

LINES_OF_LOG = 20


@dataclass
class Deployment:
    """A deployment that holds the lock, and whose first line is in the history."""

    stack: Stack
    journal: Journal
    name: str
    before: Version
    interruptions: Interruptions
    candidate: Version | None = None

    def run(self, image: str, plan: Plan) -> int:
        """Run all steps, and return the status of the command.

        Raises UnsettledError without changing anything more, because then another
        deployment may have begun.
        """
        began = time.monotonic()
        try:
            self._bring_to_all(image, plan)
            self.interruptions.ignore()
        except UnsettledError:
            raise
        except (DeploymentError, Interruption) as error:
            return self._roll_back(error)
        self._finish()
        self.journal.write(self.name, outcome=KEPT)
        say(f"Done: visitors get {short(image)}, after {_since(began)}.")
        return Status.KEPT

    def _bring_to_all(self, image: str, plan: Plan) -> None:
        with self._step("start", f"{short(image)}, without visitors") as note:
            candidate, how = self.stack.start(image, self.before)
            self.candidate = candidate
            note(how)
        with self._step("healthy", f"wait for {plan.healthy_seconds} s at most"):
            self._wait_until_healthy(candidate, plan.healthy_seconds)
        if plan.was_kept:
            say(f"{'':{WIDTH}} no smoke tests, no canary: this image was live before")
        else:
            with self._step("smoke", "run the smoke tests in its container") as note:
                note(smoke(self.stack.container(candidate)))
            self._try_with_visitors(plan)
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
            raise DeploymentError(f"It ended: {health.detail}; its last line: {log}")

    def _try_with_visitors(self, plan: Plan) -> None:
        """Give the candidate a share of the visitors, then all but that share."""
        share = plan.canary_share
        if share and plan.canary_seconds:
            self._compare("canary", share, plan.canary_seconds, silent=True)
        else:
            say(f"{'canary':{WIDTH}} skipped, as requested")
        if plan.watch_seconds:
            self._compare("watch", 100 - share, plan.watch_seconds, silent=False)
        else:
            say(f"{'watch':{WIDTH}} skipped, as requested")

    def _compare(self, name: str, share: int, seconds: int, *, silent: bool) -> None:
        """Give the candidate a share of the visitors, and compare both versions.

        At the same time, because what strangers or Redis do at another time is no
        evidence. `silent`: the candidate may have no requests.
        """
        assert (candidate := self.candidate)
        what = f"{share} % of the visitors, for {seconds} s"
        with self._step(name, what) as note:
            self.stack.share(self.before, candidate, share)
            since = engine.now()

            def both() -> tuple[Traffic, Traffic]:
                return self._traffic(candidate, since), self._traffic(
                    self.before, since
                )

            health = partial(self.stack.health, candidate)
            note(watch(health, both, seconds, silent=silent))

    def _promote(self, candidate: Version, plan: Plan) -> None:
        with self._step("promote", f"all visitors get {short(candidate.image)}"):
            self.stack.promote(candidate)
        if plan.url:
            with self._step("outside", f"run the smoke tests at {plan.url}") as note:
                note(smoke_at(plan.url))

    def _traffic(self, version: Version, since: datetime) -> Traffic:
        return Traffic.of(version.service, self.stack.access_log(since))

    def _finish(self) -> None:
        what = "the version before answers its last requests, and stops"
        with self._step(FINISH, what) as note:
            try:
                note(self.stack.finish(self.before))
            except DeploymentError as error:
                note(f"it is still there, until the next deployment: {error}")

    def _roll_back(self, error: DeploymentError | Interruption) -> int:
        """Give visitors the version before, and return the status of the command."""
        self.interruptions.ignore()
        began = time.monotonic()
        say(f"{'FAILED':{WIDTH}} {error}")
        # First, because it fails without the lock: then nothing may be changed.
        self.journal.write(self.name, reason=str(error))
        if self.candidate and not isinstance(error, Interruption):
            service = self.candidate.service
            quote(f"The last lines of {service}", self._log_of(self.candidate))
        try:
            given = self.stack.roll_back(self.before)
            self.journal.write(self.name, outcome=ROLLED_BACK)
        except DeploymentError as worse:
            say(f"{'FAILED':{WIDTH}} the rollback failed too: {worse}")
            say(f"Not rolled back: check the stack, or run make rollback. {error}")
            return Status.STUCK
        say(f"{'rollback':{WIDTH}} visitors get {short(given.image)}, {_since(began)}")
        say(f"Rolled back: {error}")
        return error.status if isinstance(error, Interruption) else Status.ROLLED_BACK

    def _log_of(self, candidate: Version) -> str:
        try:
            return self.stack.log_tail(candidate, LINES_OF_LOG)
        except DeploymentError as error:
            return str(error)

    @contextmanager
    def _step(self, name: str, what: str) -> Iterator[Callable[[str], None]]:
        """Write a step into the history, print it, and print how long it took."""
        self.journal.write(self.name, step=name)
        say(f"{name:{WIDTH}} {what}")
        began = time.monotonic()
        notes: list[str] = []
        yield notes.append
        say(f"{'':{WIDTH}} {': '.join([f'done in {_since(began)}', *notes])}")


def settle(stack: Stack, journal: Journal, killed: Record) -> bool:
    """Finish or roll back a deployment that was killed.

    Returns whether it was rolled back. Raises UnsettledError.
    """
    at = killed.step or "its start"
    say(f"{'settle':{WIDTH}} the deployment of {killed.by}, killed at {at}:")
    try:
        if killed.step == FINISH:
            how = f"it had passed all steps, and is kept: {stack.finish(killed.before)}"
            journal.write(killed.deployment, outcome=KEPT)
        else:
            how = f"visitors get {short(stack.roll_back(killed.before).image)}"
            journal.write(killed.deployment, outcome=ROLLED_BACK, reason="killed")
    except DeploymentError as error:
        raise UnsettledError(str(error)) from error
    say(f"{'':{WIDTH}} {how}")
    return killed.step != FINISH


def _since(began: float) -> str:
    return f"{time.monotonic() - began:.1f} s"
