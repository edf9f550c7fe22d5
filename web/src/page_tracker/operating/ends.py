"""The other end of a connection, as the system knows it."""

import socket
import struct
import termios
from contextlib import suppress
from fcntl import ioctl

AT_ONCE = struct.pack("ii", 1, 0)
"""For SO_LINGER: a connection that closes is reset."""


QUEUE = 1 << 17
"""Bytes. By default, the system queues four megabytes. With that much queued, nobody
would see for a long time that a client stopped reading."""


def queue_little(peer: socket.socket) -> None:
    """Let the system queue few bytes for the other end."""
    with suppress(OSError):
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, QUEUE)


def bytes_not_taken(peer: socket.socket) -> int:
    """Return the bytes that were sent, and that the other end has not taken."""
    with suppress(OSError):  # it is closed
        (number,) = struct.unpack("i", ioctl(peer, termios.TIOCOUTQ, bytes(4)))
        return int(number)
    return 0


def reset_at_close(peer: socket.socket) -> None:
    """Let the other end see an error when the connection closes, and no usual end."""
    with suppress(OSError):
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, AT_ONCE)
