"""The edge: invalid requests and faults, before and behind everything else."""

from io import BytesIO
from typing import Any, NoReturn

import pytest
from flask import Flask
from werkzeug.test import EnvironBuilder, run_wsgi_app

from page_tracker.app import create_app
from page_tracker.http.hosts import is_host
from page_tracker.settings import Settings

ROUTES = [
    *("/", "/health", "/ready", "/version", "/embed", "/robots.txt", "/nowhere"),
    *("/pixel.gif", "/badge/a.example.svg", "/tracker.js", "/static/page.css"),
    *("/static//page.css", "/api/v1/views", "/badge/"),
]
ACCEPTED = ("text/html", "application/json", "*/*")
SECRET = "the database password is swordfish"  # pragma: allowlist secret (made up)


def ask(app: Flask, path: str = "/", **environ: Any) -> tuple[int, Any, str]:
    """Return status, headers and text for a request with a raw environment."""
    asked = EnvironBuilder(path).get_environ() | environ
    body, status, headers = run_wsgi_app(
        app, {name: value for name, value in asked.items() if value is not None}
    )
    return int(status[:3]), headers, b"".join(body).decode()


@pytest.mark.parametrize(
    "host",
    [
        *("localhost", "a.example", "A.Example.", "web_service:8000", "127.0.0.1:80"),
        *("[::1]", "[2001:db8::1]:65535", f"{'a' * 63}.example", "xn--mnchen-3ya.de"),
    ],
)
def test_should_answer_when_the_host_is_valid(app: Flask, host: str) -> None:
    # When
    answers = [ask(app, path, HTTP_HOST=host)[0] for path in ("/health", "/embed")]

    # Then
    assert is_host(host)
    assert answers == [200, 200]


@pytest.mark.parametrize("accept", ACCEPTED)
@pytest.mark.parametrize(
    "host",
    [
        *(None, "", "a" * 64, "a..b", ".", "-a", "a b", "a/b", "a@b", "a:b", "a:", ":"),
        *("a:65536", "a:0x50", "a:\xb2", "[::1", "[:]", "[fe80::1%25x]", "[a]"),
        *(
            "\xe9.example",
            "a\x00",
            "a\r\nX: y",
            "<script>",
            f"{'a.' * 127}a",
            "http://a",
        ),
    ],
)
def test_should_refuse_a_request_when_its_host_is_invalid(
    app: Flask, host: str | None, accept: str
) -> None:
    for path in ROUTES:
        # When
        status, headers, text = ask(app, path, HTTP_HOST=host, HTTP_ACCEPT=accept)

        # Then
        assert status == 400
        assert "The header Host is missing or invalid." in text
        assert headers["X-Request-ID"] in text
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert not host or len(host) < 8 or host not in text


def test_should_answer_when_a_client_of_http_1_0_names_no_host(app: Flask) -> None:
    # When
    status, _, page = ask(app, "/embed", HTTP_HOST=None, SERVER_PROTOCOL="HTTP/1.0")

    # Then
    assert status == 200
    assert "http://localhost/tracker.js" in page


def test_should_answer_when_a_name_cannot_be_decoded(app: Flask) -> None:
    # When: each of these is a valid name of a host, but not of a language
    answers = [
        ask(app, path, HTTP_HOST=host, HTTP_ACCEPT="text/html")[0]
        for path in ("/health", "/embed", "/nowhere")
        for host in ("xn--", "xn--a.example", "a.xn--99999999")
    ]

    # Then
    assert answers == [200] * 6 + [404] * 3


@pytest.mark.parametrize("base", ["x", "/x/", "//evil.example", "/a b", "/<x>", "/.."])
def test_should_refuse_a_request_when_the_path_of_a_proxy_is_invalid(
    app: Flask, base: str
) -> None:
    # When
    status, _, text = ask(app, SCRIPT_NAME=base, HTTP_ACCEPT="text/html")

    # Then
    assert status == 400
    assert "The header SCRIPT_NAME is invalid." in text
    assert base not in text.replace("https://", "")


def test_should_refuse_a_request_when_its_joined_headers_are_long(app: Flask) -> None:
    # When
    status, _, text = ask(app, HTTP_ACCEPT="a/b," * 5_000)

    # Then
    assert status == 431
    assert "The limit of a header is 16,384 characters." in text


@pytest.mark.parametrize("host", ["evil.example", "[::1]:80", "a.example:8080"])
@pytest.mark.parametrize("base", ["", "/stats"])
@pytest.mark.parametrize(
    ("path", "location"),
    [
        ("/static//page.css", "/static/page.css"),
        ("//static//page.css?//x", "/static/page.css?//x"),
        ("/static//\\x///@evil.example/", "/static/%5Cx/@evil.example/"),
        ("//evil.example//..//static///page.css?//x", None),
        ("/\\evil.example//", None),
    ],
)
def test_should_redirect_to_a_path_whatever_the_host_is(
    app: Flask, host: str, base: str, path: str, location: str | None
) -> None:
    # When
    path, _, query = path.partition("?")
    environ = {"HTTP_HOST": host, "SCRIPT_NAME": base, "PATH_INFO": path}
    status, headers, _ = ask(app, **environ, QUERY_STRING=query)

    # Then
    assert headers.get("Location") == (f"{base}{location}" if location else None)
    assert status == (308 if location else 404)


@pytest.mark.parametrize(
    "path", ["//tracker.js", "///badge/a", "//pixel.gif", "//", "//api/v1/views"]
)
def test_should_answer_a_way_in_when_more_slashes_are_before_its_path(
    app: Flask, path: str
) -> None:
    # When
    once, more = (
        ask(app, PATH_INFO=spelt, REQUEST_METHOD="HEAD")
        for spelt in ("/" + path.lstrip("/"), path)
    )

    # Then
    assert more[0] == once[0]
    assert once[0] in (200, 405)
    assert more[1].get("Content-Type") == once[1].get("Content-Type")


def test_should_answer_when_the_handler_of_errors_fails(
    app: Flask, caplog: pytest.LogCaptureFixture
) -> None:
    # Given
    @app.errorhandler(500)
    @app.errorhandler(404)
    def fail(_: Exception) -> NoReturn:
        raise RuntimeError(SECRET)

    # When
    status, headers, text = ask(app, "/nowhere?page=/secret", HTTP_ACCEPT="text/html")

    # Then
    assert status == 500
    assert text == (
        "Internal error. The log has details under this request ID.\n"
        f"Request {headers['X-Request-ID']}\n"
    )
    assert headers["Content-Security-Policy"].startswith("default-src 'none'")
    assert SECRET in caplog.text
    assert headers["X-Request-ID"] in [
        getattr(record, "request_id", "") for record in caplog.records
    ]


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "OPTIONS", "TRACE"])
def test_should_send_no_body_for_head_when_a_request_is_refused(
    app: Flask, method: str
) -> None:
    # When
    environ: dict[str, Any] = {"REQUEST_METHOD": method, "wsgi.input": BytesIO()}
    status, headers, text = ask(app, HTTP_HOST="a..b", **environ)

    # Then
    assert status == 400
    assert int(headers["Content-Length"]) > 0
    assert bool(text) == (method != "HEAD")


def test_should_use_the_setting_when_snippets_need_an_address() -> None:
    # Given
    app = create_app(Settings(url="https://counter.example/stats"))

    # When
    _, _, page = ask(app, "/embed", HTTP_HOST="evil.example")

    # Then
    assert "evil.example" not in page
    assert "https://counter.example/stats/tracker.js" in page
