"""A way to a container's port over `docker exec`, which publishes nothing.

As the application's container reaches only its stack, and its engine may be elsewhere.
"""

import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import Thread

PORT = 8000

# Runs in the container, by the Python that serves there.
IN_THE_CONTAINER = f"""
import os, socket, threading
server = socket.create_connection(("127.0.0.1", {PORT}), 10)
def up():
    while data := os.read(0, 65536):
        server.sendall(data)
    server.shutdown(socket.SHUT_WR)
threading.Thread(target=up, daemon=True).start()
while data := server.recv(65536):
    while data:
        data = data[os.write(1, data):]
os._exit(0)
"""


@contextmanager
def relay(container: str) -> Iterator[str]:
    """Give a URL on this machine that leads to the application in a container."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        Thread(target=_accept, args=(listener, container), daemon=True).start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            # Wakes the thread that waits in accept, which close alone would not do.
            with suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)


def _accept(listener: socket.socket, container: str) -> None:
    with suppress(OSError):
        while True:
            client, _ = listener.accept()
            Thread(target=_carry, args=(client, container), daemon=True).start()


def _carry(client: socket.socket, container: str) -> None:
    """Carry one connection, in a process that has it for input and output."""
    with client:
        subprocess.run(
            ["docker", "exec", "--interactive", container, "python", "-c"]
            + [IN_THE_CONTAINER],
            stdin=client.fileno(),
            stdout=client.fileno(),
            stderr=subprocess.DEVNULL,
            check=False,
            start_new_session=True,
        )
