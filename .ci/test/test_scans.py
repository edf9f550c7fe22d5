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

ROOT = Path(__file__).parents[2]

# In two parts, so that the scan of this very file does not find it.
TOKEN = "dckr_pat_" + "v7z9Fe2r9OQmcz5NiX9rQ2d3kSO"

PYTHON_ADVISORY = {
    "id": "PYSEC-1",
    "published": "2026-01-01T00:00:00Z",
    "affected": [
        {
            "package": {"name": "right", "ecosystem": "PyPI"},
            "ranges": [
                {"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "2.1"}]}
            ],
        }
    ],
}
NPM_ADVISORY = {
    "id": 1,
    "url": "https://github.com/advisories/GHSA-2",
    "title": "A fault",
    "severity": "high",
    "vulnerable_versions": "<1.0.1",
}


class Advisories(ThreadingHTTPServer):
    """Answers as OSV and npm's registry do."""

    daemon_threads = True
    status = 200
    python: tuple[object, ...] = ()
    npm: tuple[object, ...] = ()


class Handler(BaseHTTPRequestHandler):
    """Answers one question."""

    server: Advisories

    def do_POST(self) -> None:  # pylint: disable=invalid-name
        """Answer what is known of one Python package, or of several of npm's."""
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        asked = json.loads(body)
        if self.path == "/osv":
            found = asked["package"]["name"] == "right" and self.server.python
            self.reply({"vulns": found} if found else {})
        else:
            self.reply({name: self.server.npm for name in asked})

    def do_GET(self) -> None:  # pylint: disable=invalid-name
        """Answer which versions npm's package has."""
        versions = {one: {"name": "left", "version": one} for one in ("1.0.0", "1.0.1")}
        latest = {"latest": "1.0.1"}
        self.reply({"name": "left", "dist-tags": latest, "versions": versions})

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
    """A small project under git, and how a scan of it goes."""

    folder: Path
    environment: dict[str, str] = field(default_factory=dict)

    def run(
        self, *command: str | Path, check: bool
    ) -> subprocess.CompletedProcess[str]:
        """Run a command in it."""
        return subprocess.run(
            command,
            cwd=self.folder,
            env=os.environ | self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=100,
            check=check,
        )

    def commit(self, name: str, text: str) -> None:
        """Commit a file."""
        path = self.folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
        self.run("git", "add", "--all", check=True)
        who = ("-c", "user.name=Me", "-c", "user.email=me@b.org")
        commit = ("commit", "--quiet", "--message", name)
        self.run("git", *who, "-c", "commit.gpgSign=no", *commit, check=True)

    def scan(self) -> tuple[int, str]:
        """Return the status of a scan, and what it printed."""
        done = self.run(ROOT / ".ci/scans/scan", check=False)
        return done.returncode, done.stdout


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
    repository.run("git", "init", "--quiet", check=True)
    repository.commit("web/package-lock.json", json.dumps(lock))
    repository.commit("web/package.json", json.dumps(packages[""]))
    pins = (
        "# made by a tool\nright==1.0 ; os_name == 'nt'\nright==2.0 ; os_name == 'a'\n"
    )
    repository.commit("web/constraints.txt", pins)
    return repository


def test_should_say_so_when_there_is_nothing(repository: Repository) -> None:
    # When
    status, output = repository.scan()

    # Then
    assert status == 0, output
    assert output.endswith("Found nothing.\n")
    assert "No known vulnerabilities found" in output
    assert "found 0 vulnerabilities" in output


def test_should_name_vulnerability_and_fix_when_a_dependency_has_one(
    repository: Repository,
    advisories: Advisories,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Given
    advisories.python, advisories.npm = (PYTHON_ADVISORY,), (NPM_ADVISORY,)
    (repository.folder / "web/.npmrc").write_text("offline=true\naudit=false\n")
    monkeypatch.setenv("NODE_ENV", "production")  # which leaves out development's

    # When
    status, output = repository.scan()

    # Then
    assert status == 1, output
    for version in ("1.0", "2.0"):  # though neither is this system's
        assert f"right {version}     PYSEC-1 2.1" in output
    assert "GHSA-2" in output
    assert output.splitlines()[-1].startswith(
        "Found something: python_packages npm_packages."
    )


@pytest.mark.parametrize("answer", [404, 500, "nobody listens"])
def test_should_say_that_it_could_not_look_when_advisories_are_not_answered(
    repository: Repository, advisories: Advisories, answer: int | str
) -> None:
    # Given
    if isinstance(answer, int):
        advisories.status = answer
    else:
        nobody = "http://127.0.0.1:9/"
        repository.environment |= {
            "PIP_AUDIT_OSV_URL": nobody,
            "npm_config_registry": nobody,
        }

    # When
    status, output = repository.scan()

    # Then
    assert status == 75, output
    assert output.splitlines()[-1].startswith(
        "Could not look: python_packages npm_packages."
    )
    assert "Traceback" not in output


def test_should_fail_when_one_finds_something_and_another_could_not_look(
    repository: Repository, advisories: Advisories
) -> None:
    # Given
    advisories.npm = (NPM_ADVISORY,)
    repository.environment["PIP_AUDIT_OSV_URL"] = "http://127.0.0.1:9/"

    # When
    status, output = repository.scan()

    # Then
    assert status == 1, output
    assert "Could not look: python_packages." in output


def test_should_find_a_secret_in_the_history_and_not_show_it(
    repository: Repository,
) -> None:
    # Given
    repository.commit("deploy.sh", f"login {TOKEN}\n")
    repository.commit("deploy.sh", "login\n")

    # When
    status, output = repository.scan()

    # Then
    assert status == 1, output
    assert "deploy.sh" in output
    assert TOKEN not in output
    assert output.splitlines()[-1].startswith("Found something: secrets.")


def test_should_pass_a_line_that_says_it_is_no_secret(repository: Repository) -> None:
    # Given
    repository.commit("a.sh", f"login {TOKEN}  # pragma: allowlist secret (made up)\n")

    # When
    status, output = repository.scan()

    # Then
    assert status == 0, output


def test_should_say_that_it_could_not_look_when_the_history_is_not_here(
    repository: Repository, tmp_path: Path
) -> None:
    # Given
    clone = ("git", "clone", "--quiet", "--depth=1")
    repository.run(*clone, repository.folder.as_uri(), tmp_path / "shallow", check=True)

    # When
    status, output = replace(repository, folder=tmp_path / "shallow").scan()

    # Then
    assert status == 75, output
    assert "git fetch --unshallow" in output


@pytest.mark.parametrize(
    ("scanner", "status", "says"),
    [
        ("exit 0", 0, "Found nothing in page-tracker:local"),
        ("exit 2", 1, "Found something in page-tracker:local"),
        ("echo 'failed to load vulnerability db'; exit 1", 75, "the scanner failed"),
        ("exit 137", 75, "the scanner failed"),
    ],
)
def test_should_tell_findings_from_a_scanner_that_failed(
    tmp_path: Path, scanner: str, status: int, says: str
) -> None:
    # When
    done = scan_image(tmp_path, f"start) {scanner} ;;")

    # Then
    assert done.returncode == status, done.stdout
    assert says in done.stdout


@pytest.mark.parametrize(
    ("fault", "says"),
    [
        ("image | pull) exit 1 ;;", "there is no such image"),
        ("create) exit 1 ;;", "the scanner ghcr.io/anchore/grype:v"),
        ("info) exit 1 ;;", "a running Docker engine"),
    ],
)
def test_should_say_that_it_could_not_look_into_an_image(
    tmp_path: Path, fault: str, says: str
) -> None:
    # When
    done = scan_image(tmp_path, fault)

    # Then
    assert done.returncode == 75, done.stdout
    assert says in done.stdout


def scan_image(folder: Path, case: str) -> subprocess.CompletedProcess[str]:
    """Scan an image with a docker command that does one thing in its own way."""
    docker = folder / "docker"
    docker.write_text(f"#!/bin/sh\ncase $1 in\n{case}\nesac\nexit 0\n")
    docker.chmod(0o755)
    return Repository(
        folder, {"PATH": f"{folder}{os.pathsep}{os.environ['PATH']}"}
    ).run(ROOT / ".ci/scans/scan-image", check=False)
