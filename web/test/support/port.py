"""A TCP port of a test, whose connections a subclass handles."""

import socket
import threading
from contextlib import suppress


class Port:
    """Accepts connections, each in a thread of its own."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.number = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        """Accept no more connections."""
        # Wakes the thread that waits in accept; `close` alone does not.
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def handle(self, client: socket.socket) -> None:
        """Handle a connection until it ends, and close it."""
        raise NotImplementedError

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self.handle, args=[client], daemon=True).start()
