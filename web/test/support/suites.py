"""Suites of tests that are tested themselves."""

import subprocess
import sys
from pathlib import Path


def suite(name: str, *options: str) -> subprocess.Popen[str]:
    """Start a folder of tests with options."""
    folder = Path(__file__).parents[1] / name
    return subprocess.Popen(
        [sys.executable, "-m", "pytest", "-q", *options, folder],
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def run_suite(name: str, *options: str) -> subprocess.CompletedProcess[str]:
    """Run a folder of tests with options, and return what they print and status."""
    with suite(name, *options) as running:
        try:
            printed, errors = running.communicate(timeout=25)
        finally:
            running.kill()
    return subprocess.CompletedProcess(
        running.args, running.returncode, printed, errors
    )
