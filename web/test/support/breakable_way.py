"""A connection to Redis that a test can break."""

import select
import socket
import threading
from contextlib import suppress
from pathlib import Path
from typing import Literal

from support.port import Port

SECONDS_LATE = 0.4


class BreakableWay(Port):
    """A TCP port that forwards to a Redis socket, and can lose replies.

    New connections lead to the socket in `leads_to`, which a test may change: a replica
    takes over a host name in the same way. `breaks_at` is the command whose reply is
    lost. `fate` decides what happens instead: the connection hangs, is cut, holds the
    reply until `released` is set, or delivers it late. Or it swallows the command; all
    others reach Redis. `reached` is set once Redis has the command.
    """

    def __init__(self, path: Path) -> None:
        self.leads_to = path
        super().__init__()
        self.url = f"redis://127.0.0.1:{self.number}"
        self.breaks_at: bytes | None = None
        self.fate: Literal["hang", "cut", "hold", "late", "swallow"] = "hang"
        self.reached = threading.Event()
        self.released = threading.Event()

    def handle(self, client: socket.socket) -> None:
        """Forward commands and replies until one side closes."""
        fate = ""
        with client, socket.socket(socket.AF_UNIX) as server, suppress(OSError):
            server.connect(str(self.leads_to))
            while True:
                ready, _, _ = select.select([client, server], [], [])
                source, target = (
                    (client, server) if client in ready else (server, client)
                )
                data = source.recv(65536)
                if not data:
                    return
                if source is client:
                    broken = self.breaks_at is not None and self.breaks_at in data
                    fate = self.fate if broken else ""
                    if fate == "swallow":
                        continue
                elif fate:
                    self.reached.set()
                    if fate == "cut":
                        return
                    if fate == "hang":
                        continue
                    self.released.wait(SECONDS_LATE if fate == "late" else 5)
                target.sendall(data)
