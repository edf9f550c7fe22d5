"""Raw requests."""

import socket


def ask(port: int, request: bytes) -> bytes:
    """Send bytes to a port of this machine, and return the answer."""
    answer = b""
    with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        try:
            connection.sendall(request)
            connection.shutdown(socket.SHUT_WR)
        except OSError:  # it does not read the whole of a long body
            pass
        while data := _received(connection):
            answer += data
    return answer


def _received(connection: socket.socket) -> bytes:
    """Return the next bytes, or none at the end."""
    try:
        return connection.recv(65536)
    except ConnectionError:
        return b""
