"""Log lines: JSON or text, with the request's id, and nothing about the visitor."""

import io
import json
import logging
import os
from collections.abc import Callable, Iterator
from logging.config import dictConfig
from time import perf_counter
from typing import NoReturn
from unittest.mock import Mock, patch

import pytest
from flask import Flask

from page_tracker.app import create_app
from page_tracker.operating.logs import harmless, logging_configuration
from page_tracker.settings import Settings

Logging = Callable[[Settings], tuple[Flask, io.StringIO]]


@pytest.fixture
def logging_to_memory() -> Iterator[Logging]:
    """Give an application that logs to memory, and restore logging afterwards."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level

    def start(settings: Settings) -> tuple[Flask, io.StringIO]:
        output = io.StringIO()
        with patch("sys.stdout", output):
            dictConfig(logging_configuration(settings))
        stub = {"redis_url": os.environ["REDIS_URL"]}  # the client that tests patch
        return create_app(settings.model_copy(update=stub)), output

    yield start
    root.handlers, root.level = handlers, level


def test_should_log_one_json_object_a_line_when_the_format_is_json(
    logging_to_memory: Logging, redis_client: Mock
) -> None:
    # Given
    app, output = logging_to_memory(Settings(log_format="json", log_level="debug"))
    redis_client.incr.return_value = 1

    # When
    answer = app.test_client().get("/?secret=1")

    # Then
    (line,) = output.getvalue().splitlines()
    logged = json.loads(line)
    assert logged["level"] == "DEBUG"
    assert logged["request_id"] == answer.headers["X-Request-ID"]
    assert (logged["method"], logged["path"], logged["status"]) == ("GET", "/", 200)
    assert logged["milliseconds"] >= 0
    assert logged["time"].endswith("+00:00")


def test_should_log_readable_text_when_the_format_is_text(
    logging_to_memory: Logging, redis_client: Mock
) -> None:
    # Given
    app, output = logging_to_memory(Settings(log_format="text", log_level="debug"))
    redis_client.incr.return_value = 1

    # When
    answer = app.test_client().get("/")

    # Then
    (line,) = output.getvalue().splitlines()
    assert " DEBUG   GET / 200 in " in line
    assert line.endswith(f"[{answer.headers['X-Request-ID']}]")


@pytest.mark.parametrize("log_format", ["json", "text"])
def test_should_log_the_cause_and_the_request_id_when_an_exception_is_raised(
    logging_to_memory: Logging, log_format: str
) -> None:
    # Given
    app, output = logging_to_memory(
        Settings.model_validate({"log_format": log_format, "log_level": "error"})
    )

    @app.get("/bug")
    def bug() -> NoReturn:
        raise RuntimeError("the reason")

    # When
    answer = app.test_client().get("/bug")

    # Then
    assert output.getvalue().count("RuntimeError: the reason") == 1
    assert answer.headers["X-Request-ID"] in output.getvalue()


@pytest.mark.parametrize("log_format", ["json", "text"])
def test_should_log_nothing_about_the_visitor_when_a_request_arrives(
    logging_to_memory: Logging, redis_client: Mock, log_format: str
) -> None:
    # Given
    app, output = logging_to_memory(
        Settings.model_validate({"log_format": log_format, "log_level": "debug"})
    )
    redis_client.incr.return_value = 1

    # When
    app.test_client().get(
        "/?name=alice",
        headers={"User-Agent": "Netscape/1", "X-Forwarded-For": "198.51.100.7"},
        environ_base={"REMOTE_ADDR": "203.0.113.9"},
    )

    # Then
    for secret in ("Netscape", "198.51.100.7", "203.0.113.9", "alice"):
        assert secret not in output.getvalue()


@pytest.mark.parametrize("log_format", ["json", "text"])
def test_should_log_one_line_when_a_path_has_line_breaks(
    logging_to_memory: Logging, log_format: str
) -> None:
    # Given
    app, output = logging_to_memory(Settings.model_validate({"log_format": log_format}))

    # When
    app.test_client().get("/x%0A2026-01-01 ERROR forged%0D")

    # Then
    assert len(output.getvalue().splitlines()) == 1


FORGED = "2026-01-01 00:00:00,000 INFO    reset by root"
LIBRARY_LINES = [  # a logger and its message; the line
    (
        "gunicorn.error",
        "Error handling request GET /pixel.gif?site=example.org&page=/secret",
        "Error handling request GET /pixel.gif",
    ),
    (
        "page_tracker.app",
        f"Exception on /x\n{FORGED}\x1b[31m [GET]",
        rf"Exception on /x\n{FORGED}\x1b[31m [GET]",
    ),
    (
        "redis",
        "Command # 1 (ZINCRBY x 1 /secret) of pipeline caused error: NOPERM",
        "NOPERM",
    ),
    ("redis", "ERR unknown command 'X', with args beginning with: '/secret'", "'X'"),
    ("page_tracker", "is it in use?; REDIS_URL=…?ssl=1", "in use?; REDIS_URL=…?ssl=1"),
    ("werkzeug", "a\r\u2028\u202e\x9b\udc80", r"a\r\u2028\u202e\x9b\udc80"),
]


@pytest.mark.parametrize("log_format", ["json", "text"])
@pytest.mark.parametrize(("logger", "message", "line"), LIBRARY_LINES)
def test_should_log_nothing_that_a_visitor_wrote_when_a_library_logs_it(
    logging_to_memory: Logging, log_format: str, logger: str, message: str, line: str
) -> None:
    # Given
    _, output = logging_to_memory(Settings.model_validate({"log_format": log_format}))

    # When
    logging.getLogger(logger).error("%s", message)

    # Then
    (logged,) = output.getvalue().splitlines()
    text = json.loads(logged)["message"] if log_format == "json" else logged
    assert text.endswith(line)
    assert "secret" not in logged


@pytest.mark.parametrize("text", ["/", "?", "/?", "Command # 1 (", "\x00"])
def test_should_take_linear_time_when_a_line_is_long(text: str) -> None:
    # Given
    started = perf_counter()

    # When
    harmless(text * 100_000)

    # Then
    assert perf_counter() - started < 1


@pytest.mark.parametrize("log_format", ["json", "text"])
def test_should_log_no_forged_line_when_an_exception_repeats_what_was_sent(
    logging_to_memory: Logging, log_format: str
) -> None:
    # Given
    app, output = logging_to_memory(Settings.model_validate({"log_format": log_format}))

    @app.get("/bug")
    def bug() -> NoReturn:
        raise RuntimeError(f"x\n{FORGED}\x1b[31m /pixel.gif?page=/secret")

    # When
    app.test_client().get("/bug")

    # Then
    log = output.getvalue()
    records = [line for line in log.splitlines() if not line.startswith("    ")]
    assert len(records) == 2, log  # of the exception, and of the answer
    assert "RuntimeError: x" in log and FORGED in log
    assert "secret" not in log and "\x1b" not in log


def test_should_log_the_answer_when_it_is_an_error(logging_to_memory: Logging) -> None:
    # Given
    app, output = logging_to_memory(Settings())

    # When
    answer = app.test_client().get("/nowhere")

    # Then
    logged = json.loads(output.getvalue())
    assert (logged["level"], logged["status"]) == ("INFO", 404)
    assert logged["request_id"] == answer.headers["X-Request-ID"]


def test_should_log_nothing_when_requests_succeed(
    logging_to_memory: Logging, redis_client: Mock
) -> None:
    # Given
    app, output = logging_to_memory(Settings())
    redis_client.pipeline.return_value.execute.return_value = [0]
    redis_client.incr.return_value = 1

    # When
    for path in ("/", "/health", "/ready"):
        assert app.test_client().get(path).status_code == 200

    # Then
    assert output.getvalue() == ""


def test_should_log_a_line_when_no_request_is_running(
    logging_to_memory: Logging,
) -> None:
    # Given
    _, output = logging_to_memory(Settings(log_format="text"))

    # When
    logging.getLogger("page_tracker").info("Started")

    # Then
    assert output.getvalue().endswith("INFO    Started\n")


def test_should_say_what_the_server_is_for_when_it_reloads_code(
    logging_to_memory: Logging,
) -> None:
    # Given
    _, output = logging_to_memory(Settings(log_format="text"))

    # When
    gunicorns = logging.getLogger("gunicorn.error")
    gunicorns.warning("Reloader is on. Use in development only!")

    # Then
    assert "This server is for development" in output.getvalue()
    assert "For visitors, run page-tracker serve or docker" in output.getvalue()
