"""Connections that clients hold open: idle ones, and ones with half a request.

Their clients live in a process of its own, which takes little time from a test:

    python -m support.held_connections PORT KIND NUMBER

It prints how many connections it has opened, waits for the end of its input, half a
minute at most, and prints how many are still open.
"""

import resource
import select
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path

from support import BROWSER

SECONDS = 2
"""Seconds to wait for an answer."""

HEAD = f"POST /api/v1/views HTTP/1.1\r\nHost: localhost\r\nUser-Agent: {BROWSER}\r\n"

MOST_SECONDS = 30
"""Seconds to hold connections: clients that they block are answered then."""

PARTS = {
    "idle": ["GET /pixel.gif HTTP/1.1\r\nHost: localhost\r\n\r\n"],
    "half-sent": [HEAD, HEAD + 'Content-Length: 99\r\n\r\n{"site": '],
}
"""The bytes that clients of each kind send, in turns."""


@dataclass
class Held:
    """How many connections were opened, and how many were open at the end."""

    opened: int
    open_at_end: int = 0


@contextmanager
def held(port: int, kind: str, number: int) -> Iterator[Held]:
    """Hold connections to a port of this machine open during the block.

    An idle one had an answer before. A half-sent one stops within head or body. Fewer
    are opened if the server does not answer.
    """
    with subprocess.Popen(
        [
            sys.executable,
            "-m",
            "support.held_connections",
            f"{port}",
            kind,
            f"{number}",
        ],
        cwd=Path(__file__).parents[1],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdin and process.stdout
        connections = Held(int(process.stdout.readline()))
        try:
            yield connections
        finally:
            process.stdin.close()
            connections.open_at_end = int(process.stdout.readline())


def most_connections(wanted: int) -> int:
    """Let this process and its children open files; return for how many connections.

    One process must be able to hold all of them, beside its other files.
    """
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return wanted if hard == resource.RLIM_INFINITY else min(wanted, hard * 9 // 10)


def hold(port: int, kind: str, number: int) -> None:
    """Open connections, and hold them until the input ends, or for `MOST_SECONDS`."""
    connections: list[socket.socket] = []
    for _, part in zip(range(number), cycle(PARTS[kind])):
        try:
            connection = socket.create_connection(("127.0.0.1", port), SECONDS)
            connection.sendall(part.encode())
            if kind == "idle" and not connection.recv(65536):
                break
        except OSError:
            break
        connections.append(connection)
    print(len(connections), flush=True)
    select.select([sys.stdin], [], [], MOST_SECONDS)
    print(sum(_is_open(connection) for connection in connections), flush=True)


def _is_open(connection: socket.socket) -> bool:
    """Return whether the server has not closed it."""
    connection.setblocking(False)
    try:
        while connection.recv(65536):
            pass
    except BlockingIOError:
        return True
    except OSError:
        pass
    return False


if __name__ == "__main__":
    hold(int(sys.argv[1]), sys.argv[2], int(sys.argv[3]))
