"""The smoke tests: `page-tracker smoke URL`."""

import re

from deployer.ending import DeploymentError, quote
from deployer.engine import last_line, run

SECONDS = 90
"""More than the command takes: its requests have time limits."""


def smoke(container: str) -> str:
    """Run the tests in a container, against that container alone."""
    inside = ("docker", "exec", container)
    return _verdict(*inside, "page-tracker", "smoke", "http://127.0.0.1:8000")


def smoke_at(url: str) -> str:
    """Run the tests on this machine, against the URL that visitors use."""
    return _verdict("page-tracker", "smoke", url)


def _verdict(*command: str) -> str:
    """Return the last line of the tests. Raises DeploymentError."""
    done = run(*command, seconds=SECONDS)
    if done.returncode:
        quote("Output of the smoke tests", done.stdout + done.stderr)
        failed = re.findall(r"^FAILED +(.*)", done.stdout, re.MULTILINE)
        reason = failed[0] if failed else last_line(done.stderr or done.stdout)
        raise DeploymentError(f"The smoke tests failed: {reason}")
    return last_line(done.stdout)
