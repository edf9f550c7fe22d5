"""A scan says what it found, and never that all is well when it could not look."""

import gzip
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

# A scan takes seconds, but not on a busy machine.
pytestmark = pytest.mark.timeout(120)

SCANS = Path(__file__).parents[1] / "scans"

# In two parts, so that the scan of this very file does not find it.
TOKEN = "dckr_pat_" + "v7z9Fe2r9OQmcz5NiX9rQ2d3kSO"

NOBODY = "http://127.0.0.1:9/"

OSV = {
    "id": "PYSEC-1",
    "published": "2026-01-01T00:00:00Z",
    "affected": [{"package": {"name": "right", "ecosystem": "PyPI"}}],
}
NPM = {
    "id": 1,
    "url": "https://github.com/advisories/GHSA-2",
    "title": "A fault",
    "severity": "high",
    "vulnerable_versions": "<1.0.1",
}
VERSIONS = {one: {"name": "left", "version": one} for one in ("1.0.0", "1.0.1")}


class Advisories(ThreadingHTTPServer):
    """Answers as OSV and npm's registry do, for one vulnerable package of each."""

    daemon_threads = True
    status = 200
    vulnerable = False


class Handler(BaseHTTPRequestHandler):
    """Answers one question."""

    server: Advisories

    def do_POST(self) -> None:  # pylint: disable=invalid-name
        """Answer what is known of one Python package, or of several of npm's."""
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        asked, known = json.loads(body), self.server.vulnerable
        if self.path == "/osv":
            self.reply({"vulns": [OSV]} if known else {})
        else:
            self.reply({name: [NPM] if known else [] for name in asked})

    def do_GET(self) -> None:  # pylint: disable=invalid-name
        """Answer which versions npm's package has."""
        latest = {"latest": "1.0.1"}
        self.reply({"name": "left", "dist-tags": latest, "versions": VERSIONS})

    def reply(self, value: object) -> None:
        """Send a value as JSON."""
        self.send_response(self.server.status)
        self.end_headers()
        self.wfile.write(json.dumps(value).encode())

    def log_message(self, format: str, *args: object) -> None:
        """Log nothing."""


@pytest.fixture
def advisories() -> Iterator[Advisories]:
    """Give a service that knows no vulnerability."""
    with Advisories(("127.0.0.1", 0), Handler) as service:
        thread = Thread(target=service.serve_forever)
        thread.start()
        yield service
        service.shutdown()
        thread.join()


@dataclass
class Repository:
    """A small project under git."""

    folder: Path
    environment: dict[str, str] = field(default_factory=dict)

    def run(self, *command: str | Path) -> tuple[int, str]:
        """Run a command in it, and return its status and what it printed."""
        done = subprocess.run(
            command,
            cwd=self.folder,
            env=os.environ | self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=100,
            check=False,
        )
        return done.returncode, done.stdout

    def commit(self, name: str, text: str) -> None:
        """Commit a file."""
        path = self.folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
        assert self.run("git", "add", "--all") == (0, "")
        who = ("-c", "user.name=Me", "-c", "user.email=me@b.org")
        commit = ("-c", "commit.gpgSign=no", "commit", "--quiet", "--message", name)
        assert self.run("git", *who, *commit) == (0, "")

    def scan(self) -> tuple[int, str, str]:
        """Return status, output and last line of a scan."""
        status, output = self.run(SCANS / "scan")
        return status, output, output.splitlines()[-1]


@pytest.fixture
def repository(tmp_path: Path, advisories: Advisories) -> Repository:
    """Give a project with two dependencies and nothing to hide."""
    url = f"http://127.0.0.1:{advisories.server_port}"
    repository = Repository(
        tmp_path / "small",
        {
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "PIP_AUDIT_VULNERABILITY_SERVICE": "osv",
            "PIP_AUDIT_OSV_URL": f"{url}/osv",
            "npm_config_registry": f"{url}/npm/",
            "NO_PROXY": "127.0.0.1",
            "no_proxy": "127.0.0.1",
        },
    )
    repository.folder.mkdir()
    packages = {
        "": {"name": "small", "devDependencies": {"left": "1.0.0"}},
        "node_modules/left": {"version": "1.0.0", "dev": True},
    }
    lock = {"name": "small", "lockfileVersion": 3, "packages": packages}
    repository.run("git", "init", "--quiet")
    repository.commit("web/package-lock.json", json.dumps(lock))
    repository.commit("web/package.json", json.dumps(packages[""]))
    pins = (
        "# made by a tool\nright==1.0 ; os_name == 'nt'\nright==2.0 ; os_name == 'a'\n"
    )
    repository.commit("web/constraints.txt", pins)
    return repository


