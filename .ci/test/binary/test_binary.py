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
from support import BROWSER, ROOT, run

MACHINE = {"x86_64": "amd64", "aarch64": "arm64"}[platform.machine()]
BINARY = ROOT / "dist" / f"page-tracker-linux-{MACHINE}"
PROJECT = f"page-tracker-binary-{os.getpid()}"
MACHINES = Path(__file__).with_name("docker-compose.yml")

SECONDS_TO_START = 30
SECONDS_TO_STOP = 10
"""After these Docker kills a container, by default."""

pytestmark = pytest.mark.timeout(300)


def wait_for(condition: Callable[[], object], seconds: float) -> bool:
    """Return whether a condition comes true within some seconds."""
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


def compose(*arguments: str) -> tuple[int, str]:
    """Run a command of Docker Compose on the machines."""
    return run(
        *("docker", "compose", "-p", PROJECT, "-f", str(MACHINES), *arguments),
        environment=os.environ | {"BINARY": str(BINARY)},
    )


def start(service: str, port: int) -> str:
    """Start a service, and return the address of its port."""
    status, output = compose("up", "-d", "--wait", "--wait-timeout", "60", service)
    assert status == 0, output
    return compose("port", service, str(port))[1].strip()


@dataclass
class Machine:
    """A container with only the binary, which serves."""

    service: str
    url: str
    redis_url: str

    def run(self, *command: str) -> str:
        """Run a command in the container, and return its output."""
        status, output = compose("exec", "--no-TTY", self.service, *command)
        assert status == 0, output
        return output


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
    assert up, compose("logs", service)[1]
    return running


def test_should_pass_the_end_to_end_tests_when_there_is_no_python(
    machine: Machine,
) -> None:
    # Given
    python = machine.run("sh", "-c", "command -v python3 || command -v python || echo")
    assert python == "\n"

    # When
    status, output = run(
        *(sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "test/e2e"),
        *(f"--flask-url={machine.url}", f"--redis-url={machine.redis_url}"),
        cwd=ROOT / "web",
    )

    # Then
    assert status == 0, output


def test_should_count_a_site_that_its_own_command_registered(machine: Machine) -> None:
    # Given
    site = f"{machine.service}.example"
    machine.run("page-tracker", "sites", "add", site, "--time-zone", "Europe/Berlin")

    def count() -> requests.Response:
        return requests.post(
            f"{machine.url}/api/v1/views",
            json={"site": site, "page": "/about"},
            headers={"User-Agent": BROWSER},
            timeout=10,
        )

    # When
    assert wait_for(lambda: count().ok, 5)
    counted = json.loads(count().text)["page"]["views"]
    report = machine.run("page-tracker", "report", site)
    style = requests.get(f"{machine.url}/static/embed.css", timeout=10)
    built = requests.get(f"{machine.url}/version", timeout=10).json()

    # Then
    assert counted == 2
    assert "Europe/Berlin" in report and "/about" in report and "Firefox" in report
    assert style.headers["Content-Type"].startswith("text/css")
    commit = run(".ci/commit")[1].strip()
    assert built["commit"] == commit, "it is from another commit: run make binary"


def test_should_end_cleanly_when_terminated(machine: Machine) -> None:
    # Given
    container = compose("ps", "--quiet", machine.service)[1].strip()

    # When
    compose("stop", "--timeout", str(SECONDS_TO_STOP), machine.service)

    # Then
    ended = compose("ps", "--all", "--format", "{{.ExitCode}}", machine.service)
    log = compose("logs", "--no-log-prefix", machine.service)[1]
    changed = run("docker", "diff", container)[1]
    assert ended == (0, "0\n")
    assert "ERROR" not in log
    assert "_MEI" not in changed, "unpacked files were left behind"


@pytest.mark.usefixtures("redis_url")
def test_should_print_what_to_install_when_there_is_no_redis() -> None:
    # When
    status, output = compose(
        *("run", "--rm", "--no-deps", "--no-TTY", "--env", "REDIS_URL="),
        *("--workdir", "/tmp", "oldest"),
    )

    # Then
    assert status == 1
    assert "Debian, Ubuntu: apt install redis-server" in output


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
    changed = run("git", "status", "--short")
    assert changed == (
        0,
        "",
    ), "commit first: the other build uses the last commit"
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
