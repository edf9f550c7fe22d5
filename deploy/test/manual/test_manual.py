"""Every command of these pages runs, in the order of the pages, on a real production.

Where a page promises that views are counted meanwhile, visitors come and a program
sends views: no request fails, and Redis has exactly the views that were acknowledged.
"""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import requests
from support import docker, run, succeed
from support.certificates import make_certificate
from support.clone import Clone
from support.manual import Block, blocks_of
from support.object_store import Keys, ObjectStore, write_keys
from support.programs import Program
from support.visitors import TRUSTED, Visitors

BLOCKS = [
    (page, block)
    for page in ("backup", "secrets", "upgrading")
    for block in blocks_of(f"docs/{page}.md")
]

BACK = "Back to the version before"
INTERRUPTING = {"Restore", "A lost machine", "Another machine", BACK}
"""Headings below which older counts replace the current ones."""

ENDING = (" stop web-service", "make remove")
"""Commands after which nothing counts."""

NEWER_DATA = "sed -i 's/^DATA_VERSION = .*/DATA_VERSION = 99/'"


@dataclass
class Operator:
    """Types the commands of the pages into a shell, in a clone on the server."""

    clone: Clone
    store: ObjectStore
    images: dict[str, str]
    """The version before (`old`), a new one, and one that wrote newer data."""
    names: dict[str, str] = field(default_factory=dict)
    """Texts of the pages, and what they mean here."""

    def type(self, block: Block) -> str:
        """Run the commands of a block, all of which must succeed."""
        commands = block.commands
        for name, meant in self.names.items():
            commands = commands.replace(name, meant)
        shell = ("bash", "-euo", "pipefail", "-c", commands)
        return succeed(self.clone.run(*shell, given="yes\n", EDITOR="true"))

    def visitors(self) -> Visitors:
        return Visitors(self.clone.url, verify=self._bundle, pause=0.1)

    def program(self) -> Program:
        """Return a program that sends the token of the first line."""
        file = self.clone.secrets / "token"

        def token() -> str:
            return file.read_text("utf-8").split()[0]

        return Program(self.clone.url, token, self._bundle)

    def counts(self) -> bool:
        """Return whether a view of the counter page counts."""
        with suppress(requests.ConnectionError):
            return requests.get(self.clone.url, verify=self._bundle, timeout=30).ok
        return False

    def stored(self) -> int:
        return int(self.clone.must("deploy/redis/cli", "GET", "page_views") or 0)

    def newest(self) -> str:
        """Return the name of the newest backup."""
        return max(path.name for path in self.store.folder.rglob("*.age"))

    @property
    def _bundle(self) -> str:
        return str(self.clone.folder / "bundle.pem")

    @property
    def credentials(self) -> Path:
        return self.clone.secrets / "backup-credentials"


def write_keys_of_store(operator: Operator, _: Block) -> None:
    write_keys(operator.credentials, operator.store, operator.store.keys[0])


def write_other_keys_of_store(operator: Operator, _: Block) -> None:
    write_keys(operator.credentials, operator.store, operator.store.keys[1])


def write_other_key_of_backups(operator: Operator, _: Block) -> None:
    recipient, identity = operator.clone.must("deploy/backup/new-key").splitlines()
    text = re.sub("recipient = .*", recipient, operator.credentials.read_text())
    operator.credentials.write_text(text.replace("identity =", identity))


def lose_machine(operator: Operator, _: Block) -> None:
    """Leave only the clone, and the copy of the credentials."""
    clone = operator.clone
    clone.must("make", "remove", YES="1")
    (clone.folder / ".env").unlink()
    for path in clone.secrets.iterdir():
        if path.is_file() and path != operator.credentials:
            path.unlink()


def have_newer_data(operator: Operator, block: Block) -> None:
    """Let a rollback fail, so that the old version needs its backup."""
    if "restore --dry-run" not in block.commands:
        return
    clone, image = operator.clone, operator.images["newer"]
    clone.must("make", "deploy", IMAGE=image)
    clone.must("make", "production", PAGE_TRACKER_IMAGE=image)
    clone.must("deploy/redis/cli", "HSET", "pt:version", "version", "99")
    refused = clone.run("make", "rollback")
    assert refused.returncode and "newer" in refused.stdout, refused
    operator.names["/NAME"] = f"/{operator.newest()}"


