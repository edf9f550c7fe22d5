"""The counter page."""

import re
from unittest.mock import Mock

import pytest
from flask.testing import FlaskClient
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import ReadOnlyError, RedisError, ResponseError
from redis.exceptions import TimeoutError as RedisTimeoutError

HTML = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
APOLOGY = "Sorry, something went wrong 😔"


@pytest.mark.parametrize("accept", [None, "*/*", "text/plain", "application/json"])
def test_should_answer_with_the_sentence_when_the_client_does_not_want_html(
    http_client: FlaskClient, redis_client: Mock, accept: str | None
) -> None:
    # Given
    redis_client.incr.return_value = 1234

    # When
    answer = http_client.get("/", headers={"Accept": accept} if accept else {})

    # Then
    assert answer.status_code == 200
    assert answer.text == "This page has been seen 1234 times."
    assert answer.content_type == "text/plain; charset=utf-8"


def test_should_show_a_page_when_a_browser_requests_it(
    http_client: FlaskClient, redis_client: Mock
) -> None:
    # Given
    redis_client.incr.return_value = 1234

    # When
    answer = http_client.get("/", headers={"Accept": HTML})

    # Then
    assert answer.status_code == 200
    assert answer.content_type == "text/html; charset=utf-8"
    assert "<title>This page has been seen 1234 times.</title>" in answer.text
    digits = re.findall(r'<span class="digit"><span>(\d)</span>', answer.text)
    assert digits == ["1", "2", "3", "4"]


def test_should_read_out_the_sentence_once_when_a_screen_reader_reads_the_page(
    http_client: FlaskClient, redis_client: Mock
) -> None:
    # Given
    redis_client.incr.return_value = 7

    # When
    page = http_client.get("/", headers={"Accept": HTML}).text

    # Then
    heading = page[page.index("<h1>") : page.index("</h1>")]
    read_out, hidden = heading.split('aria-hidden="true"')
    assert "This page has been seen 7 times." in read_out
    assert "times." in hidden


def test_should_load_nothing_from_other_hosts_when_a_browser_shows_the_page(
    http_client: FlaskClient, redis_client: Mock
) -> None:
    # Given
    redis_client.incr.return_value = 1

    # When
    answer = http_client.get("/", headers={"Accept": HTML})

    # Then
    loaded = re.findall(r'<(?!a )[^>]* (?:src|href)="([^"]*)"', answer.text)
    assert loaded and all(address.startswith("/static/") for address in loaded)
    assert "<script" not in answer.text
    assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'")
    for address in loaded:
        with http_client.get(address) as file:
            assert file.status_code == 200


def test_should_count_exactly_once_when_the_page_is_viewed(
    http_client: FlaskClient, redis_client: Mock
) -> None:
    # Given
    redis_client.incr.return_value = 1

    # When
    http_client.get("/")

    # Then
    redis_client.incr.assert_called_once_with("page_views")


@pytest.mark.parametrize("method", ["HEAD", "OPTIONS"])
def test_should_not_count_when_the_method_shows_no_page(
    http_client: FlaskClient, redis_client: Mock, method: str
) -> None:
    # When
    answer = http_client.open("/", method=method)

    # Then
    assert answer.status_code == 200
    assert not answer.data
    assert not redis_client.mock_calls


@pytest.mark.parametrize("accept", ["*/*", HTML])
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("Sec-Purpose", "prefetch"),
        ("Sec-Purpose", "prefetch;prerender"),
        ("Purpose", "prefetch"),
        ("X-Purpose", "preview"),
        ("X-Moz", "prefetch"),
    ],
)
def test_should_not_count_and_give_nothing_to_keep_when_it_is_fetched_ahead(
    http_client: FlaskClient, redis_client: Mock, name: str, value: str, accept: str
) -> None:
    # When
    answer = http_client.get("/", headers={"Accept": accept, name: value})

    # Then
    assert answer.status_code == 403  # a browser keeps no error for later
    assert answer.headers["Cache-Control"] == "no-store"
    assert "does not answer a prefetch" in answer.text
    assert not redis_client.mock_calls


@pytest.mark.parametrize("accept", ["*/*", HTML])
def test_should_send_the_headers_of_a_get_when_the_method_is_head(
    http_client: FlaskClient, redis_client: Mock, accept: str
) -> None:
    # Given
    redis_client.incr.return_value = 1
    varying = {"X-Request-ID", "Content-Length"}

    # When
    head = http_client.head("/", headers={"Accept": accept}).headers
    get = http_client.get("/", headers={"Accept": accept}).headers

    # Then
    assert {name: head[name] for name in head.keys() if name not in varying} == {
        name: get[name] for name in get.keys() if name not in varying
    }
    assert "Content-Length" not in head


@pytest.mark.parametrize("accept", ["*/*", HTML])
def test_should_forbid_caching_when_the_page_is_viewed(
    http_client: FlaskClient, redis_client: Mock, accept: str
) -> None:
    # Given
    redis_client.incr.return_value = 1

    # When
    answer = http_client.get("/", headers={"Accept": accept})

    # Then
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Vary"] == "Accept"


@pytest.mark.parametrize(
    "error", [RedisConnectionError, RedisTimeoutError, ReadOnlyError, ResponseError]
)
@pytest.mark.parametrize("accept", ["*/*", "application/json"])
def test_should_apologise_when_redis_fails(
    http_client: FlaskClient, redis_client: Mock, error: type[RedisError], accept: str
) -> None:
    # Given
    redis_client.incr.side_effect = error("no")

    # When
    answer = http_client.get("/", headers={"Accept": accept})

    # Then
    assert answer.status_code == 500
    assert answer.text == APOLOGY
    assert answer.headers["Cache-Control"] == "no-store"


def test_should_apologise_with_a_page_when_redis_fails_and_a_browser_asks(
    http_client: FlaskClient, redis_client: Mock
) -> None:
    # Given
    redis_client.incr.side_effect = RedisConnectionError

    # When
    answer = http_client.get("/", headers={"Accept": HTML})

    # Then
    assert answer.status_code == 500
    assert f"<h1>{APOLOGY}</h1>" in answer.text
    assert answer.headers["X-Request-ID"] in answer.text
    assert answer.headers["Cache-Control"] == "no-store"


def test_should_log_the_cause_once_when_redis_fails(
    http_client: FlaskClient, redis_client: Mock, caplog: pytest.LogCaptureFixture
) -> None:
    # Given
    redis_client.incr.side_effect = RedisConnectionError("Connection refused")

    # When
    http_client.get("/")

    # Then
    (line,) = [line for line in caplog.records if line.levelname == "ERROR"]
    assert "Connection refused" in line.getMessage()
