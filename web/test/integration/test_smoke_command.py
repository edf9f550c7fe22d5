"""`page-tracker smoke`, asked about instances that work and servers that do not."""

import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
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
from support.certificates import make_certificate
from support.recording import keys_in
from support.servers import free_port

Server = Callable[[Any, Any], Iterable[bytes]]


def smoke(*arguments: str) -> Result:
    """Run the command as a user does."""
    return CliRunner().invoke(main, ["smoke", *arguments])


@contextmanager
def serving(server: Server, tls: tuple[str, str] | None = None) -> Iterator[str]:
    """Give the URL of a server on this machine."""
    running = make_server("localhost", 0, server, threaded=True, ssl_context=tls)
    threading.Thread(target=running.serve_forever, args=[0.02]).start()
    yield f"http{'s' if tls else ''}://localhost:{running.port}"
    running.shutdown()
    running.server_close()


@pytest.fixture
def instance(http_client: FlaskClient) -> Server:
    """Give an application that has counted in the test's own Redis."""
    http_client.get("/")
    http_client.get("/badge/example.org.svg")
    return http_client.application


def test_should_pass_and_count_nothing_when_an_instance_is_well_and_has_moved(
    instance: Server, redis_client: Redis
) -> None:
    # Given
    before = {key: redis_client.dump(key) for key in keys_in(redis_client)}
    below = DispatcherMiddleware(NotFound(), {"/counter": instance})

    # When
    with serving(below) as url, serving(redirect(f"{url}/counter/health")) as old:
        result = smoke(old)
        above = smoke(url)

    # Then
    assert result.exit_code == 0, result.output
    assert result.output.splitlines()[-1] == f"All 12 checks passed: {url}/counter"
    assert before
    assert {key: redis_client.dump(key) for key in keys_in(redis_client)} == before
    assert f"no Page Tracker at {url}/health: status 404" in above.output


@pytest.mark.parametrize(
    ("path", "answer", "named"),
    [
        ("/ready", Response("full", 503), "/ready                 status 503: full"),
        ("/version", Response("{}", mimetype="application/json"), "/version "),
        ("/", redirect("/embed"), "/ "),
        ("/embed", Response("<p>", mimetype="text/html"), "/embed "),
        ("/static/embed.css", Response("<p>", mimetype="text/html"), "/embed "),
        ("/tracker.js", Response("a fault", 500), "/embed?site=a.example "),
        ("/api/v1/views", Response("", 204), "/api/v1/views "),
        ("/pixel.gif", Response("a text"), "/pixel.gif "),
        ("/nowhere", Response("no request", 404), "/nowhere "),
    ],
)
def test_should_name_the_route_when_one_is_broken(
    instance: Server, path: str, answer: Response, named: str
) -> None:
    # Given
    def broken(environ: Any, start: Any) -> Iterable[bytes]:
        return (answer if environ["PATH_INFO"] == path else instance)(environ, start)

    # When
    with serving(broken) as url:
        result = smoke(url)

    # Then
    assert result.exit_code == 1
    assert f"FAILED  {named}" in result.output
    assert f" of 12 checks failed: {url}" in result.output


def cut_off(_: Any, start: Any) -> list[bytes]:
    """Send less than was said."""
    start("200 OK", [("Content-Length", "100")])
    return [b"{"]


def in_drops(environ: Any, _: Any) -> Iterable[bytes]:
    """Send headers without end."""
    with suppress(OSError):
        environ["werkzeug.socket"].sendall(b"HTTP/1.1 200 OK\r\n")
        while not threading.Event().wait(0.05):
            environ["werkzeug.socket"].sendall(b"X: y\r\n")
    raise ConnectionError


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (Response("It works!"), "/health: status 200: It works!"),
        (Response('{"status": "up"}'), '/health: status 200: {"status": "up"}'),
        (redirect("/login"), "/login: status 302"),
        (redirect("/health"), "/health: status 302"),
        (redirect("file:///etc/health"), "file:///etc/health is no URL"),
        (Response("\x1b[2Jaway", 502), "status 502: \N{REPLACEMENT CHARACTER}[2Jaway"),
        (cut_off, "was cut off"),
        (in_drops, "no answer in time"),
    ],
)
def test_should_say_what_answers_when_it_is_another_server(
    answer: Server, reason: str
) -> None:
    # When
    with serving(answer) as url:
        result = smoke("--timeout=0.5", url)

    # Then
    assert result.exit_code == 1
    assert result.output.startswith("FAILED  /health ")
    assert reason in result.output
    assert len(result.output.splitlines()) == 1


def test_should_say_so_when_nobody_is_there() -> None:
    # When
    result = smoke(f"http://localhost:{free_port()}")

    # Then
    assert result.exit_code == 1
    assert result.output.endswith("  no connection: Connection refused\n")


def test_should_wait_when_an_instance_starts(instance: Server) -> None:
    # Given
    answers = [Response("starting", 503)] * 3

    def starting(environ: Any, start: Any) -> Iterable[bytes]:
        return (answers.pop() if answers else instance)(environ, start)

    # When
    with serving(starting) as url:
        result = smoke("--wait=20", url)

    # Then
    assert result.exit_code == 0, result.output


def test_should_help_when_a_certificate_is_not_trusted(
    instance: Server, tmp_path: Path
) -> None:
    # Given
    make_certificate(tmp_path, "localhost")
    files = (f"{tmp_path}/server.crt", f"{tmp_path}/server.key")

    # When
    with serving(instance, files) as url, serving(instance) as plain:
        options = ["--wait=20", f"--ca={tmp_path}/ca.crt", "--insecure"]
        results = [smoke(option, url) for option in options]
        spoken = smoke(plain.replace("http:", "https:"))

    # Then
    assert [result.exit_code for result in results] == [1, 0, 0]
    assert "certificate is not trusted: unable to get local" in results[0].output
    assert "--ca FILE (make smoke: CA=FILE), or any by --insecure" in results[0].output
    assert "no TLS is spoken there" in spoken.output


@pytest.mark.parametrize(
    "arguments",
    [["localhost:80"], ["ftp://a.example"], ["http://"], ["http://x:y"], ["http://x?y"]]
    + [["--ca=/dev/null", "https://localhost"], ["--ca=none", "https://localhost"]],
)
def test_should_refuse_what_is_invalid(arguments: list[str]) -> None:
    # When
    result = smoke(*arguments)

    # Then
    assert result.exit_code == 2
    assert arguments[0].removeprefix("--ca=") in result.output
