"""The proxy answers visitors while there is no web server."""

import json
from collections.abc import Iterator

import pytest
import requests
from support import wait_for
from support.stack import Stack
from support.visitors import LARGE, WITH_TOKEN


@pytest.fixture
def deserted(stack: Stack) -> Iterator[Stack]:
    """Give a stack whose proxy was started while there is no web server."""
    stack.compose("rm", "--stop", "--force", "web-service")
    stack.compose("restart", "proxy-service")
    stack.up("--no-deps", "proxy-service")
    yield stack
    stack.scale(1)


def test_should_answer_in_the_requested_form_until_a_web_server_starts(
    deserted: Stack,
) -> None:
    # When
    answers = {
        form: deserted.get(Accept=form)
        for form in ("text/html", "application/json", "*/*")
    }
    posted = requests.post(f"{deserted.url}/api/v1/views", json={}, timeout=30)
    large = deserted.ask("http", "/api/v1/views", LARGE, **WITH_TOKEN)

    # Then
    for form, answer in answers.items():
        assert answer.status_code == 503
        assert answer.headers["Retry-After"] == "5"
        assert answer.headers["Cache-Control"] == "no-store"
        assert "Page Tracker is unavailable right now" in answer.text
        assert answer.headers["X-Request-ID"] in answer.text
        if form != "*/*":
            assert answer.headers["Content-Type"].startswith(form)
    assert answers["application/json"].json()["status"] == 503
    # Pages of other sites may read it: the tracker sends the view again later.
    assert posted.status_code == 503
    assert posted.headers["Access-Control-Allow-Origin"] == "*"
    assert json.loads(posted.text)["request_id"] == posted.headers["X-Request-ID"]
    assert large.status_code == 503
    assert large.json()["detail"] == posted.json()["detail"]

    # When
    deserted.scale(1)

    # Then
    assert wait_for(lambda: deserted.get("/health").ok)


def test_should_answer_at_once_when_the_web_server_stops(stack: Stack) -> None:
    # Given
    assert stack.get().ok
    stack.compose("stop", "web-service")

    # When
    answers = [stack.get() for _ in range(4)]

    # Then
    assert [answer.status_code for answer in answers] == [503] * 4
    assert max(answer.elapsed.total_seconds() for answer in answers) < 0.9
