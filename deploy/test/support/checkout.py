"""The commands of this checkout, as somebody runs them who operates a stack."""

import subprocess
from pathlib import Path
from support import ROOT
SECONDS_AT_MOST = 400


def command(
    *words: str, environment: dict[str, str]
) -> subprocess.CompletedProcess[str]:
    """Run a command of the repository, and return how it went."""
    return subprocess.run(
        [ROOT / words[0], *words[1:]],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=SECONDS_AT_MOST,
    )
