"""The smoke tests of this checkout, against one container or what visitors get."""

import os
import re

from deployment.engine import last_line, run
from deployment.errors import DeploymentError
from deployment.output import quote
from deployment.relay import relay
from deployment.settings import ROOT

SECONDS = 180


def smoke(container: str) -> str:
    """Run the smoke tests against a container, and say how many passed.

    Raises DeploymentError.
    """
    with relay(container) as url:
        return smoke_at(url)


def smoke_at(url: str) -> str:
    """Run the smoke tests against a URL, as `smoke` does."""
    # No proxy of this machine has a part in the relay, nor what make tells those below.
    direct = f"127.0.0.1,{os.environ.get('NO_PROXY', '')}"
    environment = {
        name: value for name, value in os.environ.items() if name[:4] != "MAKE"
    } | {"NO_PROXY": direct, "no_proxy": direct}
    done = run(
        *("make", "--no-print-directory", "-C", str(ROOT), "smoke", f"URL={url}"),
        seconds=SECONDS,
        environment=environment,
    )
    if done.returncode:
        quote("The smoke tests", done.stdout)
        # What failed, or why pytest could not begin, which it puts between marks.
        told = r"^(?:FAILED|ERROR) .*|(?<=Exit: ).*?(?= !+$)"
        failed = re.findall(told, done.stdout, re.MULTILINE)
        reason = failed[0] if failed else last_line(done.stderr or done.stdout)
        raise DeploymentError(f"The smoke tests did not pass: {reason}")
    return last_line(done.stdout)
