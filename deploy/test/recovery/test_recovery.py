"""A production is lost with all its volumes, and comes back from its backup.

The store is a real S3 server. The new machine is a fresh clone with nothing but the URL
of the backups, the copy of their keys, and the certificate of its host.
"""

import json
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import requests
from support import FIREFOX, ROOT, docker, run, succeed
from support.clone import Clone
from support.object_store import Keys, ObjectStore, write_keys

SITES = {
    "example.org": "UTC",
    "blog.example.org": "Europe/Berlin",
    "shop.example": "Asia/Shanghai",
}
DAYS = 5
VIEWS_OF_DAY = 40
IN_BACKUP_SERVICE = ("docker", "compose", "exec", "backup-service", "page-tracker")

REPORT = ROOT / "reports/recovery-drill.md"


def views() -> Iterator[dict[str, object]]:
    """Give views of all sites and of several days, each of another visitor."""
    now = datetime.now(UTC)
    for position, site in enumerate(SITES):
        for day in range(DAYS):
            for number in range(VIEWS_OF_DAY * (position + 1)):
                moment = now - timedelta(days=day, minutes=number)
                yield {
                    "site": site,
                    "page": f"/page/{number % 7}",
                    "title": f"Page {number % 7} é",
                    "time": moment.isoformat(),
                    "address": f"198.51.{day}.{number}",
                    "user_agent": FIREFOX,
                    "referrer": f"https://from.example/{number % 3}",
                    "country": ("AT", "CN", "DE")[number % 3],
                    "language": "de",
                }


@dataclass
class Machine:
    """A clone on a machine, the requests of its visitors, and its numbers."""

    clone: Clone

    def ask(self, path: str, body: object = None) -> requests.Response:
        token = (self.clone.secrets / "token").read_text("utf-8").strip()
        answer = requests.request(
            "POST" if body else "GET",
            self.clone.url + path,
            json=body,
            headers={"Authorization": f"Bearer {token}", "User-Agent": FIREFOX},
            verify=str(self.clone.secrets / "certificates/localhost/fullchain.pem"),
            timeout=30,
        )
        assert answer.ok, answer.text
        return answer

    def numbers(self) -> dict[str, Any]:
        """Return all numbers in the reports of all sites, and the counter page's."""
        page_tracker = ("deploy/live", "page-tracker")
        found = {
            site: json.loads(
                self.clone.must(*page_tracker, "report", site, "--top=50", "--json")
            )
            for site in SITES
        }
        stored = self.clone.must("deploy/redis/cli", "GET", "page_views")
        return found | {"page_views": int(stored)}


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ObjectStore]:
    """Give a store that knows one pair of keys."""
    store = ObjectStore(tmp_path_factory.mktemp("store"), Keys())
    store.start()
    yield store
    store.stop()


@pytest.fixture(scope="module")
def digest(image: str) -> str:
    """Give the id of the image, as a production needs it."""
    return succeed(docker("image", "inspect", "--format", "{{.Id}}", image))


@dataclass
class Lost:
    """A production that is gone: its numbers, and copies that its operator kept."""

    numbers: dict[str, Any]
    copies: Path

    def bring_to(self, clone: Clone) -> None:
        """Copy the keys of the backups and the certificate into a clone."""
        shutil.copytree(self.copies, clone.secrets)
        clone.secrets.chmod(0o700)


@pytest.fixture(scope="module")
def lost(
    digest: str, store: ObjectStore, tmp_path_factory: pytest.TempPathFactory
) -> Lost:
    """Give a production that made a backup, and then lost all its volumes."""
    clone = Clone(tmp_path_factory.mktemp("lost"), digest)
    clone.settings |= {
        "PAGE_TRACKER_DOMAIN": "localhost",
        "PAGE_TRACKER_SITES": ",".join(
            f"{site}={zone}" for site, zone in SITES.items()
        ),
        "PAGE_TRACKER_BACKUP_URL": store.url,
        "COMPOSE_PROFILES": "backup",
    }
    machine = Machine(clone)
    copies = tmp_path_factory.mktemp("copies")
    try:
        clone.must("make", "secrets", SELF_SIGNED="yes")
        write_keys(clone.secrets / "backup-credentials", store, store.keys[0])
        clone.must("make", "production")
        for _ in range(3):
            machine.ask("/")
        sent = list(views())
        for start in range(0, len(sent), 200):
            batch = sent[start : start + 200]
            counted = machine.ask("/api/v1/views", batch).json()["counted"]
            assert len(counted) == len(batch)
        clone.must(*IN_BACKUP_SERVICE, "backup")
        shutil.copy(clone.secrets / "backup-credentials", copies)
        shutil.copytree(clone.secrets / "certificates", copies / "certificates")
        return Lost(machine.numbers(), copies)
    finally:
        clone.remove()


def make_machine(folder: Path, digest: str, lost: Lost) -> Machine:
    """Make a machine on which no stack is, with what the operator kept."""
    clone = Clone(folder, digest)
    settings = "PAGE_TRACKER_DOMAIN=localhost\nPAGE_TRACKER_SITES=example.org\n"
    (clone.folder / ".env").write_text(settings, "utf-8")
    lost.bring_to(clone)
    return Machine(clone)


