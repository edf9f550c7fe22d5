"""Errors as JSON, HTML or text."""

from typing import NoReturn

import pytest
from flask import Flask, abort, redirect, request
from flask.testing import FlaskClient
from werkzeug.exceptions import ServiceUnavailable
from werkzeug.wrappers import Response

from page_tracker.app import create_app
from page_tracker.settings import Settings

NAMES = {
    400: "Bad Request",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    413: "Content Too Large",
    500: "Internal Server Error",
    503: "Service Unavailable",
}
SECRET = "the database password is swordfish"  # pragma: allowlist secret (made up)


@pytest.fixture
def http_client(app: Flask) -> FlaskClient:
    """Give a client of the application with routes that fail in every way."""

    @app.get("/fail/<int:status>")
    def fail(status: int) -> NoReturn:
        abort(status)

    @app.get("/busy")
    def busy() -> NoReturn:
        raise ServiceUnavailable(retry_after=30)

    @app.get("/bug")
    def bug() -> NoReturn:
        raise RuntimeError(SECRET)

    @app.post("/body")
    def body() -> str:
        return request.get_data(as_text=True)

    @app.get("/moved")
    def moved() -> Response:
        return redirect("/health")

    @app.get("/branch/")
    def branch() -> str:
        return "here"

    return app.test_client()


@pytest.mark.parametrize("status", NAMES)
def test_should_answer_in_the_requested_form_when_a_request_fails(
    http_client: FlaskClient, status: int
) -> None:
    # When
    document, page, text = answers = [
        http_client.get(f"/fail/{status}", headers={"Accept": accept})
        for accept in ("application/json", "text/html", "*/*")
    ]

    # Then
    assert [answer.status_code for answer in answers] == 3 * [status]
    assert document.json and document.json["status"] == status
    assert document.json["error"] == NAMES[status]
    assert document.json["request_id"] == document.headers["X-Request-ID"]
    assert page.mimetype == "text/html"
    assert f"<h1>{NAMES[status]}</h1>" in page.text
    assert page.headers["X-Request-ID"] in page.text
    assert text.mimetype == "text/plain"
    assert f"Request {text.headers['X-Request-ID']}" in text.text
    assert "<" not in text.text


def test_should_log_but_not_show_the_cause_when_the_code_has_a_fault(
    http_client: FlaskClient, caplog: pytest.LogCaptureFixture
) -> None:
    # When
    answer = http_client.get("/bug", headers={"Accept": "text/html"})

    # Then
    assert answer.status_code == 500
    assert SECRET not in answer.text and "Traceback" not in answer.text
    assert SECRET in caplog.text


def test_should_raise_the_exception_when_the_profile_is_testing() -> None:
    # Given
    app = create_app(Settings(profile="testing"))

    @app.get("/bug")
    def bug() -> NoReturn:
        raise RuntimeError(SECRET)

    # Then
    with pytest.raises(RuntimeError):
        app.test_client().get("/bug")


def test_should_send_a_retry_time_when_the_server_is_busy(
    http_client: FlaskClient,
) -> None:
    # When
    answer = http_client.get("/busy")

    # Then
    assert answer.status_code == 503
    assert answer.headers["Retry-After"] == "30"


def test_should_list_the_methods_when_another_is_used(
    http_client: FlaskClient,
) -> None:
    # When
    answer = http_client.post("/")

    # Then
    assert answer.status_code == 405
    assert set(answer.headers["Allow"].split(", ")) == {"GET", "HEAD", "OPTIONS"}
    assert answer.text.startswith("This address takes only GET, HEAD, OPTIONS.\n")


def test_should_point_to_the_snippets_when_a_browser_opens_the_endpoint(
    http_client: FlaskClient,
) -> None:
    # When
    answer = http_client.get(
        "/api/v1/views", headers={"Accept": "text/html"}, base_url="http://a.org/stats"
    )

    # Then
    assert answer.status_code == 405
    assert "takes views by POST. /stats/embed has the snippets." in answer.text
    assert "takes only" in http_client.get("/sign-out").text


