"""Good and bad versions are deployed while visitors come, and no request fails.

Visitors view the counter page, remember each number that they get, and wait for their
last answer. Redis must then have exactly the views that were acknowledged. A stranger
beside them must neither veto a good version nor keep a bad one.
"""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from support import ROOT, docker, succeed
from support.deployer import Deploying
from support.stack import Stack
from support.visitors import TRUSTED, Stranger, Visitors

FAULTS = ("crashes", "unhealthy", "fails-smoke", "fails-visitors", "slow", "tires")
IMAGES = ("base", "good", *FAULTS)
SERVICES = ("web-service", "blue-service", "green-service")
VISITORS = 48
SECONDS_BETWEEN_VIEWS = 0.25
PLAN = {
    "COMPOSE_ENV_FILES": "/dev/null",  # the live version has the same settings
    "CANARY_SHARE": "30",  # of these visitors, enough to compare
    "CANARY_SECONDS": "6",
    "WATCH_SECONDS": "6",
    "HEALTHY_SECONDS": "20",
}
DONE = " " * 9
"""The beginning of a line with the duration of a step."""

REPORT = ROOT / "reports/deploy-drill.md"
HEAD = """\
| | outcome | requests | failed | p99 | to switch | to roll back |
|---|---|---|---|---|---|---|"""

KILLED, TERMINATED = signal.SIGKILL, signal.SIGTERM


@dataclass(frozen=True)
class Scenario:
    """A deployment of an image, and its expected outcome."""

    title: str
    status: int
    message: str
    """Part of its last line; after a kill, of the first line of the next command."""
    fault: str = ""
    """Fault of the image. Without one, it is a good image that is not live."""
    command: str = "deploy"
    at: str = ""
    """The step at whose beginning the deployment is disturbed."""
    by: signal.Signals | None = None
    """The signal that ends it there. Without one, a second deployment is tried."""
    stranger: str = ""
    """How a stranger fails the new version, or the live one if the new one is bad."""


SCENARIOS = [
    Scenario("a good version", 0, "Done"),
    Scenario("rollback by hand", 0, "Done", command="rollback"),
    Scenario("crashes at its start", 1, "last line: Error: this version", "crashes"),
    Scenario("is never healthy", 1, "was not healthy within", "unhealthy"),
    Scenario("fails the smoke tests", 1, "smoke tests failed", "fails-smoke"),
    Scenario("fails for visitors", 1, "It has more errors", "fails-visitors"),
    Scenario("is slow for visitors", 1, "It is slower", "slow"),
    Scenario("gets slow after some views", 1, "It is slower", "tires"),
    Scenario("good, a stranger fails it", 0, "Done", stranger="at once"),
    Scenario("good, a stranger slows it", 0, "Done", stranger="late"),
    Scenario(
        *("fails, a stranger fails the live one", 1, "It has more errors"),
        fault="fails-visitors",
        stranger="at once",
    ),
    Scenario(
        *("slow, a stranger slows the live one", 1, "It is slower", "slow"),
        stranger="late",
    ),
    Scenario("a second one at once", 0, "Done", at="smoke"),
    Scenario("interrupted in the canary", 143, "SIGTERM", at="canary", by=TERMINATED),
    Scenario("killed while it starts", -9, "settle", at="start", by=KILLED),
    Scenario("killed in the canary", -9, "settle", at="canary", by=KILLED),
    Scenario("killed in the watch", -9, "settle", at="watch", by=KILLED),
    Scenario("killed in the switch", -9, "settle", at="promote", by=KILLED),
    Scenario("killed while the old one drains", -9, "settle", at="finish", by=KILLED),
]


@dataclass
class Drill:
    """A stack, the images to deploy to it, and a row for each deployment."""

    stack: Stack
    images: dict[str, str] = field(default_factory=dict)
    rows: list[str] = field(default_factory=list)

    def build(self, base: str) -> None:
        """Build an image for each fault, and two good ones."""
        succeed(docker("tag", base, self.name("tested")))
        for fault in IMAGES:
            options = ["--tag", self.name(fault), "--build-arg", f"FAULT={fault}"]
            options += ["--build-arg", f"IMAGE={self.name('tested')}"]
            folder = str(Path(__file__).with_name("faults"))
            self.images[fault] = succeed(docker("build", "--quiet", *options, folder))

    def name(self, image: str) -> str:
        """Return a unique name of an image: two drills may share an engine."""
        return f"{self.stack.project}:{image}"

    def deploy(self, *arguments: str) -> Deploying:
        environment = os.environ | self.stack.environment | PLAN
        return Deploying(*arguments, environment=environment)

    @contextmanager
    def stranger(
        self, scenario: Scenario, before: set[str]
    ) -> Iterator[Stranger | None]:
        """Let a stranger come too, if the scenario has one."""
        if not scenario.stranger:
            yield None
            return
        (live,) = [name for name in IMAGES if self.images[name] in before]
        attacked = live if scenario.fault else {"base": "good", "good": "base"}[live]
        with Stranger(self.stack.url, attacked, scenario.stranger) as stranger:
            yield stranger

    def running(self) -> set[str]:
        """Return the ids of the images that run as the application."""
        found = [one for name in SERVICES for one in self.stack.containers(name)]
        return {container["Image"] for container in found}


