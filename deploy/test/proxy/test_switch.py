"""`switch` changes what visitors get, at once and without a failed request."""

from collections.abc import Callable

import pytest
from support import FIREFOX, docker, succeed, wait_for
from support.stack import Stack
from support.visitors import Visitors

GREEN = """
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

class Green(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", "39")
        self.end_headers()
        self.wfile.write(b"This page has been seen 1000000 times.\\n")
    def log_message(self, *_):
        pass

ThreadingHTTPServer(("", 8000), Green).serve_forever()
"""

GREEN_SAYS = "This page has been seen 1000000 times.\n"


@pytest.fixture
def green(stack: Stack, beside: Callable[[str, str], str]) -> str:
    """Give the container of a service that could be switched to."""
    container = beside("green-service", GREEN)
    asked = ("ask", "http://green-service:8000/")
    assert wait_for(lambda: stack.exec("proxy-service", *asked).returncode == 0)
    return container


@pytest.mark.usefixtures("green")
def test_should_give_all_visitors_another_service_without_a_failure(
    stack: Stack,
) -> None:
    # When
    with Visitors(stack.url) as visitors:
        visitors.come(300)
        for _ in range(3):
            succeed(stack.switch("green-service"))
            succeed(stack.exec("proxy-service", "drain"))
            visitors.come(100)
            succeed(stack.switch("web-service"))
            visitors.come(100)
        succeed(stack.switch("green-service"))
        succeed(stack.exec("proxy-service", "drain"))
        stored = stack.stored()
        visitors.come(100)

    # Then
    assert not visitors.failures
    assert stack.stored() == stored, "after a drain nothing reaches the old service"


@pytest.mark.usefixtures("green")
def test_should_give_a_share_of_visitors_the_candidate_and_always_the_same(
    stack: Stack,
) -> None:
    # Given
    succeed(stack.switch("web-service", "green-service", "25"))

    # When
    seen = [
        {stack.get(User_Agent=f"{FIREFOX} {visitor}").text == GREEN_SAYS for _ in "ab"}
        for visitor in range(120)
    ]

    # Then
    assert all(len(answers) == 1 for answers in seen), "one visitor, one service"
    share = sum(answers == {True} for answers in seen) / len(seen)
    assert 0.1 < share < 0.45


def test_should_give_everybody_the_live_service_when_the_candidate_is_gone(
    stack: Stack, green: str
) -> None:
    # Given
    succeed(stack.switch("web-service", "green-service", "100"))
    assert stack.get().text == GREEN_SAYS

    # When
    succeed(docker("rm", "--force", green))
    answers = [stack.get("/version") for _ in range(5)]

    # Then
    assert [answer.status_code for answer in answers] == [200] * 5
    assert "version" in answers[0].json()


@pytest.mark.usefixtures("green")
def test_should_keep_the_service_when_the_proxy_is_replaced(stack: Stack) -> None:
    # Given
    succeed(stack.switch("green-service"))

    # When
    stack.up("--force-recreate", "--no-deps", "proxy-service")

    # Then
    assert stack.switch().stdout == "green-service\n"
    assert wait_for(lambda: stack.get().text == GREEN_SAYS)


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["gren-service"], "gren-service does not answer"),
        (["web-service", "web-service", "5"], "cannot be its own candidate"),
        (
            ["web-service", "green-service", "0"],
            "the share '0' is invalid: use 1 to 100",
        ),
        (["web-service", "green-service"], "usage: switch"),
    ],
)
@pytest.mark.usefixtures("green")
def test_should_change_nothing_when_an_argument_is_invalid(
    stack: Stack, arguments: list[str], reason: str
) -> None:
    # When
    done = stack.switch(*arguments)

    # Then
    assert done.returncode != 0
    assert reason in done.stderr
    assert stack.switch().stdout == "web-service\n"
    assert stack.get("/version").ok


@pytest.mark.usefixtures("green")
def test_should_change_nothing_when_nginx_does_not_reload(stack: Stack) -> None:
    # Given: no signal reaches nginx
    succeed(stack.exec("proxy-service", "sh", "-c", "cd /tmp; mv nginx.pid hidden"))

    # When
    done = stack.switch("green-service")

    # Then
    succeed(stack.exec("proxy-service", "sh", "-c", "cd /tmp; mv hidden nginx.pid"))
    assert done.returncode != 0
    assert "nothing was changed" in done.stderr
    assert stack.switch().stdout == "web-service\n"

    # When: nginx reads its configuration again
    succeed(stack.exec("proxy-service", "reload"))

    # Then
    assert stack.get("/version").ok


@pytest.mark.parametrize(
    ("setting", "value", "reason"),
    [
        ("PROXY_RATE", "fast", "use requests a second, or 0 for no limit"),
        ("PAGE_TRACKER_PATH", "counter/", "use a path, for example /counter"),
        ("PAGE_TRACKER_PROXIES", "my-proxy", "use addresses and ranges"),
        ("PROXY_HOSTS", "my_host *", "use host names"),
        ("PROXY_TLS", "live", "cannot read /certificates/live/fullchain.pem"),
    ],
)
def test_should_refuse_to_start_with_an_invalid_setting(
    stack: Stack, setting: str, value: str, reason: str
) -> None:
    # When
    given_up = stack.run(
        *["docker", "compose", "run", "--rm", "--no-deps", "--no-TTY"],
        *["--env", f"{setting}={value}", "proxy-service"],
    )

    # Then
    assert given_up.returncode == 1
    assert setting in given_up.stderr
    assert reason in given_up.stderr
