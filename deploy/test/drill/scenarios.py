"""What may happen to a deployment, and what has to come of it."""

import os
import signal
from dataclasses import dataclass, field

from drill.runs import Run, deploy
from support.stack import Stack
from support.visitors import Visitors

VISITORS = 12
SECONDS_BETWEEN_VIEWS = 0.02
SERVICES = ("web-service", "blue-service", "green-service")


@dataclass
class Result:
    """How a scenario went, and what it broke of what is promised."""

    title: str
    went: str = ""
    shown: int = 0
    """How many views were acknowledged, with a number."""
    failed: int = 0
    p99: float = 0
    """Milliseconds within which 99 % of the answers came."""
    to_switch: float | None = None
    to_roll_back: float | None = None
    broken: list[str] = field(default_factory=list)

    def expect(self, what: str, is_so: bool) -> None:
        """Note a promise that was broken."""
        if not is_so:
            self.broken.append(f"expected {what}")


@dataclass(frozen=True)
class Scenario:
    """A deployment of an image, and how it has to go."""

    title: str
    status: int
    says: str
    """What its last line has to have, or a line of the command after a killed one."""
    fault: str = ""
    """That of the image. Without one it is a good image, and another than is live."""
    command: str = "deploy"
    at: str = ""
    """The step at whose beginning something happens to it, if anything does."""
    by: signal.Signals | None = None
    """The signal that ends it there; without one a second deployment is tried there."""


DONE = " " * 9
"""With which a line begins that says how long a step took."""

KILLED, TERMINATED = signal.SIGKILL, signal.SIGTERM

SCENARIOS = [
    Scenario("a good version", 0, "Kept"),
    Scenario("rollback by hand", 0, "Kept", command="rollback"),
    Scenario("crashes at its start", 1, "It ended", "crashes"),
    Scenario("is never healthy", 1, "was not healthy within", "unhealthy"),
    Scenario("fails the smoke tests", 1, "smoke tests did not pass", "fails-smoke"),
    Scenario("is slow for visitors", 1, "It is slower", "slow"),
    Scenario("gets slow after some views", 1, "It is slower", "tires"),
    Scenario("a second one at once", 0, "Kept", at="smoke"),
    Scenario("interrupted in the canary", 143, "SIGTERM", at="canary", by=TERMINATED),
    Scenario("killed while it starts", -9, "settle", at="start", by=KILLED),
    Scenario("killed in the canary", -9, "settle", at="canary", by=KILLED),
    Scenario("killed in the switch", -9, "settle", at="promote", by=KILLED),
    Scenario("killed after the switch", -9, "settle", at="watch", by=KILLED),
    Scenario("killed while the old one drains", -9, "settle", at="finish", by=KILLED),
]


class Drill:
    """Scenarios on one stack, one after the other."""

    def __init__(self, stack: Stack, images: dict[str, str], seconds: int) -> None:
        self._stack = stack
        self._images = images
        self._settings = {
            "CANARY_SHARE": "20",
            "CANARY_SECONDS": str(seconds),
            "WATCH_SECONDS": str(seconds),
            "HEALTHY_SECONDS": "20",
        }

    def run(self, scenario: Scenario) -> Result:
        """Have a scenario happen while visitors come, and look what came of it."""
        print(f"\n== {scenario.title}", flush=True)
        result = Result(scenario.title)
        before, stored = self._running(), self._stack.stored()
        good = {self._images["good"], self._images["base"]}
        other = (good - before).pop()
        image = self._images.get(scenario.fault, other)
        arguments = [scenario.command]
        if scenario.command == "deploy":
            arguments.append(image)
        url = self._stack.url
        with Visitors(url, VISITORS, pause=SECONDS_BETWEEN_VIEWS) as visitors:
            visitors.come(100)
            done = self._deploy(arguments, scenario, result)
            result.expect(f"status {scenario.status}", done.status == scenario.status)
            last = done
            if done.status == -KILLED:
                visitors.come(200)
                last = deploy(self._stack, *arguments, settings=self._settings)
                result.expect("status 0 after that", last.status == 0)
            visitors.come(200)
        _account(result, visitors, self._stack.stored() - stored)
        _time(result, done, last)
        told = last.lines[0][1] if last is not done else last.reason
        result.expect(f"'{scenario.says}' in: {told}", scenario.says in told)
        after = {other} if last.status == 0 else before
        running = self._running()
        result.expect(f"{after} run alone, and not {running}", running == after)
        return result

    def _deploy(self, arguments: list[str], scenario: Scenario, result: Result) -> Run:
        def act(process: int) -> None:
            if scenario.by:
                os.kill(process, scenario.by)
                return
            second = deploy(self._stack, *arguments)
            result.expect("status 75 of the second", second.status == os.EX_TEMPFAIL)

        return deploy(
            self._stack, *arguments, at=scenario.at, act=act, settings=self._settings
        )

    def _running(self) -> set[str]:
        """Return the ids of the images that run as the application."""
        return {
            container["Image"]
            for service in SERVICES
            for container in self._stack.containers(service)
        }


def _account(result: Result, visitors: Visitors, stored: int) -> None:
    """Hold what was acknowledged against what is stored."""
    result.shown, result.failed = len(visitors.numbers), len(visitors.failures)
    seconds = sorted(visitors.seconds or [0])
    result.p99 = seconds[len(seconds) * 99 // 100] * 1000
    doubled = result.shown - len(set(visitors.numbers))
    result.expect(f"no failed request: {visitors.failures[:5]}", not result.failed)
    result.expect(f"no number twice, not {doubled}", not doubled)
    told = f"{result.shown} acknowledged = {stored} stored"
    result.expect(told, result.shown == stored)


def _time(result: Result, done: Run, last: Run) -> None:
    """Note what it said when, and how it ended."""
    result.went = f"status {done.status}"
    if last is not done:
        result.went = "killed; the next one settled it"
        result.to_roll_back = last.time_of(DONE, after="settle")
    elif done.status == 0:
        result.went = "kept"
        result.to_switch = done.time_of(DONE, after="promote")
    else:
        result.went = f"went back, status {done.status}"
        failed, back = done.time_of("FAILED"), done.time_of("back")
        if failed and back:
            result.to_roll_back = back - failed