def test_should_refuse_a_body_when_it_is_too_large(http_client: FlaskClient) -> None:
    # When
    large, largest = (
        http_client.post(
            "/body", data=b"x" * size, headers={"Authorization": "Bearer any"}
        )
        for size in (65_537, 65_536)
    )

    # Then
    assert large.status_code == 413
    assert largest.status_code == 200


@pytest.mark.parametrize("path", ["/moved", "/branch"])
def test_should_not_change_an_answer_when_it_is_a_redirect(
    http_client: FlaskClient, path: str
) -> None:
    # When
    answer = http_client.get(path)

    # Then
    assert answer.status_code in (302, 308)
    assert answer.headers["Location"]


def test_should_escape_the_path_when_it_contains_a_script(
    http_client: FlaskClient,
) -> None:
    # When
    answer = http_client.get("/<script>", headers={"Accept": "text/html"})

    # Then
    assert answer.status_code == 404
    assert "<script>" not in answer.text


def test_should_show_ways_on_under_its_sub_path_when_a_page_is_missing(
    http_client: FlaskClient,
) -> None:
    # When
    answer = http_client.get(
        "/missing",
        base_url="https://stats.example/count",
        headers={"Accept": "text/html"},
    )

    # Then
    assert answer.status_code == 404
    assert '<a href="/count/">Go to the counter page</a>' in answer.text
    assert '<a href="/count/embed">Count your own pages</a>' in answer.text
    assert "<title>Not Found – Page Tracker</title>" in answer.text
    assert 'href="/count/static/page.css"' in answer.text


def test_should_show_the_page_of_an_error_when_no_url_can_be_built(
    app: Flask, http_client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given
    def fail(*_: object, **__: object) -> NoReturn:
        raise RuntimeError(SECRET)

    monkeypatch.setattr(app, "url_for", fail)

    # When
    answer = http_client.get("/nowhere", headers={"Accept": "text/html"})

    # Then
    assert answer.status_code == 404
    assert "<h1>Not Found</h1>" in answer.text


def test_should_show_the_page_of_an_error_when_no_template_can_be_read(
    http_client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given
    def fail(*_: object) -> NoReturn:
        raise RuntimeError(SECRET)

    monkeypatch.setattr("jinja2.loaders.PackageLoader.get_source", fail)
    monkeypatch.setattr("jinja2.loaders.FileSystemLoader.get_source", fail)

    # When
    answers = [
        http_client.get(path, headers={"Accept": "text/html"})
        for path in ("/nowhere", "/embed")
    ]

    # Then
    assert [answer.status_code for answer in answers] == [404, 500]
    assert "<h1>Not Found</h1>" in answers[0].text
    assert "<h1>Internal Server Error</h1>" in answers[1].text


def test_should_keep_crawlers_out_when_they_ask(http_client: FlaskClient) -> None:
    # When
    answer = http_client.get("/robots.txt")

    # Then
    assert answer.status_code == 200
    assert answer.mimetype == "text/plain"
    assert "User-agent: *\nDisallow: /\n" in answer.text
    answer.close()


def test_should_use_the_request_id_of_a_trusted_proxy() -> None:
    # Given
    settings = Settings.model_validate({"proxies": "192.0.2.7"})
    client = create_app(settings).test_client()
    given = {"X-Request-ID": "proxy-1.a_B"}

    # When
    of_proxy, of_stranger = (
        client.get("/health", headers=given, environ_base={"REMOTE_ADDR": address})
        for address in ("192.0.2.7", "203.0.113.9")
    )

    # Then
    assert of_proxy.headers["X-Request-ID"] == "proxy-1.a_B"
    assert len(of_stranger.headers["X-Request-ID"]) == 32


@pytest.mark.parametrize("given", ["", "a b", "<script>", 'a"b', "x" * 65, "é"])
def test_should_make_a_request_id_when_the_given_one_is_unsafe(
    given: str,
) -> None:
    # Given
    settings = Settings.model_validate({"proxies": "127.0.0.1"})
    client = create_app(settings).test_client()

    # When
    answer = client.get("/health", headers={"X-Request-ID": given})

    # Then
    assert answer.headers["X-Request-ID"] != given
    assert len(answer.headers["X-Request-ID"]) == 32
