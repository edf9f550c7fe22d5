"""`page-tracker smoke`, asked about instances that work and servers that do not."""

import socket
import subprocess
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from flask.testing import FlaskClient
from redis import Redis
from werkzeug.exceptions import NotFound
from werkzeug.middleware.dispatcher import DispatcherMiddleware
from werkzeug.serving import make_server
from werkzeug.utils import redirect
from werkzeug.wrappers import Response

from page_tracker.cli import main
from support.recording import keys_in
from support.servers import free_port

Server = Callable[[Any, Any], Iterable[bytes]]


def smoke(*arguments: str) -> Result:
    """Run the command as a user does."""
    return CliRunner().invoke(main, ["smoke", *arguments])


@contextmanager
def serving(server: Server, certificate: Path | None = None) -> Iterator[str]:
    """Give the URL of a server on this machine."""
    tls = (str(certificate), str(certificate)) if certificate else None
    running = make_server("127.0.0.1", 0, server, threaded=True, ssl_context=tls)
    thread = threading.Thread(target=running.serve_forever, args=[0.02])
    thread.start()
    try:
        yield f"http{'s' if tls else ''}://127.0.0.1:{running.port}"
    finally:
        running.shutdown()
        thread.join(10)
        running.server_close()


@pytest.fixture
def instance(http_client: FlaskClient) -> Server:
    """Give an application that counts in the test's own Redis."""
    return http_client.application


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """Give a key and a certificate for 127.0.0.1 that nobody else has signed."""
    file = tmp_path / "certificate.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ed25519", "-nodes", "-days", "1"]
        + ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"]
        + ["-keyout", file, "-out", tmp_path / "public.pem"],
        check=True,
        capture_output=True,
        timeout=20,
    )
    file.write_text(file.read_text() + (tmp_path / "public.pem").read_text())
    return file


def values_in(redis: Redis) -> dict[str, object]:
    """Return all keys with their values."""
    return {key: redis.dump(key) for key in keys_in(redis)}


def test_should_pass_and_change_nothing_when_an_instance_is_well(
    http_client: FlaskClient, instance: Server, redis_client: Redis
) -> None:
    # Given
    http_client.get("/")
    http_client.get("/badge/example.org.svg")
    before = values_in(redis_client)

    # When
    with serving(instance) as url:
        result = smoke(f"{url}/")

    # Then
    assert result.exit_code == 0, result.output
    assert result.output.splitlines()[-1] == f"All 9 checks passed: {url}"
    assert before
    assert values_in(redis_client) == before


def test_should_name_what_fails_when_the_instance_cannot_count(
    instance: Server, redis_client: Redis
) -> None:
    # Given
    redis_client.config_set("maxmemory", 1)

    # When
    with serving(instance) as url:
        result = smoke(url)

    # Then
    assert result.exit_code == 1
    assert "FAILED  /ready         status 503:" in result.output
    assert "ok      /version" in result.output
    assert result.output.splitlines()[-1].endswith(f"of 9 checks failed: {url}")


@pytest.mark.parametrize(
    ("path", "named"),
    [
        ("/tracker.js", "FAILED  /embed?site="),
        ("/static/embed.css", "FAILED  /embed "),
        ("/pixel.gif", "FAILED  /api/v1/views"),
        ("/version", "FAILED  /version"),
    ],
)
def test_should_name_the_route_when_one_is_broken(
    instance: Server, path: str, named: str
) -> None:
    # Given
    def broken(environ: Any, start_response: Any) -> Iterable[bytes]:
        if environ["PATH_INFO"] == path:
            return Response("a fault", 500)(environ, start_response)
        return instance(environ, start_response)

    # When
    with serving(broken) as url:
        result = smoke(url)

    # Then
    assert result.exit_code == 1
    assert named in result.output
    assert "1 of 9 checks failed" in result.output


def test_should_pass_when_the_instance_is_below_a_path(instance: Server) -> None:
    # Given
    below = DispatcherMiddleware(NotFound(), {"/counter": instance})

    # When
    with serving(below) as url:
        there, above = smoke(f"{url}/counter"), smoke(url)

    # Then
    assert there.exit_code == 0, there.output
    assert "/counter/tracker.js" in there.output
    assert above.exit_code == 1
    assert "this is no Page Tracker: status 404" in above.output


