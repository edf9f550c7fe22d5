"""A connection to Redis that a test can break."""

import select
import socket
import threading
from contextlib import suppress
from pathlib import Path
from typing import Literal

SECONDS_LATE = 0.4


class BreakableWay:
    """A TCP port that forwards to a Redis socket, and can lose replies.

    New connections lead to the socket in `leads_to`, which a test may change: a replica
    takes over a host name in the same way. Commands always reach Redis. `breaks_at` is
    the command whose reply is lost. `fate` decides what happens instead: the connection
    hangs, is cut, holds the reply until `released` is set, or delivers it late.
    `reached` is set once Redis has the command.
    """

    def __init__(self, path: Path) -> None:
        self.leads_to = path
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"redis://127.0.0.1:{self._listener.getsockname()[1]}"
        self.breaks_at: bytes | None = None
        self.fate: Literal["hang", "cut", "hold", "late"] = "hang"
        self.reached = threading.Event()
        self.released = threading.Event()
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        """Accept no more connections."""
        # Wakes the thread that waits in accept; `close` alone does not.
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                threading.Thread(
                    target=self._forward, args=[client], daemon=True
                ).start()

    def _forward(self, client: socket.socket) -> None:
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
                elif fate:
                    self.reached.set()
                    if fate == "cut":
                        return
                    if fate == "hang":
                        continue
                    self.released.wait(SECONDS_LATE if fate == "late" else 5)
                target.sendall(data)
