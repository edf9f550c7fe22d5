"""The folder that the processes of one server share while it runs.

Its files are for them and their owner only, and gone after a restart of the machine.
"""

import os
import tempfile
from pathlib import Path


def run_folder(bind: str) -> Path:
    """Return the folder of the server that listens on an address; make it if needed.

    Raises PermissionError if the folder belongs to somebody else.
    """
    name = "".join(one if one.isalnum() else "-" for one in bind)
    parent = Path(tempfile.gettempdir(), f"page-tracker-{os.getuid()}")
    for folder in (parent, parent / name):
        folder.mkdir(mode=0o700, exist_ok=True)
        found = folder.lstat()
        if found.st_uid != os.getuid() or folder.is_symlink() or found.st_mode & 0o077:
            raise PermissionError(f"{folder} belongs to somebody else; remove it")
    return parent / name