@pytest.fixture
def empty(lost: Lost, digest: str, tmp_path: Path) -> Iterator[Machine]:
    """Give a machine on which no stack is."""
    machine = make_machine(tmp_path / "clone", digest, lost)
    yield machine
    machine.clone.remove()


@pytest.fixture(scope="module")
def recovered(
    lost: Lost,
    digest: str,
    store: ObjectStore,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[tuple[Machine, str]]:
    """Give a machine after its recovery, and the output of that."""
    machine = make_machine(tmp_path_factory.mktemp("clone"), digest, lost)
    try:
        yield machine, machine.clone.must("make", "recover", URL=store.url)
    finally:
        machine.clone.remove()


def parts_of(clone: Clone) -> list[str]:
    """Return all that the engine has of a stack."""
    of = ("--quiet", "--filter", f"name={clone.project}")
    kinds = (("container", "ls", "--all"), ("network", "ls"), ("volume", "ls"))
    return [part for kind in kinds for part in succeed(docker(*kind, *of)).split()]


def test_should_have_every_number_when_a_lost_production_is_back(
    recovered: tuple[Machine, str], lost: Lost
) -> None:
    # When
    machine, output = recovered
    numbers = machine.numbers()
    (took,) = re.findall(r"^Recovered in (.*)$", output, re.MULTILINE)
    print(f"\n{output}\nA production came back in {took}.")
    REPORT.parent.mkdir(exist_ok=True)
    REPORT.write_text(f"A production came back in {took}.\n", encoding="utf-8")

    # Then
    assert numbers == lost.numbers
    assert "all sums agree" in output
    for site, report in lost.numbers.items():
        if site != "page_views":
            assert report["totals"]["views"] > DAYS
            assert site in output and f"{report['totals']['views']:,} views" in output


def test_should_count_and_back_up_on_the_new_machine(
    recovered: tuple[Machine, str], lost: Lost
) -> None:
    # Given
    machine, _ = recovered

    # When
    shown = machine.ask("/").text
    settings = (machine.clone.folder / ".env").read_text("utf-8")
    made = machine.clone.must(*IN_BACKUP_SERVICE, "backup")

    # Then
    assert f"seen {lost.numbers['page_views'] + 1} times" in shown
    assert "COMPOSE_PROFILES='backup'" in settings
    assert f"Backed up {len(SITES)} sites" in made


def test_should_replace_a_stack_only_when_that_is_asked_for(
    recovered: tuple[Machine, str], store: ObjectStore
) -> None:
    # Given
    machine, _ = recovered
    kept = machine.numbers()
    machine.clone.must(*IN_BACKUP_SERVICE, "backup")
    name = max(path.name for path in (store.folder / "backups").rglob("*.age"))
    machine.ask("/")
    before = machine.numbers()

    # When
    refused = machine.clone.run("make", "recover", URL=store.url)
    after = machine.numbers()
    machine.clone.must("make", "recover", URL=f"{store.url}/{name}", YES="1", TRIAL="1")
    running = machine.clone.must("docker", "compose", "ps", "--services").split()

    # Then
    assert "proxy-service" in running and "backup-service" not in running
    assert refused.returncode
    assert "Nothing was recovered. The stack" in refused.stderr
    assert "YES=1" in refused.stderr
    assert after == before != kept
    assert machine.numbers() == kept


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ("secret_access_key = .*", "SignatureDoesNotMatch"),
        ("identity = .*", "cannot restore page-tracker-"),
        ("endpoint = .*", "cannot list s3://"),
    ],
)
def test_should_start_nothing_when_a_key_is_wrong(
    empty: Machine, store: ObjectStore, wrong: str, why: str
) -> None:
    # Given
    credentials = empty.clone.secrets / "backup-credentials"
    others = {"secret_access_key": 16 * "0", "endpoint": "http://127.0.0.1:9"}
    name = wrong.partition(" ")[0]
    key = succeed(run("deploy/backup/new-key")).rpartition(" ")[2]
    text = re.sub(wrong, f"{name} = {others.get(name, key)}", credentials.read_text())
    credentials.write_text(text, "utf-8")

    # When
    refused = empty.clone.run("make", "recover", URL=store.url)

    # Then
    assert refused.returncode
    errors = [line for line in refused.stderr.splitlines() if "Error: " in line]
    assert len(errors) == 1 and why in errors[0], refused.stderr
    assert "Nothing was recovered" in refused.stderr
    assert "Traceback" not in refused.stderr
    assert parts_of(empty.clone) == []


def test_should_start_nothing_when_the_keys_are_missing(
    empty: Machine, store: ObjectStore
) -> None:
    # Given
    (empty.clone.secrets / "backup-credentials").unlink()

    # When
    refused = empty.clone.run("make", "recover", URL=store.url)

    # Then
    assert refused.returncode
    assert "backup-credentials is missing: put the copy of the lost" in refused.stderr
    assert parts_of(empty.clone) == []
