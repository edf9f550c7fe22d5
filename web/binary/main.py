"""The page-tracker command, where it is one executable: what that runs.

The executable unpacks libraries and files into a folder of its own, runs this in a
child of its process, passes signals on to it, and removes the folder when it has ended.
"""

import ctypes
import os
import signal
import sys
from pathlib import Path

from page_tracker.cli import main

PR_SET_PDEATHSIG = 1
"""Of prctl(2): the signal to be sent when the parent is gone."""

# The folder's libraries are for this process, which has them. A redis-server that is
# started has its own.
os.environ.pop("LD_LIBRARY_PATH", None)
if "LD_LIBRARY_PATH_ORIG" in os.environ:
    os.environ["LD_LIBRARY_PATH"] = os.environ.pop("LD_LIBRARY_PATH_ORIG")

# Whoever kills the process that was started means all of it.
if sys.platform == "linux":
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)

commit = Path(__file__).with_name("commit").read_text(encoding="utf-8").strip()
os.environ.setdefault("PAGE_TRACKER_COMMIT", commit)

main()
