"""page-tracker smoke, against instances that work and servers that do not."""

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
    threading.Thread(target=running.serve_forever, args=[0.02], daemon=True).start()
    yield f"http{'s' if tls else ''}://localhost:{running.port}"
    running.shutdown()
    running.server_close()


@pytest.fixture
def instance(http_client: FlaskClient) -> Server:
    """Give an application that has counted in the test's own Redis."""
    http_client.get("/")
    http_client.get("/badge/example.org.svg")
    http_client.get("/sign-in")  # makes the key that signs forms
    return http_client.application


def test_should_pass_and_count_nothing_when_an_instance_works_and_has_moved(
    instance: Server, redis_client: Redis
) -> None:
    # Given
    before = {key: redis_client.dump(key) for key in keys_in(redis_client)}
    below = DispatcherMiddleware(NotFound(), {"/counter": instance})

    # When
    with serving(below) as url, serving(redirect(f"{url}/counter/health")) as old:
        result = smoke(old)

    # Then
    assert result.exit_code == 0, result.output
    assert result.output.splitlines()[-1] == f"All 18 checks passed: {url}/counter"
    assert before
    assert {key: redis_client.dump(key) for key in keys_in(redis_client)} == before


def in_drops(environ: Any, _: Any) -> Iterable[bytes]:
    """Send a header without end."""
    environ["werkzeug.socket"].sendall(b"HTTP/1.1 200 OK\r\nX: ")
    while not threading.Event().wait(0.05):
        environ["werkzeug.socket"].sendall(b"y")
    return []


@pytest.mark.parametrize(
    ("path", "answer", "told"),
    [
        ("/health", Response("It works!"), "/health: status 200: It works!"),
        ("/health", redirect("/login"), "/login: status 302"),
        ("/health", redirect("/health"), "/health: status 302"),
        ("/health", redirect("file:///etc/health"), "file:///etc/health is not a URL"),
        ("/health", Response("\x1b[2J", 502), "502: \N{REPLACEMENT CHARACTER}[2J\n"),
        ("/health", Response([b"{"], headers={"Content-Length": "9"}), "was cut off"),
        ("/health", in_drops, "FAILED  /health                no answer in time\n"),
        ("/ready", Response("\x1bfull", 503), "503: \N{REPLACEMENT CHARACTER}full\n"),
        ("/version", Response("{}", mimetype="application/json"), "FAILED  /version "),
        ("/", redirect("/embed"), "FAILED  / "),
        ("/static/embed.css", Response("<p>", mimetype="text/html"), "FAILED  /embed "),
        ("/tracker.js", Response("a fault", 500), "FAILED  /embed?site=a.example "),
        ("/api/v1/views", Response("", 204), "FAILED  /api/v1/views "),
        ("/pixel.gif", Response("a text"), "FAILED  /pixel.gif "),
        ("/nowhere", Response("no request", 404), "FAILED  /nowhere "),
    ],
)
def test_should_say_what_is_wrong_when_a_route_fails(
    instance: Server, path: str, answer: Server, told: str
) -> None:
    # Given
    def broken(environ: Any, start: Any) -> Iterable[bytes]:
        return (answer if environ["PATH_INFO"] == path else instance)(environ, start)

    # When
    with serving(broken) as url:
        result = smoke("--timeout=2", url)

    # Then
    assert result.exit_code == 1
    assert told in result.output


def test_should_pass_when_the_instance_hides_its_version(instance: Server) -> None:
    # Given
    def remote(environ: Any, start: Any) -> Iterable[bytes]:
        return instance(environ | {"REMOTE_ADDR": "203.0.113.9"}, start)

    # When
    with serving(remote) as url:
        result = smoke(url)

    # Then
    assert result.exit_code == 0
    hidden = "is hidden: PAGE_TRACKER_OPERATORS does not name this address"
    assert f"ok      /version               {hidden}\n" in result.output


def test_should_wait_for_an_instance_when_an_option_says_so(instance: Server) -> None:
    # Given
    answers = [Response("starting", 503)] * 4

    def starting(environ: Any, start: Any) -> Iterable[bytes]:
        return (answers.pop() if answers else instance)(environ, start)

    # When
    with serving(starting) as url:
        nobody, impatient = smoke(f"http://localhost:{free_port()}"), smoke(url)
        patient = smoke("--wait=20", f"{url}/")

    # Then
    assert nobody.output.endswith("  no connection: Connection refused\n")
    assert impatient.output.endswith("  status 503: starting\n")
    assert [one.exit_code for one in (nobody, impatient, patient)] == [1, 1, 0]


def test_should_name_the_options_when_a_certificate_is_not_trusted(
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
    assert "local issuer certificate; use --ca FILE" in results[0].output
    assert "the server does not use TLS" in spoken.output


@pytest.mark.parametrize(
    "arguments",
    [["localhost:80"], ["ftp://a.example"], ["http://"], ["http://x:y"], ["http://x?y"]]
    + [["--ca=/dev/null", "https://localhost"], ["--ca=none", "https://localhost"]],
)
def test_should_refuse_an_invalid_argument(arguments: list[str]) -> None:
    # When
    result = smoke(*arguments)

    # Then
    assert result.exit_code == 2
    assert arguments[0].removeprefix("--ca=") in result.output
