"""The smoke tests, which are a command of the product: `page-tracker smoke URL`."""

import re
import subprocess

from deployer.ending import DeploymentError, quote
from deployer.engine import last_line, run

SECONDS = 90
"""More than the command takes, which has limits of its own."""


def smoke(container: str) -> str:
    """Have a container test what it serves, where no visitor comes in.

    Raises DeploymentError.
    """
    return _verdict(
        run(
            *("docker", "exec", container),
            *("page-tracker", "smoke", "http://127.0.0.1:8000"),
            seconds=SECONDS,
        )
    )


def smoke_at(url: str) -> str:
    """Test what visitors get at a URL, from this machine, as they come from elsewhere.

    Raises DeploymentError.
    """
    return _verdict(run("page-tracker", "smoke", url, seconds=SECONDS))


def _verdict(done: subprocess.CompletedProcess[str]) -> str:
    if done.returncode:
        quote("The smoke tests", done.stdout + done.stderr)
        failed = re.findall(r"^FAILED +(.*)", done.stdout, re.MULTILINE)
        reason = failed[0] if failed else last_line(done.stderr or done.stdout)
        raise DeploymentError(f"The smoke tests did not pass: {reason}")
    return last_line(done.stdout)