@pytest.fixture(scope="session")
def drill(image: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Drill]:
    """Give a stack to deploy to, and write the results to reports/ at the end."""
    # With `always`, a busy disk could fail views without any deployment.
    settings = {"REDIS_FSYNC": "everysec", "PROXY_RATE": "0"}
    settings["PAGE_TRACKER_PROXIES"] = TRUSTED
    it = Drill(Stack(tmp_path_factory.mktemp("operator"), settings))
    try:
        it.build(image)
        it.stack.settings["PAGE_TRACKER_IMAGE"] = it.images["base"]
        it.stack.compose("build", "--quiet", "proxy-service")
        it.stack.up()
        yield it
    finally:
        it.stack.remove()
        docker("image", "rm", "--force", *map(it.name, ("tested", *IMAGES)))
    table = "\n".join([HEAD, *it.rows, ""])
    print("", table, sep="\n")
    REPORT.parent.mkdir(exist_ok=True)
    REPORT.write_text(table, encoding="utf-8")


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.title)
def test_should_fail_no_request_and_lose_no_view(
    drill: Drill, scenario: Scenario
) -> None:
    # Given
    before, stored = drill.running(), drill.stack.stored()
    other = ({drill.images["good"], drill.images["base"]} - before).pop()
    arguments = [scenario.command]
    if scenario.command == "deploy":
        arguments.append(drill.images.get(scenario.fault, other))

    # When
    url = drill.stack.url
    with (
        Visitors(url, VISITORS, pause=SECONDS_BETWEEN_VIEWS) as visitors,
        drill.stranger(scenario, before) as stranger,
    ):
        visitors.come(100)
        done = last = drill.deploy(*arguments)
        if scenario.at:
            done.read(until=scenario.at)
            if scenario.by:
                done.process.send_signal(scenario.by)
            else:
                assert drill.deploy(*arguments).read() == os.EX_TEMPFAIL
        status = ended = done.read()
        if scenario.by == KILLED:
            visitors.come(200)
            last = drill.deploy(*arguments)
            ended = last.read()
        visitors.come(200)
    drill.rows.append(row(scenario, done, last, visitors))

    # Then
    assert status == scenario.status
    assert ended in (0, status), "the next deployment settles a killed one"
    assert scenario.message in last.lines[0 if last is not done else -1][1]
    assert drill.running() == ({other} if ended == 0 else before)
    assert not visitors.failures
    assert bool(stranger and stranger.sent > 20) == bool(scenario.stranger)
    assert len(set(visitors.numbers)) == len(visitors.numbers), "no number twice"
    assert drill.stack.stored() - stored == len(visitors.numbers)


def row(
    scenario: Scenario, done: Deploying, last: Deploying, visitors: Visitors
) -> str:
    """Return a row of the table: how it went, and how long it took."""
    status = done.process.returncode
    to_switch = to_roll_back = None
    if last is not done:
        outcome = "killed; the next one settled it"
        to_roll_back = last.time_of(DONE, after="settle")
    elif status == 0:
        outcome = "kept"
        to_switch = done.time_of(DONE, after="promote")
    else:
        outcome = f"rolled back, status {status}"
        failed, back = done.time_of("FAILED"), done.time_of("rollback")
        to_roll_back = back - failed if failed and back else None
    seconds = sorted(visitors.seconds or [0])
    times = ("" if it is None else f"{it:.1f} s" for it in (to_switch, to_roll_back))
    return (
        f"| {scenario.title} | {outcome} | {len(visitors.numbers):,}"
        f" | {len(visitors.failures)} | {seconds[len(seconds) * 99 // 100] * 1000:.0f}"
        f" ms | {' | '.join(times)} |"
    )
