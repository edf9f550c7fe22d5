"""Put faults in, and see each pipeline stop where it should: `make ci-faults`.

Each fault is committed to a clean clone, where the rehearsal of each CI system runs for
real. It takes an hour.
"""

import re
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from rehearsal import (
    Stage,
    clean_checkout,
    clean_up_when_terminated,
    environment_of_ci,
    run_live,
    summarize,
)

SECONDS = 3000

# Where the tests of the code are run, and those of the image, on each system.
TESTS = {"github": "Lint and test", "gitlab": "test", "jenkins": "Lint and test"}
END_TO_END = {"github": "build", "gitlab": "e2e", "jenkins": "End to end"}
DEPLOYMENT = {"github": "deploy", "gitlab": "deploy", "jenkins": "Deploy"}


@dataclass
class Fault:
    """A change to one file, and where a pipeline stops at it, and why."""

    name: str
    file: str
    sound: str
    broken: str
    stops_at: dict[str, str]
    why: str

    def is_held_up(self, summary: str) -> bool:
        """Say whether it came no further: not to the registry, or not to visitors."""
        if self.stops_at is DEPLOYMENT:
            return bool(re.search("^as before +passed", summary, re.MULTILINE))
        return not re.search("^published +passed", summary, re.MULTILINE)

    def put_into(self, checkout: Path) -> None:
        """Change the file, and commit it."""
        path = checkout / self.file
        text = path.read_text(encoding="utf-8")
        assert self.sound in text, f"{self.file} has no {self.sound}"
        path.write_text(text.replace(self.sound, self.broken, 1), encoding="utf-8")
        author = ["-c", "user.name=fault", "-c", "user.email=fault@localhost"]
        subprocess.run(
            ["git", *author, "commit", "--quiet", "--all", "--message", self.name],
            cwd=checkout,
            check=True,
            timeout=60,
        )


FAULTS = (
    Fault(
        "a broken unit test",
        "web/test/unit/test_health.py",
        "status_code == 200",
        "status_code == 201",
        TESTS,
        " unit",
    ),
    Fault(
        "a lint fault",
        "web/src/page_tracker/app.py",
        "\nAPOLOGY = ",
        "\nAPOLOGY   = ",
        TESTS,
        " lint",
    ),
    Fault(
        "an emoji without its test",
        "web/src/page_tracker/app.py",
        "something went wrong 😔",
        "something went wrong 😢",
        TESTS,
        " unit",
    ),
    Fault(
        "a Redis that is never healthy",
        "docker-compose.yml",
        '["CMD", "redis-cli", "-h", "127.0.0.1", "-e", "ping"]',
        '["CMD", "false"]',
        END_TO_END,
        "redis-service is running unhealthy",
    ),
    Fault(
        "an image without one of its files",
        "web/Dockerfile",
        "\nUSER 10001:10001\nEXPOSE 8000",
        "\nRUN rm /opt/page-tracker/lib/*/site-packages/page_tracker/static/embed.js"
        "\nUSER 10001:10001\nEXPOSE 8000",
        DEPLOYMENT,
        "test_should_show_its_pages_with_their_files",
    ),
)


def try_fault(fault: Fault, system: str) -> Stage:
    """Run a system's rehearsal with a fault in it, and say whether it was found."""
    began = time.monotonic()
    with clean_checkout() as checkout:
        fault.put_into(checkout)
        status, output = run_live(
            ["make", f"ci-{system}"], checkout, environment_of_ci(), SECONDS
        )
    said = [line for line in output.splitlines() if line.startswith("Failed at ")]
    last = said[-1] if said else f"It ended with status {status}."
    was_found = (
        status != 0
        and last.startswith(f"Failed at {fault.stops_at[system]}")
        and fault.why in last
        and fault.is_held_up(output)
    )
    seconds = time.monotonic() - began
    return Stage(f"{fault.name}, {system}", int(not was_found), seconds, last)


def main() -> int:
    """Try every fault on every system, and print one summary. Return the status."""
    clean_up_when_terminated()
    stages = [try_fault(fault, system) for fault in FAULTS for system in TESTS]
    return summarize("Faults that were put in: passed is found", stages)


if __name__ == "__main__":
    sys.exit(main())
