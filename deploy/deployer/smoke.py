"""The smoke tests, which are a command of the product: `page-tracker smoke URL`."""

import re

from deployer.ending import DeploymentError, quote
from deployer.engine import last_line, run

SECONDS = 90
"""More than the command takes, which has limits of its own."""


def smoke(container: str) -> str:
    """Have a container test what it serves, where no visitor comes in."""
    inside = ("docker", "exec", container)
    return _verdict(*inside, "page-tracker", "smoke", "http://127.0.0.1:8000")


def smoke_at(url: str) -> str:
    """Test what visitors get at a URL, as they come from elsewhere."""
    return _verdict("page-tracker", "smoke", url)


def _verdict(*command: str) -> str:
    """Return the last line of the tests. Raises DeploymentError."""
    done = run(*command, seconds=SECONDS)
    if done.returncode:
        quote("The smoke tests", done.stdout + done.stderr)
        failed = re.findall(r"^FAILED +(.*)", done.stdout, re.MULTILINE)
        reason = failed[0] if failed else last_line(done.stderr or done.stdout)
        raise DeploymentError(f"The smoke tests did not pass: {reason}")
    return last_line(done.stdout)
