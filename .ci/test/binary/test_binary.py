"""The binary: on machines without Python, with a Redis of its own, and built twice."""

import os
import platform
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path

import psutil
import pytest
import requests

from page_tracker.operating.waiting import wait_for
from servers import page_tracker

ROOT = Path(__file__).parents[3]
MACHINE = {"x86_64": "amd64", "aarch64": "arm64"}[platform.machine()]
BINARY = ROOT / "dist" / f"page-tracker-linux-{MACHINE}"
MACHINES = Path(__file__).with_name("docker-compose.yml")
PROJECT = f"page-tracker-binary-{os.getpid()}"
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"

SECONDS_TO_START = 30
SECONDS_TO_STOP = 10
"""After which Docker kills a container, where nothing else is said."""

pytestmark = pytest.mark.timeout(300)


@dataclass
class Machine:
    """A container that has nothing of ours but the binary, which serves."""

    service: str
    url: str

    def run(self, *command: str) -> str:
        """Run a command in the container, and return what it prints."""
        done = compose("exec", "--no-TTY", self.service, *command)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


def compose(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a command of Docker Compose on the machines, for two minutes at most."""
    return subprocess.run(
        [
            "docker",
            "compose",
            "--project-name",
            PROJECT,
            "--file",
            MACHINES,
            *arguments,
        ],
        env=os.environ | {"BINARY": str(BINARY)},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def start(service: str, port: int) -> str:
    """Start a service, and return where its port is found."""
    started = compose("up", "--detach", "--wait", "--wait-timeout", "60", service)
    assert started.returncode == 0, started.stderr
    return compose("port", service, str(port)).stdout.strip()


@pytest.fixture(scope="module")
def redis_url() -> Iterator[str]:
    """Give the URL of a Redis, and remove all machines afterwards."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield f"redis://{start('redis-service', 6379)}"
    finally:
        compose("down", "--volumes", "--timeout", "5")


@pytest.fixture(params=["bookworm", "bookworm-read-only", "trixie", "trixie-read-only"])
def machine(request: pytest.FixtureRequest) -> Machine:
    """Give a machine on which the binary serves, and counts in the Redis.

    It goes on serving, for the next test.
    """
    request.getfixturevalue("redis_url")
    running = Machine(request.param, f"http://{start(request.param, 8000)}")

    def is_up() -> bool:
        with suppress(requests.RequestException):
            return requests.get(f"{running.url}/health", timeout=2).ok
        return False

    up = wait_for(is_up, SECONDS_TO_START)
    assert up, compose("logs", running.service).stdout
    return running


def test_should_pass_the_end_to_end_tests_when_there_is_no_python(
    machine: Machine, redis_url: str
) -> None:
    # Given
    python = machine.run("sh", "-c", "command -v python3 || command -v python || echo")
    assert python == "\n"

    # When
    tests = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "test/e2e"]
        + [f"--flask-url={machine.url}", f"--redis-url={redis_url}"],
        cwd=ROOT / "web",
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )

    # Then
    assert tests.returncode == 0, tests.stdout


def test_should_count_a_site_that_its_own_command_registered(machine: Machine) -> None:
    # Given
    site = f"{machine.service}.example"
    machine.run("page-tracker", "sites", "add", site, "--time-zone", "Europe/Berlin")

    def count() -> requests.Response:
        return requests.post(
            f"{machine.url}/api/v1/views",
            json={"site": site, "page": "/about"},
            headers={"User-Agent": FIREFOX},
            timeout=10,
        )

    # When
    assert wait_for(lambda: count().ok, 5)
    answer = count().json()
    report = machine.run("page-tracker", "report", site)
    style = requests.get(f"{machine.url}/static/embed.css", timeout=10)

    # Then
    assert answer["page"] == {"page": "/about", "views": 2, "visits": 1}
    assert "Europe/Berlin" in report and "/about" in report and "Firefox" in report
    assert style.headers["Content-Type"].startswith("text/css")


