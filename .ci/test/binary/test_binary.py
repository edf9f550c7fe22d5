"""The binary: on machines without Python, with a Redis of its own, and built twice."""

import json
import os
import platform
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import psutil
import pytest
import requests

ROOT = Path(__file__).parents[3]
MACHINE = {"x86_64": "amd64", "aarch64": "arm64"}[platform.machine()]
BINARY = ROOT / "dist" / f"page-tracker-linux-{MACHINE}"
PROJECT = f"page-tracker-binary-{os.getpid()}"
MACHINES = Path(__file__).with_name("docker-compose.yml")
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"

SECONDS_TO_START = 30
SECONDS_TO_STOP = 10
"""After which Docker kills a container, where nothing else is said."""

pytestmark = pytest.mark.timeout(300)


def wait_for(condition: Callable[[], object], seconds: float) -> bool:
    """Return whether a condition came true within some seconds."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.1)
    return True


def is_up(url: str) -> bool:
    """Return whether a server answers."""
    with suppress(requests.RequestException):
        return requests.get(f"{url}/health", timeout=2).ok
    return False


def compose(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a command of Docker Compose on the machines, for two minutes at most."""
    return subprocess.run(
        ["docker", "compose", "-p", PROJECT, "-f", MACHINES, *arguments],
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


@dataclass
class Machine:
    """A container that has nothing of ours but the binary, which serves."""

    service: str
    url: str
    redis_url: str

    def run(self, *command: str) -> str:
        """Run a command in the container, and return what it prints."""
        done = compose("exec", "--no-TTY", self.service, *command)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


@pytest.fixture(scope="module")
def redis_url() -> Iterator[str]:
    """Give the URL of a Redis, and remove all machines afterwards."""
    try:
        yield f"redis://{start('redis-service', 6379)}"
    finally:
        compose("down", "--volumes", "--timeout", "5")


@pytest.fixture(scope="module", params=["oldest", "read-only"])
def machine(request: pytest.FixtureRequest, redis_url: str) -> Machine:
    """Give a machine on which the binary serves, and counts in the Redis."""
    service: str = request.param
    running = Machine(service, f"http://{start(service, 8000)}", redis_url)
    up = wait_for(lambda: is_up(running.url), SECONDS_TO_START)
    assert up, compose("logs", service).stdout
    return running


def test_should_pass_the_end_to_end_tests_when_there_is_no_python(
    machine: Machine,
) -> None:
    # Given
    python = machine.run("sh", "-c", "command -v python3 || command -v python || echo")
    assert python == "\n"

    # When
    tests = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "test/e2e"]
        + [f"--flask-url={machine.url}", f"--redis-url={machine.redis_url}"],
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
    counted = json.loads(count().text)["page"]["views"]
    report = machine.run("page-tracker", "report", site)
    style = requests.get(f"{machine.url}/static/embed.css", timeout=10)

    # Then
    assert counted == 2
    assert "Europe/Berlin" in report and "/about" in report and "Firefox" in report
    assert style.headers["Content-Type"].startswith("text/css")


def test_should_tell_the_commit_that_it_was_built_from(machine: Machine) -> None:
    # Given
    commit = subprocess.check_output([ROOT / ".ci/commit"], text=True).strip()

    # When
    running = requests.get(f"{machine.url}/version", timeout=10).json()

    # Then
    assert running["commit"] == commit, "it is of another commit: run make binary"


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
    assert "ERROR" not in log
    assert "_MEI" not in changed, "what it unpacked was left behind"


@pytest.mark.usefixtures("redis_url")
def test_should_say_what_to_install_when_there_is_no_redis() -> None:
    # When
    given_up = compose(
        *["run", "--rm", "--no-deps", "--no-TTY", "--env", "REDIS_URL="],
        *["--workdir", "/tmp", "oldest"],
    )

    # Then
    assert given_up.returncode == 1
    assert "Debian, Ubuntu: apt install redis-server" in given_up.stderr


def test_should_leave_no_process_behind_when_killed(tmp_path: Path) -> None:
    # Given: without REDIS_URL it starts a Redis, which has libraries of its own
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    environment = {
        name: value for name, value in os.environ.items() if name[:5] != "REDIS"
    }
    with subprocess.Popen(
        [BINARY, "serve", "--bind", f"127.0.0.1:{port}"],
        cwd=tmp_path,
        env=environment | {"TMPDIR": str(tmp_path), "PAGE_TRACKER_WORKERS": "1"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as serve:
        process = psutil.Process(serve.pid)

        def redis() -> list[psutil.Process]:
            below = process.children(recursive=True)
            return [child for child in below if "redis-server" in child.name()]

        assert wait_for(redis, SECONDS_TO_START)
        libraries = [used.path for used in redis()[0].memory_maps()]
        processes = process.children(recursive=True)

        # When
        serve.kill()

        # Then
        _, left = psutil.wait_procs(processes, timeout=SECONDS_TO_STOP)
        assert not left
        assert not [path for path in libraries if path.startswith(str(tmp_path))]


@pytest.mark.timeout(900)
def test_should_be_the_same_when_built_elsewhere(tmp_path: Path) -> None:
    # Given
    changed = subprocess.check_output(["git", "status", "--short"], cwd=ROOT, text=True)
    assert not changed, "commit first: what is built elsewhere is what is committed"
    elsewhere = tmp_path / "a place with another name"
    subprocess.run(["git", "clone", "--quiet", ROOT, elsewhere], check=True)

    # When
    subprocess.run(
        [".ci/binary", "--no-cache"],
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
