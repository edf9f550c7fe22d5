"""A deployment, step by step; whatever fails, visitors get the version before."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta

from deployment import engine
from deployment.engine import last_line
from deployment.errors import DeploymentError, Status, UnsettledError
from deployment.history import KEPT, WENT_BACK, Record, short
from deployment.interruption import Interruption, Interruptions
from deployment.journal import Journal
from deployment.output import WIDTH, quote, say
from deployment.plan import Plan
from deployment.smoke import smoke, smoke_at
from deployment.strategy import Strategy, Version
from deployment.traffic import Traffic
from deployment.watching import watch

FINISH = "finish"
"""The step from which on the new version stays, even if nobody finishes it."""

SECONDS_BETWEEN_LOOKS = 0.5
LINES_OF_LOG = 20

Says = Callable[[str], None]


class Deployment:
    """One deployment, under the lock and with its first line in the history."""

    def __init__(
        self,
        strategy: Strategy,
        journal: Journal,
        name: str,
        before: Version,
        interruptions: Interruptions,
    ) -> None:
        self.strategy = strategy
        self.journal = journal
        self.name = name
        self.before = before
        self.candidate: Version | None = None
        self._interruptions = interruptions

    def run(self, image: str, plan: Plan) -> int:
        """Do all steps, and return the status of the command.

        Raises UnsettledError: then nothing more is touched, as another may be at it.
        """
        began = time.monotonic()
        try:
            self._bring_to_all(image, plan)
            self._interruptions.put_off()
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
            candidate, how = self.strategy.start(image, self.before)
            self.candidate = candidate
            says(how)
        with self._step("healthy", f"within {plan.healthy_seconds} s") as says:
            self._wait_until_healthy(candidate, plan.healthy_seconds)
        if plan.was_kept:
            say(f"{'':{WIDTH}} enough for what was kept once: all visitors get it next")
        else:
            self._try_out(candidate, plan)
        self._promote(candidate, plan)

    def _try_out(self, candidate: Version, plan: Plan) -> None:
        with self._step("smoke", "the smoke tests, against it alone") as says:
            says(smoke(self.strategy.container(candidate)))
        if plan.canary_share and plan.canary_seconds:
            self._give_share(candidate, plan.canary_share, plan.canary_seconds)
        else:
            say(f"{'canary':{WIDTH}} left out, as asked for")

    def _wait_until_healthy(self, candidate: Version, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while (health := self.strategy.health(candidate)).state != "healthy":
            if health.state == "failed":
                log = self._log_of(candidate)
                raise DeploymentError(
                    f"It ended: {health.detail}; it said last: {last_line(log)}"
                )
            if time.monotonic() > deadline:
                raise DeploymentError(
                    f"It was not healthy within {seconds:.0f} s: {health.detail}"
                )
            time.sleep(SECONDS_BETWEEN_LOOKS)

    def _give_share(self, candidate: Version, share: int, seconds: int) -> None:
        with self._step(
            "canary", f"{share} % of the visitors, for {seconds} s"
        ) as says:
            self.strategy.share(self.before, candidate, share)
            since = engine.now()

            def both() -> tuple[Traffic, Traffic]:
                log = list(self.strategy.access_log(since))
                new, old = candidate.service, self.before.service
                return Traffic.of(new, log), Traffic.of(old, log)

            says(watch(lambda: self.strategy.health(candidate), both, seconds))

    def _promote(self, candidate: Version, plan: Plan) -> None:
        seconds = plan.watch_seconds
        before = engine.now() - timedelta(seconds=seconds)
        old = Traffic.of(self.before.service, self.strategy.access_log(before))
        with self._step("promote", f"all visitors get {short(candidate.image)}"):
            live = self.strategy.promote(self.before, candidate)
            since = engine.now()
        if plan.url:
            with self._step("outside", f"the smoke tests, at {plan.url}") as says:
                says(smoke_at(plan.url))
        if not seconds:
            if not plan.was_kept:
                say(f"{'watch':{WIDTH}} left out, as asked for")
            return
        with self._step("watch", f"for {seconds} s, beside what was before") as says:

            def both() -> tuple[Traffic, Traffic]:
                log = self.strategy.access_log(since)
                return Traffic.of(live.service, log), old

            says(watch(lambda: self.strategy.health(live), both, seconds, silent=False))

    def _finish(self) -> None:
        with self._step(
            FINISH, "what was before answers what it has, and stops"
        ) as says:
            try:
                says(self.strategy.finish(self.before))
            except DeploymentError as error:
                says(f"it is still there, until the next deployment: {error}")

    def _go_back(self, error: DeploymentError | Interruption) -> int:
        """Give visitors what they had, and return the status of the command."""
        self._interruptions.put_off()
        began = time.monotonic()
        say(f"{'FAILED':{WIDTH}} {error}")
        # Before anything is changed: without the lock nothing may be.
        self.journal.write(self.name, reason=str(error))
        if self.candidate and not isinstance(error, Interruption):
            self._quote_log(self.candidate)
        try:
            self.strategy.go_back(self.before)
            self.journal.write(self.name, outcome=WENT_BACK)
        except DeploymentError as worse:
            say(f"{'FAILED':{WIDTH}} to go back, too: {worse}")
            say(f"Look at it at once, or let make rollback settle it. {error}")
            return Status.STUCK
        say(
            f"{'back':{WIDTH}} visitors get {short(self.before.image)}, {_since(began)}"
        )
        say(f"Went back: {error}")
        return error.status if isinstance(error, Interruption) else Status.WENT_BACK

    def _quote_log(self, candidate: Version) -> None:
        quote(f"The last lines of {candidate.service}", self._log_of(candidate))

    def _log_of(self, candidate: Version) -> str:
        try:
            return self.strategy.log_tail(candidate, LINES_OF_LOG)
        except DeploymentError as error:
            return str(error)

    @contextmanager
    def _step(self, name: str, what: str) -> Iterator[Says]:
        """Say what is done, put it into the history, and say how long it took."""
        self.journal.write(self.name, step=name)
        say(f"{name:{WIDTH}} {what}")
        began = time.monotonic()
        told: list[str] = []
        yield told.append
        say(f"{'':{WIDTH}} {': '.join([f'done in {_since(began)}', *told])}")


def settle(strategy: Strategy, journal: Journal, left: Record) -> bool:
    """Bring to an end what a deployment left that was killed.

    Returns whether that was to go back. Raises UnsettledError.
    """
    say(f"{'settle':{WIDTH}} {left.by} was stopped at {left.step or 'the start'}:")
    try:
        if left.step == FINISH:
            how = f"its version was good, and is kept: {strategy.finish(left.before)}"
            journal.write(left.deployment, outcome=KEPT)
        else:
            strategy.go_back(left.before)
            how = f"visitors get {short(left.before.image)}, as before it"
            journal.write(left.deployment, outcome=WENT_BACK, reason="it was killed")
    except DeploymentError as error:
        raise UnsettledError(str(error)) from error
    say(f"{'':{WIDTH}} {how}")
    return left.step != FINISH


def _since(began: float) -> str:
    return f"{time.monotonic() - began:.1f} s"