def test_should_tell_the_version_and_commit_that_it_was_built_from(
    machine: Machine,
) -> None:
    # Given
    commit = subprocess.check_output([ROOT / ".ci" / "commit"], text=True).strip()

    # When
    running = requests.get(f"{machine.url}/version", timeout=10).json()
    printed = machine.run("page-tracker", "--version")

    # Then
    assert running["commit"] == commit, "it is of another commit: run make binary"
    assert running["version"] == version("page-tracker")
    assert printed == f"page-tracker, version {running['version']}\n"


def test_should_end_cleanly_when_terminated(machine: Machine) -> None:
    # Given
    container = compose("ps", "--quiet", machine.service).stdout.strip()

    # When
    compose("stop", "--timeout", str(SECONDS_TO_STOP), machine.service)

    # Then
    status = compose("ps", "--all", "--format", "{{.ExitCode}}", machine.service)
    log = compose("logs", "--no-log-prefix", machine.service).stdout
    changed = subprocess.check_output(["docker", "diff", container], text=True)
    assert status.stdout.strip() == "0"
    assert "Shutting down: Master" in log.splitlines()[-1]
    assert "ERROR" not in log
    assert "_MEI" not in changed, "what it unpacked was left behind"


@pytest.mark.usefixtures("redis_url")
def test_should_say_what_to_install_when_there_is_no_redis() -> None:
    # When
    given_up = compose(
        *["run", "--rm", "--no-deps", "--no-TTY", "--env", "REDIS_URL="],
        *["--workdir", "/tmp", "bookworm"],
    )

    # Then
    assert given_up.returncode == 1
    assert "Debian, Ubuntu: apt install redis-server" in given_up.stderr


@pytest.fixture
def own_redis(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[psutil.Process, psutil.Process]]:
    """Give a binary that serves without REDIS_URL on this machine, and its Redis."""
    monkeypatch.setattr("servers.COMMAND", BINARY)
    with page_tracker(folder, TMPDIR=str(folder)) as running:
        assert running.get().text == "This page has been seen 1 times."
        serve = psutil.Process(running.process.pid)
        (redis,) = [
            below for below in serve.children(recursive=True) if "redis" in below.name()
        ]
        yield serve, redis


def test_should_keep_its_libraries_from_its_redis(
    own_redis: tuple[psutil.Process, psutil.Process], folder: Path
) -> None:
    # Given
    serve, redis = own_redis
    unpacked = str(folder)

    # When
    libraries = [
        [used.path for used in process.memory_maps() if used.path.startswith(unpacked)]
        for process in (serve.children()[0], redis)
    ]

    # Then
    assert libraries[0] and not libraries[1]


def test_should_leave_no_process_behind_when_killed(
    own_redis: tuple[psutil.Process, psutil.Process],
) -> None:
    # Given
    serve, _ = own_redis
    processes = serve.children(recursive=True)

    # When
    serve.kill()

    # Then
    _, left = psutil.wait_procs(processes, timeout=SECONDS_TO_STOP)
    assert not left


@pytest.mark.timeout(900)
def test_should_be_the_same_when_built_elsewhere(tmp_path: Path) -> None:
    # Given
    changed = subprocess.check_output(["git", "status", "--short"], cwd=ROOT, text=True)
    assert not changed, "commit first: what is built elsewhere is what is committed"
    elsewhere = tmp_path / "a place with another name"
    subprocess.run(["git", "clone", "--quiet", ROOT, elsewhere], check=True)

    # When
    subprocess.run(
        ["make", "binary"],
        cwd=elsewhere,
        env=os.environ | {"TZ": "Pacific/Auckland", "LC_ALL": "C"},
        umask=0o077,
        check=True,
        timeout=800,
    )

    # Then
    there = elsewhere / BINARY.relative_to(ROOT)
    assert (
        sha256(there.read_bytes()).hexdigest()
        == sha256(BINARY.read_bytes()).hexdigest()
    )
