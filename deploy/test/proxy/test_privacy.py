"""No log identifies a visitor, whatever goes wrong."""

import json
import socket
import ssl

import pytest
from support import docker, succeed
from support.stack import Stack

AGENT = "An-Agent-To-Be-Kept-Quiet"
QUERY = "what-only-the-visitor-knows"
FORGED = "198.51.100.77"


def gateway(stack: Stack) -> str:
    """Return the address that the proxy sees for a visitor on this machine."""
    network = f"{stack.project}_public-network"
    format_ = "{{(index .IPAM.Config 0).Gateway}}"
    return succeed(docker("network", "inspect", "--format", format_, network))


def ask(stack: Stack, path: str, **headers: str) -> int:
    """Send a request that identifies its visitor in each of its parts."""
    who = {"User-Agent": AGENT, "X-Forwarded-For": FORGED}
    return stack.get(f"{path}?q={QUERY}", **who, **headers).status_code


def send(stack: Stack, text: str) -> None:
    """Send any text, and wait until the proxy ends the connection."""
    with socket.create_connection(("127.0.0.1", stack.port), 20) as connection:
        connection.sendall(text.encode())
        while connection.recv(4096):
            pass


def test_should_log_no_visitor_whatever_goes_wrong(stack: Stack) -> None:
    # Given
    who = f"Host: x\r\nUser-Agent: {AGENT}\r\nX-Forwarded-For: {FORGED}\r\n"

    # When
    with stack.set(PROXY_RATE="5"):
        seen = {ask(stack, "/"), ask(stack, "/nowhere")}
        seen.add(ask(stack, "/", Cookie="x" * 17000))
        # A malformed request leaves no line.
        send(stack, f"NO HTTP {QUERY} {AGENT}\r\n\r\n")
        send(stack, f"GET /?{QUERY} HTTP/1.1\r\n{who}Host: y\r\n\r\n")
        send(stack, f"GET /?{QUERY * 900} HTTP/1.1\r\n{who}\r\n")
        long = "Connection: close\r\nContent-Length: 9999999\r\n\r\n"
        send(stack, f"POST /?{QUERY} HTTP/1.1\r\n{who}{long}")
        seen |= {ask(stack, "/health") for _ in range(30)}
        logs = [stack.logged()]
    stack.compose("stop", "web-service")
    seen.add(ask(stack, "/"))
    logs += [stack.logged(), stack.compose("logs", "web-service")]

    # Then
    output = "\n".join(logs)
    lines = [json.loads(line) for line in output.splitlines() if line[0] == "{"]
    statuses = seen | {line["status"] for line in lines}
    assert statuses >= {200, 404, 413, 414, 429, 431, 503}
    assert 400 not in statuses
    assert not [who for who in (AGENT, QUERY, FORGED, gateway(stack)) if who in output]


def test_should_log_no_visitor_who_speaks_tls_to_a_port_without_tls(
    stack: Stack,
) -> None:
    # Given
    before = len(stack.logged())
    context = ssl.create_default_context()

    # When
    with socket.create_connection(("127.0.0.1", stack.port), 10) as connection:
        with pytest.raises(ssl.SSLError):
            context.wrap_socket(connection, server_hostname=QUERY)

    # Then
    logs = stack.logged()[before:]
    assert QUERY not in logs
    assert gateway(stack) not in logs
