"""A scan reports what it found, and never passes when it could not run."""

import gzip
import json
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
from support import ROOT, Repository, on_path

# A scan takes seconds, but not on a busy machine.
pytestmark = pytest.mark.timeout(120)

SCANS = ROOT / ".ci/scans"

# In two parts, so that the scan of this file does not find it.
TOKEN = "dckr_pat_" + "v7z9Fe2r9OQmcz5NiX9rQ2d3kSO"

NOBODY = "http://127.0.0.1:9/"

PYSEC = """{"id": "PYSEC-1", "published": "2026-01-01T00:00:00Z",
"affected": [{"package": {"name": "right", "ecosystem": "PyPI"}}]}"""
GHSA = """{"id": 1, "url": "https://github.com/advisories/GHSA-2", "title": "A fault",
"severity": "high", "vulnerable_versions": "<1.0.1"}"""
LEFT = """{"name": "left", "dist-tags": {"latest": "1.0.1"}, "versions": {
"1.0.0": {"name": "left", "version": "1.0.0"},
"1.0.1": {"name": "left", "version": "1.0.1"}}}"""


class Advisories(ThreadingHTTPServer):
    """Answers like OSV and npm's registry, for one vulnerable package of each."""

    daemon_threads = True
    status = 200
    vulnerable = False


class Handler(BaseHTTPRequestHandler):
    """Answers one request."""

    server: Advisories

    def do_POST(self) -> None:  # pylint: disable=invalid-name
        """Answer the vulnerabilities of one Python package, or of several of npm."""
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        known = self.server.vulnerable
        if self.path == "/osv":
            self.reply({"vulns": [json.loads(PYSEC)]} if known else {})
        else:
            found = [json.loads(GHSA)] if known else []
            self.reply({name: found for name in json.loads(body)})

    def do_GET(self) -> None:  # pylint: disable=invalid-name
        """Answer which versions npm's package has."""
        self.reply(json.loads(LEFT))

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


@pytest.fixture
def repository(tmp_path: Path, advisories: Advisories) -> Repository:
    """Give a project with two dependencies and no secret."""
    url = f"http://127.0.0.1:{advisories.server_port}"
    repository = Repository(tmp_path / "small")
    repository.environment |= {
        "PATH": on_path(Path(sys.executable).parent),
        "PIP_AUDIT_VULNERABILITY_SERVICE": "osv",
        "PIP_AUDIT_OSV_URL": f"{url}/osv",
        "npm_config_registry": f"{url}/npm/",
        "NO_PROXY": "127.0.0.1",
        "no_proxy": "127.0.0.1",
    }
    packages = {
        "": {"name": "small", "devDependencies": {"left": "1.0.0"}},
        "node_modules/left": {"version": "1.0.0", "dev": True},
    }
    lock = {"name": "small", "lockfileVersion": 3, "packages": packages}
    repository.commit("web/package-lock.json", json.dumps(lock))
    repository.commit("web/package.json", json.dumps(packages[""]))
    digest = " \\\n    --hash=sha256:0123"
    pins = f"# by a tool\nright==1.0 ; os_name == 'nt'{digest}\nright==2.0{digest}\n"
    repository.commit("web/constraints.txt", pins)
    return repository


def scan(repository: Repository) -> tuple[int, str, str]:
    """Return status, output and last line of a scan."""
    status, output = repository.run(SCANS / "scan")
    return status, output, output.splitlines()[-1]


def test_should_pass_when_the_only_secret_is_marked(
    repository: Repository,
) -> None:
    # Given
    repository.commit("a.sh", f"login {TOKEN}  # pragma: allowlist secret (made up)\n")

    # When
    status, output, last = scan(repository)

    # Then
    assert status == 0, output
    assert last == "Found nothing."


def test_should_find_vulnerabilities_of_other_systems_and_of_development(
    repository: Repository, advisories: Advisories
) -> None:
    # Given
    advisories.vulnerable = True
    (repository.folder / "web/.npmrc").write_text("offline=true\naudit=false\n")
    repository.environment["NODE_ENV"] = "production"  # leaves out development packages

    # When
    status, output, last = scan(repository)

    # Then
    assert status == 1, output
    for found in ("right 1.0     PYSEC-1", "right 2.0     PYSEC-1", "GHSA-2"):
        assert found in output
    assert last.startswith("Found something: python_packages npm_packages.")


@pytest.mark.parametrize("answer", [404, 500, "nobody listens"])
def test_should_report_that_it_could_not_run_when_advisories_are_unavailable(
    repository: Repository, advisories: Advisories, answer: int | str
) -> None:
    # Given
    if isinstance(answer, int):
        advisories.status = answer
    else:
        addresses = {"PIP_AUDIT_OSV_URL": NOBODY, "npm_config_registry": NOBODY}
        repository.environment |= addresses

    # When
    status, output, last = scan(repository)

    # Then
    assert status == 75, output
    assert last.startswith("Could not run: python_packages npm_packages.")
    assert "Traceback" not in output


def test_should_find_a_secret_in_the_history_when_others_could_not_run(
    repository: Repository,
) -> None:
    # Given: a checkout as in CI, of a commit and not of a branch
    repository.commit("deploy.sh", f"login {TOKEN}\n")
    repository.commit("deploy.sh", "login\n")
    repository.git("checkout", "--quiet", "--detach")
    repository.git("branch", "--quiet", "--delete", "--force", "main")
    repository.environment["PIP_AUDIT_OSV_URL"] = NOBODY

    # When
    status, output, last = scan(repository)

    # Then
    assert status == 1, output
    assert "deploy.sh" in output and TOKEN not in output
    assert "Could not run: python_packages." in output
    assert last.startswith("Found something: secrets.")


def test_should_report_that_it_could_not_run_when_the_history_is_incomplete(
    repository: Repository, tmp_path: Path
) -> None:
    # Given
    origin = repository.folder.as_uri()
    repository.folder = tmp_path / "shallow"
    repository.folder.mkdir()
    repository.git("clone", "--quiet", "--depth=1", origin, ".")

    # When
    status, output, _ = scan(repository)

    # Then
    assert status == 75, output
    assert "git fetch --unshallow" in output


@pytest.mark.parametrize(
    ("docker", "expected", "message"),
    [
        ("start) exit 0 ;;", 0, "Found nothing in page-tracker:local"),
        ("start) exit 2 ;;", 1, "Found something in page-tracker:local"),
        ("start) echo 'no database'; exit 1 ;;", 75, "the scanner failed"),
        ("image | pull) exit 1 ;;", 75, "there is no such image"),
        ("create) exit 1 ;;", 75, "the scanner ghcr.io/anchore/grype:v"),
        ("info) exit 1 ;;", 75, "a running Docker engine"),
    ],
)
def test_should_tell_a_finding_from_a_scan_that_could_not_run(
    tmp_path: Path, docker: str, expected: int, message: str
) -> None:
    # Given
    repository = Repository(tmp_path)
    command = f"case $1 in\n{docker}\nesac"
    repository.environment["PATH"] = on_path(tmp_path / "bin", docker=command)

    # When
    status, output = repository.run(SCANS / "scan-image")

    # Then
    assert status == expected, output
    assert message in output
