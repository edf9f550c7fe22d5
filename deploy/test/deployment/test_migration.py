"""An installation from before the proxy moves behind it, as docs/deploying.md says."""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from secrets import token_hex

import pytest
import requests

from support.ports import free_port
from support import ROOT
BEFORE = Path(__file__).with_name("before-the-proxy.yml")
SECTION = "Behind the proxy, from an installation without it"
SITE = {"site": "example.org", "page": "/about"}


def commands() -> list[list[str]]:
    """Return the commands of the document, those of each block together."""
    document = (ROOT / "docs/deploying.md").read_text(encoding="utf-8")
    section = document.split(f"## {SECTION}\n")[1].split("\n## ")[0]
    blocks = re.findall(r"```console\n(.*?)```", section, re.DOTALL)
    return [re.findall(r"^\$ (.*)$", block, re.MULTILINE) for block in blocks]


@dataclass
class Installation:
    """A checkout of the old version, which runs; the new one is there to be pulled."""

    folder: Path
    port: int

    def run(self, command: str) -> str:
        """Run a command as the document has it, but on a port of this test's own."""
        done = subprocess.run(
            ["sh", "-c", command.replace("localhost", f"localhost:{self.port}")],
            # The installation has no tests: they are those of this repository.
            cwd=ROOT if command.startswith("make ") else self.folder,
            env={"PATH": os.environ["PATH"], "HOME": str(self.folder.parent)},
            capture_output=True,
            text=True,
            check=False,
            timeout=200,
        )
        assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
        return done.stdout.strip()

    def view(self) -> int:
        """View the counter page, and return its number."""
        text = requests.get(f"http://127.0.0.1:{self.port}/", timeout=10).text
        return int(text.split()[5])

    def count(self) -> int:
        """Count a view of a page of a site, and return its number."""
        answer = requests.post(
            f"http://127.0.0.1:{self.port}/api/v1/views",
            json=SITE,
            headers={"User-Agent": "Mozilla/5.0 (X11; Linux) Firefox/140.0"},
            timeout=10,
        )
        return int(answer.json()["page"]["views"])


def commit(folder: Path, message: str) -> None:
    """Commit all that is in a folder."""
    who = ["-c", "user.name=Me", "-c", "user.email=me@example.org"]
    for command in (["add", "--all"], ["commit", "--quiet", "--message", message]):
        subprocess.run(["git", *who, *command], cwd=folder, check=True, timeout=20)


@pytest.fixture
def installation(tmp_path: Path, image: str) -> Iterator[Installation]:
    """Give the old version, up, with a new one to pull, both of which are an image."""
    origin, folder = tmp_path / "origin", tmp_path / "page-tracker"
    (origin / "web").mkdir(parents=True)
    (origin / "web/Dockerfile").write_text(
        f"FROM {image} AS runtime\nFROM {image} AS test\n"
    )
    (origin / ".gitignore").write_text(".env\ncounts-before-the-proxy\n")
    shutil.copy(BEFORE, origin / "docker-compose.yml")
    subprocess.run(["git", "init", "--quiet", origin], check=True, timeout=20)
    commit(origin, "Before the proxy")
    subprocess.run(["git", "clone", "--quiet", origin, folder], check=True, timeout=20)
    shutil.copy(ROOT / "docker-compose.yml", origin)
    shutil.copytree(ROOT / "deploy", origin / "deploy")
    commit(origin, "Behind the proxy")

    project, port = f"page-tracker-migration-{token_hex(4)}", free_port()
    (folder / ".env").write_text(
        f"COMPOSE_PROJECT_NAME={project}\n"
        f"PAGE_TRACKER_IMAGE={project}:local\n"
        f"PAGE_TRACKER_PROXY_IMAGE={project}:proxy\n"
        f"PAGE_TRACKER_PORT={port}\n"
        "PAGE_TRACKER_SITES=example.org\n"
    )
    running = Installation(folder, port)
    try:
        running.run("docker compose up --detach --build --wait")
        yield running
    finally:
        running.run("docker compose down --volumes --remove-orphans --timeout 5")
        running.run(f"docker volume rm --force {project}_proxy-volume")
        running.run(f"docker image rm --force {project}:local {project}:proxy")


def test_should_count_on_when_it_moves_behind_the_proxy_and_back(
    installation: Installation,
) -> None:
    # Given
    look, prepare, move, check, back = commands()
    for number in (1, 2, 3):
        assert installation.view() == number
    assert installation.count() == 1

    # When
    told = [installation.run(command) for command in look]
    for command in prepare + move:
        installation.run(command)
    seen = [installation.run(command) for command in check]

    # Then
    assert told[0] == "3"
    assert (installation.folder / "counts-before-the-proxy").is_dir()
    assert seen[:2] == ["3", "This page has been seen 4 times."]
    assert "passed" in seen[2]
    assert installation.view() == 5
    assert installation.count() == 2
    assert "proxy-service" in installation.run("docker compose ps --services")

    # When
    for command in back:
        installation.run(command)

    # Then
    assert installation.view() == 6
    assert installation.count() == 3
