"""Runs the page-tracker command inside the executable.

The executable unpacks libraries and files into a temporary folder, runs this module in
a child process, passes signals on to it, and removes the folder when it has ended.
"""

import ctypes
import os
import signal
import sys
from pathlib import Path

from page_tracker.cli import main

PR_SET_PDEATHSIG = 1
"""Option of prctl(2): the signal to send when the parent process has ended."""

# This process has loaded the folder's libraries. A redis-server needs the system's.
os.environ.pop("LD_LIBRARY_PATH", None)
if "LD_LIBRARY_PATH_ORIG" in os.environ:
    os.environ["LD_LIBRARY_PATH"] = os.environ.pop("LD_LIBRARY_PATH_ORIG")

# Killing the parent process must end the whole program.
if sys.platform == "linux":
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)

commit = Path(__file__).with_name("commit").read_text(encoding="utf-8").strip()
os.environ.setdefault("PAGE_TRACKER_COMMIT", commit)

main()
