"""A fresh clone, in which an operator runs the commands of the documents."""

import os
import shutil
from pathlib import Path
from secrets import token_hex

from support import ROOT, Done, free_port, run, succeed


class Clone:
    """The tracked files in a folder of their own, and the settings of a shell there."""

    def __init__(self, folder: Path, image: str, project: str = "") -> None:
        """Copy the files. The image of the application is given, and not built."""
        self.folder = folder
        self.project = project or f"page-tracker-test-{token_hex(4)}"
        self.port, self.tls_port = free_port(), free_port()
        for name in succeed(run("git", "ls-files", "-z")).split("\0"):
            if name and (ROOT / name).is_file():
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(ROOT / name, folder / name, follow_symlinks=False)
        self.settings = {
            "COMPOSE_PROJECT_NAME": self.project,
            "PAGE_TRACKER_IMAGE": image,
            "PAGE_TRACKER_PROXY_IMAGE": f"{self.project}:proxy",
            "PAGE_TRACKER_PORT": str(self.port),
            "PAGE_TRACKER_TLS_PORT": str(self.tls_port),
        }

    @property
    def url(self) -> str:
        return f"https://localhost:{self.tls_port}"

    @property
    def secrets(self) -> Path:
        return self.folder / "secrets"

    def run(self, *command: str, given: str = "", **settings: str) -> Done:
        """Run a command in the clone, for ten minutes at most."""
        inherited = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("COMPOSE_", "PAGE_TRACKER_", "MAKE"))
        }
        environment = inherited | self.settings | settings
        return run(*command, given=given, environment=environment, folder=self.folder)

    def must(self, *command: str, **settings: str) -> str:
        """Run a command that must succeed, and return its output."""
        return succeed(self.run(*command, **settings))

    def remove(self) -> None:
        """Remove the stack with all its volumes; `make remove` asks otherwise."""
        self.run("make", "remove", YES="1")