def test_should_say_so_when_there_is_nothing_but_what_is_marked(
    repository: Repository,
) -> None:
    # Given
    repository.commit("a.sh", f"login {TOKEN}  # pragma: allowlist secret (made up)\n")

    # When
    status, output, last = repository.scan()

    # Then
    assert status == 0, output
    assert last == "Found nothing."


def test_should_name_vulnerabilities_of_every_system_and_use(
    repository: Repository, advisories: Advisories, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given
    advisories.vulnerable = True
    (repository.folder / "web/.npmrc").write_text("offline=true\naudit=false\n")
    monkeypatch.setenv("NODE_ENV", "production")  # which leaves out development's

    # When
    status, output, last = repository.scan()

    # Then
    assert status == 1, output
    assert "right 1.0     PYSEC-1" in output
    assert "right 2.0     PYSEC-1" in output
    assert "GHSA-2" in output
    assert last.startswith("Found something: python_packages npm_packages.")


@pytest.mark.parametrize("answer", [404, 500, "nobody listens"])
def test_should_say_that_it_could_not_look_when_advisories_are_not_answered(
    repository: Repository, advisories: Advisories, answer: int | str
) -> None:
    # Given
    if isinstance(answer, int):
        advisories.status = answer
    else:
        addresses = {"PIP_AUDIT_OSV_URL": NOBODY, "npm_config_registry": NOBODY}
        repository.environment |= addresses

    # When
    status, output, last = repository.scan()

    # Then
    assert status == 75, output
    assert last.startswith("Could not look: python_packages npm_packages.")
    assert "Traceback" not in output


def test_should_find_a_secret_in_the_history_though_others_could_not_look(
    repository: Repository,
) -> None:
    # Given
    repository.commit("deploy.sh", f"login {TOKEN}\n")
    repository.commit("deploy.sh", "login\n")
    repository.environment["PIP_AUDIT_OSV_URL"] = NOBODY

    # When
    status, output, last = repository.scan()

    # Then
    assert status == 1, output
    assert "deploy.sh" in output
    assert TOKEN not in output
    assert "Could not look: python_packages." in output
    assert last.startswith("Found something: secrets.")


def test_should_say_that_it_could_not_look_when_the_history_is_not_here(
    repository: Repository, tmp_path: Path
) -> None:
    # Given
    clone = ("git", "clone", "--quiet", "--depth=1", repository.folder.as_uri())
    assert repository.run(*clone, tmp_path / "shallow") == (0, "")

    # When
    status, output, _ = replace(repository, folder=tmp_path / "shallow").scan()

    # Then
    assert status == 75, output
    assert "git fetch --unshallow" in output


@pytest.mark.parametrize(
    ("docker", "expected", "says"),
    [
        ("start) exit 0 ;;", 0, "Found nothing in page-tracker:local"),
        ("start) exit 2 ;;", 1, "Found something in page-tracker:local"),
        ("start) echo 'no database'; exit 1 ;;", 75, "the scanner failed"),
        ("image | pull) exit 1 ;;", 75, "there is no such image"),
        ("create) exit 1 ;;", 75, "the scanner ghcr.io/anchore/grype:v"),
        ("info) exit 1 ;;", 75, "a running Docker engine"),
    ],
)
def test_should_tell_what_an_image_holds_from_not_having_looked(
    tmp_path: Path, docker: str, expected: int, says: str
) -> None:
    # Given
    command = tmp_path / "docker"
    command.write_text(f"#!/bin/sh\ncase $1 in\n{docker}\nesac\n")
    command.chmod(0o755)
    path = {"PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}"}

    # When
    status, output = Repository(tmp_path, path).run(SCANS / "scan-image")

    # Then
    assert status == expected, output
    assert says in output