PREPARATIONS: dict[str, Callable[[Operator, Block], None]] = {
    "Set it up": write_keys_of_store,
    "The keys of the store of backups": write_other_keys_of_store,
    "The key of the backups": write_other_key_of_backups,
    "A lost machine": lose_machine,
    BACK: have_newer_data,
}
"""By heading: what the text before the commands says, or what has happened by then."""


@pytest.fixture(scope="module")
def images(image: str) -> Iterator[dict[str, str]]:
    """Give the image to test, and two that are newer."""
    old = succeed(docker("image", "inspect", "--format", "{{.Id}}", image))
    found = {"old": old}
    for name, change in (("new", "true"), ("newer", NEWER_DATA)):
        keys = (
            "/opt/page-tracker/lib/python3*/site-packages/page_tracker/tracking/keys.py"
        )
        lines = [f"FROM {image}", "USER root", f"RUN {change} {keys}"]
        lines += ["USER 10001:10001", f"LABEL name={name}"]
        built = run("docker", "build", "--quiet", "-", given="\n".join(lines))
        found[name] = succeed(built)
    yield found
    docker("image", "rm", "--force", found["new"], found["newer"])


@pytest.fixture(scope="module")
def operator(
    images: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Operator]:
    """Give an operator with a production, and remove it at the end."""
    clone = Clone(tmp_path_factory.mktemp("clone"), images["old"])
    del clone.settings[
        "PAGE_TRACKER_IMAGE"
    ]  # a setting of the shell would win over .env
    clone.settings |= {
        "PAGE_TRACKER_PROXIES": TRUSTED,
        "PAGE_TRACKER_SITES": "example.org",
        "PROXY_RATE": "0",
        # With `always`, a busy disk could fail views without any reason of ours.
        "REDIS_FSYNC": "everysec",
        "CANARY_SHARE": "0",
        "WATCH_SECONDS": "2",
    }
    make_certificate(clone.folder, "privkey")
    (clone.folder / "privkey.pem").rename(clone.folder / "fullchain.pem")
    (clone.folder / "privkey.key").rename(clone.folder / "privkey.pem")
    store = ObjectStore(tmp_path_factory.mktemp("store"), Keys(), Keys())
    store.start()
    try:
        settings = {"PAGE_TRACKER_DOMAIN": "localhost", "SELF_SIGNED": "yes"}
        clone.must("make", "secrets", **settings)
        folder = clone.secrets / "certificates/localhost"
        texts = (path / "fullchain.pem" for path in (folder, clone.folder))
        bundle = "".join(path.read_text("utf-8") for path in texts)
        (clone.folder / "bundle.pem").write_text(bundle, "utf-8")
        clone.must("make", "production", **settings, PAGE_TRACKER_IMAGE=images["old"])
        names = {
            "ghcr.io/you/page-tracker@sha256:NEW": images["new"],
            "ghcr.io/you/page-tracker@sha256:OLD": images["old"],
            "ghcr.io/you/page-tracker@sha256:…": images["old"],
            "s3://my-bucket/page-tracker": store.url,
            "counter.example": "localhost",
            "git pull": "true",
        }
        yield Operator(clone, store, images, names)
    finally:
        clone.remove()
        store.stop()


@contextmanager
def uninterrupted(operator: Operator, _: Block) -> Iterator[None]:
    """Check that every view counts meanwhile, and once."""
    stored = operator.stored()
    with operator.visitors() as visitors, operator.program() as program:
        visitors.come(20)
        yield
        visitors.come(20)
    assert visitors.failures == program.failures == []
    assert program.sent
    assert operator.stored() - stored == len(visitors.numbers)


@contextmanager
def interrupted(operator: Operator, block: Block) -> Iterator[None]:
    """Check that views count afterwards, if the commands do not end the stack."""
    yield
    has_ended = any(command in block.commands for command in ENDING)
    assert operator.counts() is not has_ended


def test_should_have_each_heading_that_these_tests_name() -> None:
    # When
    headings = {block.heading for _, block in BLOCKS}

    # Then
    assert PREPARATIONS.keys() | INTERRUPTING <= headings


@pytest.mark.parametrize(
    "block",
    [block for _, block in BLOCKS],
    ids=[f"{page}: {block.heading}" for page, block in BLOCKS],
)
def test_should_do_what_the_page_says(operator: Operator, block: Block) -> None:
    # Given
    if prepare := PREPARATIONS.get(block.heading):
        prepare(operator, block)
    promise = interrupted if block.heading in INTERRUPTING else uninterrupted

    # Then
    with promise(operator, block):
        # When
        operator.type(block)
