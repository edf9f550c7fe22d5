"""`make scan` says what it found, and never says that all is well without a look."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from threading import Event

import pytest
from advisory_service import (
    AdvisoryService,
    Answer,
    advisory_service,
    npm_advisory,
    osv_advisory,
)

# A scan takes a second, but not on a busy machine.
pytestmark = pytest.mark.timeout(120)

SCAN = Path(__file__).parents[2] / ".ci/scans/scan.py"
ON_WINDOWS = "right==2.0 ; sys_platform == 'win32'\n"


@dataclass
class Repository:
    """A small project under git, and how a scan of it goes."""

    folder: Path
    environment: dict[str, str]

    def git(self, *arguments: str) -> None:
        """Run a command of git."""
        who = {"user.name": "Me", "user.email": "me@b.org", "commit.gpgSign": "no"}
        settings = [word for item in who.items() for word in ("-c", "=".join(item))]
        subprocess.run(["git", *settings, *arguments], cwd=self.folder, check=True)

    def commit(self, name: str, text: str) -> None:
        """Commit a file."""
        Path(self.folder, name).write_text(text, encoding="utf-8")
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", name)

    def scan(self, **environment: str) -> tuple[int, str]:
        """Return the status of a scan, and what it printed."""
        scan = subprocess.run(
            [sys.executable, SCAN],
            cwd=self.folder,
            env=self.environment | environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=100,
            check=False,
        )
        return scan.returncode, scan.stdout


@pytest.fixture
def service() -> Iterator[AdvisoryService]:
    """Give a service of advisories that knows of no hole in the project."""
    with advisory_service() as service:
        yield service


@pytest.fixture
def repository(tmp_path: Path, service: AdvisoryService) -> Repository:
    """Give a project with two dependencies and nothing to hide."""
    tools = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    repository = Repository(
        tmp_path,
        os.environ
        | {
            "PATH": tools,
            "PIP_AUDIT_VULNERABILITY_SERVICE": "osv",
            "PIP_AUDIT_OSV_URL": f"{service.url}/osv",
            "npm_config_registry": f"{service.url}/npm/",
            "SCAN_TIMEOUT": "10",
            "NO_PROXY": "127.0.0.1",
            "no_proxy": "127.0.0.1",
        },
    )
    Path(tmp_path, "web").mkdir()
    lock = {
        "name": "small",
        "lockfileVersion": 3,
        "packages": {
            "": {"name": "small", "devDependencies": {"left": "1.0.0"}},
            "node_modules/left": {"version": "1.0.0", "dev": True},
        },
    }
    Path(tmp_path, "web/package-lock.json").write_text(json.dumps(lock), "utf-8")
    repository.git("init", "--quiet")
    repository.commit("web/constraints.txt", f"# made by a tool\n{ON_WINDOWS}")
    return repository


def test_should_say_so_when_there_is_nothing_to_mend(repository: Repository) -> None:
    # When
    status, output = repository.scan()

    # Then
    assert status == 0, output
    assert output.endswith("Nothing to mend.\n")
    assert "python   looked at 1 packages: nothing to mend\n" in output
    assert "npm      looked at 1 packages: nothing to mend\n" in output
    assert "secrets  looked at 2 files and 2 versions in the history" in output


def test_should_fail_and_name_the_fix_when_a_dependency_has_a_hole(
    repository: Repository, service: AdvisoryService
) -> None:
    # Given
    elsewhere = "right==1.0 ; sys_platform != 'win32'\n"
    repository.commit("web/constraints.txt", elsewhere + ON_WINDOWS)
    service.python["right==2.0"] = [
        osv_advisory("PYSEC-1", "right", "2.1"),
        osv_advisory("MAL-2026-3", "right", None),  # malicious: it has to go
    ]
    service.npm["left"] = [npm_advisory("GHSA-2", "<1.0.1")]
    service.versions["left"] = ["1.0.0", "1.0.1"]

    # When
    status, output = repository.scan()

    # Then
    hole = "python: right==2.0 has PYSEC-1, fixed in 2.1"
    assert status == 1, output
    assert f"found: {hole}\n" in output
    assert (
        "found: python: right==2.0 has MAL-2026-3, fixed in no newer version\n"
        in output
    )
    assert (
        "found: npm: left 1.0.0 has https://github.com/advisories/GHSA-2 (A hole), "
        "fixed by left 1.0.1\n" in output
    )
    assert output.endswith(f"\nTo mend: 3. The first is {hole}\n")


def test_should_warn_and_go_on_when_nothing_mends_a_hole(
    repository: Repository, service: AdvisoryService
) -> None:
    # Given
    service.python["right==2.0"] = [osv_advisory("PYSEC-1", "right", "1.9")]
    service.npm["left"] = [npm_advisory("GHSA-2", "*")]
    service.versions["left"] = ["1.0.0", "1.0.1"]

    # When
    status, output = repository.scan()

    # Then
    assert status == 0, output
    assert (
        "warning: python: right==2.0 has PYSEC-1, fixed in no newer version\n" in output
    )
    assert "warning: npm: left 1.0.0 has https://github.com/advisories/GHSA-2" in output
    assert output.endswith("Nothing to mend. Warnings: 2.\n")


nobody_waits = Event()


def hang(body: bytes) -> Answer:
    """Answer when nobody waits any more."""
    nobody_waits.wait(20)
    return 200, body


@pytest.mark.parametrize(
    "answer",
    [
        lambda body: (405, b""),
        lambda body: (500, b"{}"),
        lambda body: (200, body[: len(body) // 2 + 1] if body != b"{}" else b"{"),
        lambda body: (200, b"{}"),
        hang,
    ],
    ids=["405", "500", "half", "nothing", "late"],
)
def test_should_say_that_it_could_not_look_when_advisories_are_not_answered(
    repository: Repository,
    service: AdvisoryService,
    answer: Callable[[bytes], Answer],
) -> None:
    # Given
    service.answer = answer

    # When
    nobody_waits.clear()
    status, output = repository.scan(SCAN_TIMEOUT="1")
    nobody_waits.set()

    # Then
    last = output.splitlines()[-1]
    assert status == 75, output
    assert last.startswith("Could not look. python: asked osv for advisories on 2 ")
    assert "; npm: asked npm's registry for advisories on 2 packages: " in last


def test_should_say_that_it_could_not_look_when_nobody_listens(
    repository: Repository,
) -> None:
    # When
    status, output = repository.scan(
        PIP_AUDIT_OSV_URL="http://127.0.0.1:9/osv",
        npm_config_registry="http://127.0.0.1:9/npm/",
    )

    # Then
    assert status == 75, output
    assert output.count("could not look") == 2


def test_should_look_all_the_same_when_npm_is_told_not_to(
    repository: Repository, service: AdvisoryService
) -> None:
    # Given
    service.npm["left"] = [npm_advisory("GHSA-2", "<1.0.1")]
    service.versions["left"] = ["1.0.0", "1.0.1"]
    Path(repository.folder, "web/.npmrc").write_text(
        "offline=true\naudit=false\n", "utf-8"
    )

    # When
    status, output = repository.scan(NODE_ENV="production")  # which leaves out dev's

    # Then
    assert status == 1, output
    assert "found: npm: left 1.0.0" in output


def test_should_find_a_hole_even_when_something_else_could_not_look(
    repository: Repository, service: AdvisoryService
) -> None:
    # Given
    service.npm["left"] = [npm_advisory("GHSA-2", "<1.0.1")]
    service.versions["left"] = ["1.0.0", "1.0.1"]

    # When
    status, output = repository.scan(PIP_AUDIT_OSV_URL="http://127.0.0.1:9/osv")

    # Then
    assert status == 1, output
    assert "python   could not look: " in output


# Each in two parts, so that the scan of this very file does not find them.
PLANTED = {
    "AWS Access Key in a.env, line 1": "KEY=AKIA" + 4 * "Z7QX",
    "Private Key in b.pem, line 1": "-----BEGIN EC PRIVATE" + " KEY-----",
    "GitHub Token in c.txt, line 1": "ghp_" + 9 * "x7Qm",
    "Access Token in d.sh, line 1": "HUB=dckr_pat_" + 6 * "Qm2L",
    "Hex High Entropy String in e.py, line 1": f'A = "{sha256(b"A").hexdigest()}"',
    "Basic Auth Credentials in f.md, line 1": "redis://me:" + "Tr0ub4dor@redis:6379",
    "Secret Keyword in g.toml, line 1": 'password = "' + 'correct-horse"',
}


def test_should_find_every_kind_of_secret_when_it_is_planted(
    repository: Repository,
) -> None:
    # Given
    for place, secret in PLANTED.items():
        name = place.split(" in ")[1].split(",")[0]
        encoding = "utf-16" if name == "c.txt" else "utf-8"
        Path(repository.folder, name).write_text(f"{secret}\n", encoding)

    # When
    status, output = repository.scan()

    # Then
    assert status == 1, output
    for place in PLANTED:
        assert f"found: secrets: {place}\n" in output, output
    assert "AKIAZ7" not in output


def test_should_find_a_secret_in_the_history_until_a_line_says_it_is_none(
    repository: Repository,
) -> None:
    # Given
    token = PLANTED["GitHub Token in c.txt, line 1"]
    repository.commit("deploy.sh", f"login {token}\n")
    repository.commit("deploy.sh", "login\n")

    # When
    before = repository.scan()
    repository.commit("c.txt", f"{token}  # pragma: allowlist secret (an example)\n")
    after = repository.scan()

    # Then
    assert before[0] == 1, before[1]
    assert "GitHub Token in the history of deploy.sh: " in before[1]
    assert after[0] == 0, after[1]


def test_should_say_that_it_could_not_look_when_the_history_is_not_here(
    repository: Repository, tmp_path: Path
) -> None:
    # Given
    repository.commit(
        "deploy.sh", f"login {PLANTED['GitHub Token in c.txt, line 1']}\n"
    )
    repository.commit("deploy.sh", "login\n")
    shallow = tmp_path / "shallow"
    git = ("git", "clone", "--quiet", "--depth", "1")
    origin = repository.folder.as_uri()
    subprocess.run([*git, origin, shallow], check=True, timeout=30)

    # When
    status, output = replace(repository, folder=shallow).scan()

    # Then
    assert status == 75, output
    assert "this clone is shallow" in output
