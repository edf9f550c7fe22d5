"""Clients of other counters behind the proxy: their addresses, bodies and headers."""

import json
import socket
from http.client import HTTPResponse
from urllib.parse import quote

import pytest
import requests
from support import FIREFOX
from support.stack import Stack
from support.visitors import WITH_TOKEN

HITS = [{"path": f"/{'x' * 120}{n}", "title": "界" * 60, "ip": "a"} for n in range(500)]
BATCH = json.dumps({"hits": HITS, "no_sessions": True})
PAGE = {"Referer": "https://example.org/x/y", "User-Agent": FIREFOX}
ROUTES = ("/api/v0/count", "/example.org/api/v0/count")


def ask(stack: Stack, target: str) -> tuple[int, bytes]:
    """Ask for an address that no library of ours tidies."""
    with socket.create_connection(("127.0.0.1", stack.port), 10) as connection:
        connection.sendall(f"GET {target} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        answer = HTTPResponse(connection)
        answer.begin()
        return answer.status, answer.read()


def test_should_take_a_request_line_of_8_kb_when_a_title_is_chinese(
    stack: Stack,
) -> None:
    # Given: an address that is encoded takes 9 bytes for each of these characters
    sent = {"p": "/長" + "長" * 100, "r": f"https://a.example/{'r' * 1500}"}
    query = "&".join(f"{name}={quote(value)}" for name, value in sent.items())
    target = f"/example.org/count?{query}&t={quote('界' * 620)}"
    assert 8_000 < len(target) < 8_150

    # When
    answer = requests.get(stack.url + target, headers=PAGE, timeout=10)

    # Then
    assert answer.status_code == 200
    assert answer.content.startswith(b"GIF89a")
    assert stack.view(sent["p"])["views"] == 2


@pytest.mark.parametrize("path", ROUTES)
def test_should_take_a_batch_of_500_hits_when_it_has_a_token(
    stack: Stack, path: str
) -> None:
    # Given
    assert 64 * 1024 < len(BATCH) < 2 * 1024 * 1024
    headers = {"Content-Type": "application/json"}

    # When
    refused = requests.post(stack.url + path, data=BATCH, headers=headers, timeout=30)
    taken = requests.post(
        stack.url + path, data=BATCH, headers=headers | WITH_TOKEN, timeout=30
    )

    # Then
    assert refused.status_code == 413
    assert refused.headers["Access-Control-Allow-Origin"] == "*"
    assert taken.status_code == 202, taken.text


def test_should_take_a_batch_of_umami_when_it_has_500_events(stack: Stack) -> None:
    # Given
    payload = {"website": "x", "hostname": "example.org", "title": "界" * 30}
    sent = [
        {"type": "event", "payload": payload | {"url": f"/batch/{number}"}}
        for number in range(500)
    ]
    body = json.dumps(sent)
    assert 128 * 1024 < len(body) < 512 * 1024

    # When
    answer = requests.post(
        f"{stack.url}/api/batch",
        data=body,
        headers=PAGE | {"Content-Type": "application/json"},
        timeout=30,
    )

    # Then
    assert answer.status_code == 200, answer.text


@pytest.mark.parametrize("name", ["/counter//x/y", "/counter/%2Fx%2Fy", "/counter/x/y"])
@pytest.mark.parametrize("below", ["", "/example.org"])
def test_should_pass_a_path_on_as_it_came(stack: Stack, below: str, name: str) -> None:
    # Given
    counted = requests.get(f"{stack.url}/count?p=/x/y", headers=PAGE, timeout=10)
    assert "X-Goatcounter" not in counted.headers

    # When
    status, body = ask(stack, f"{below}{name}.json")

    # Then
    assert status == 200, body
    assert json.loads(body)["count"] == "1"


@pytest.mark.parametrize(
    "path",
    [
        "/counter/TOTAL.html",
        "/counter/TOTAL.svg",
        "/count?p=/h",
        "/js",
        "/busuanzi?jsonpCallback=F",
        "/api/v2/log?url=https://example.org/h",
    ],
)
def test_should_neither_change_nor_double_the_headers_of_the_application(
    stack: Stack, path: str
) -> None:
    # Given
    requests.get(f"{stack.url}/count?p=/h", headers=PAGE, timeout=10)
    code = f"""
import json, urllib.request
asked = urllib.request.Request("http://localhost:8000{path}", headers={PAGE})
print(json.dumps(urllib.request.urlopen(asked).getheaders()))
"""

    # When
    behind = [tuple(pair) for pair in json.loads(stack.python(code))]
    with requests.get(
        stack.url + path,
        headers=PAGE | {"Accept-Encoding": ""},
        timeout=10,
    ) as answer:
        before = answer.raw.headers.items()

    # Then
    ours = {"x-request-id", "date", "server", "connection", "keep-alive"}
    ours |= {"content-length", "transfer-encoding", "etag", "expires", "vary"}

    def told(pairs: list[tuple[str, str]]) -> list[tuple[str, str]]:
        named = [(name.lower(), value) for name, value in pairs]
        return sorted(pair for pair in named if pair[0] not in ours)

    assert told(list(before)) == told(behind)


@pytest.mark.parametrize("path", ["/api", "/api/v2/log", "/api/send", "/api/article"])
def test_should_pass_the_question_of_a_browser_on(stack: Stack, path: str) -> None:
    # When
    answer = requests.options(
        stack.url + path,
        headers={
            "Origin": "https://example.org",
            "Access-Control-Request-Method": "POST",
        },
        timeout=10,
    )

    # Then
    assert answer.status_code in (200, 204)
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert "POST" in answer.headers["Access-Control-Allow-Methods"]
