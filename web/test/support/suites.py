"""Suites of tests that are tested themselves."""

import subprocess
import sys
from pathlib import Path


def run_suite(name: str, *options: str) -> subprocess.CompletedProcess[str]:
    """Run a folder of tests with options, and return what they print and status."""
    folder = Path(__file__).parents[1] / name
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", *options, folder],
        text=True,
        capture_output=True,
        timeout=25,
        check=False,
    )