def test_should_follow_when_an_instance_has_moved(
    http_client: FlaskClient, instance: Server, redis_client: Redis
) -> None:
    # Given
    http_client.get("/")
    http_client.get("/badge/example.org.svg")
    before = values_in(redis_client)
    with serving(instance) as url:

        def moved(environ: Any, start_response: Any) -> Iterable[bytes]:
            return redirect(url + environ["PATH_INFO"])(environ, start_response)

        # When
        with serving(moved) as old:
            result = smoke(old)

    # Then
    assert result.exit_code == 0, result.output
    assert result.output.splitlines()[-1] == f"All 9 checks passed: {url}"
    assert values_in(redis_client) == before


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (Response("It works!"), "this is no Page Tracker: status 200: It works!"),
        (Response('{"status": "up"}'), 'no Page Tracker: status 200: {"status": "up"}'),
        (redirect("/login"), "redirects to http://127.0.0.1:"),
        (redirect("/health"), "this is no Page Tracker: status 302"),
        (redirect("file:///etc/health"), "file:///etc/health is no URL"),
        (Response("\x1b[2Jaway", 502), "status 502: \N{REPLACEMENT CHARACTER}[2Jaway"),
    ],
)
def test_should_say_what_answers_when_it_is_another_server(
    answer: Server, reason: str
) -> None:
    # When
    with serving(answer) as url:
        result = smoke(url)

    # Then
    assert result.exit_code == 1
    assert result.output.startswith("FAILED  /health ")
    assert reason in result.output
    assert len(result.output.splitlines()) == 1


def test_should_help_when_a_certificate_is_not_trusted(
    instance: Server, certificate: Path
) -> None:
    # When
    with serving(instance, certificate) as url:
        plain = smoke("--wait=20", url)
        trusting = smoke(f"--ca={certificate}", url)
        insecure = smoke("--insecure", url)

    # Then
    assert plain.exit_code == 1
    assert "certificate is not trusted: self-signed certificate" in plain.output
    assert "--ca FILE (make smoke: CA=FILE)" in plain.output
    assert (trusting.exit_code, insecure.exit_code) == (0, 0), trusting.output


def test_should_say_so_when_nobody_speaks_tls(instance: Server) -> None:
    # When
    with serving(instance) as url:
        result = smoke(url.replace("http:", "https:"))

    # Then
    assert result.exit_code == 1
    assert "no TLS is spoken there" in result.output


def test_should_say_so_when_nobody_is_there() -> None:
    # When
    result = smoke(f"http://127.0.0.1:{free_port()}")

    # Then
    assert result.exit_code == 1
    assert result.output == "FAILED  /health        no connection: Connection refused\n"


def test_should_wait_as_long_as_it_is_told_when_an_instance_starts(
    instance: Server,
) -> None:
    # Given
    asked: list[str] = []

    def starting(environ: Any, start_response: Any) -> Iterable[bytes]:
        asked.append(environ["PATH_INFO"])
        if len(asked) < 5:
            return Response("starting", 503)(environ, start_response)
        return instance(environ, start_response)

    # When
    with serving(starting) as url:
        result = smoke("--wait=20", url)

    # Then
    assert result.exit_code == 0, result.output


def in_drops(connection: socket.socket) -> None:
    """Send an answer that never ends, a header at a time."""
    connection.sendall(b"HTTP/1.1 200 OK\r\n")
    with connection:
        try:
            while not threading.Event().wait(0.05):
                connection.sendall(b"X: y\r\n")
        except OSError:
            pass


@pytest.mark.parametrize("answers", [socket.socket.recv, in_drops])
def test_should_give_up_when_a_server_never_comes_to_an_end(answers: Any) -> None:
    # Given: a server that waits for more, or one that answers without end
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        kept = []

        def accept() -> None:
            connection, _ = listener.accept()
            kept.append(connection)
            if answers is in_drops:
                in_drops(connection)

        thread = threading.Thread(target=accept)
        thread.start()

        # When
        result = smoke("--timeout=0.3", f"http://127.0.0.1:{port}")
        kept[0].close()
        thread.join(10)

    # Then
    assert result.exit_code == 1
    assert "no answer" in result.output


@pytest.mark.parametrize(
    "url",
    ["localhost:8000", "ftp://example.org", "http://", "http://x:y", "http://x?y"],
)
def test_should_refuse_what_is_no_url(url: str) -> None:
    # When
    result = smoke(url)

    # Then
    assert result.exit_code == 2
    assert f"'{url}' is not the URL of an instance" in result.output


def test_should_refuse_a_file_without_a_certificate(tmp_path: Path) -> None:
    # Given
    file = tmp_path / "empty.pem"
    file.touch()

    # When
    result = smoke(f"--ca={file}", "https://localhost")

    # Then
    assert result.exit_code == 2
    assert f"{file} holds no certificate" in result.output
