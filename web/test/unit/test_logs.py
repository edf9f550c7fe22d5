"""Log lines: JSON or text, with the request's id, and nothing about the visitor."""

import io
import json
import logging
import os
from collections.abc import Callable, Iterator
from logging.config import dictConfig
from pathlib import Path
from time import perf_counter
from typing import NoReturn
from unittest.mock import Mock, patch

import pytest
from flask import Flask
from redis.exceptions import ConnectionError as RedisConnectionError

import page_tracker
from page_tracker.app import create_app
from page_tracker.http.request_log import request_log
from page_tracker.log_levels import LOGGERS
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
    request_log.open(None)
    for name in LOGGERS:
        logging.getLogger(name).setLevel(logging.NOTSET)


def test_should_log_one_json_object_a_line_when_the_format_is_json(
    logging_to_memory: Logging, redis_client: Mock
) -> None:
    # Given
    app, output = logging_to_memory(Settings(log_format="json"))
    redis_client.incr.return_value = 1

    # When
    answer = app.test_client().get("/?secret=1")

    # Then
    (line,) = output.getvalue().splitlines()
    logged = json.loads(line)
    assert (logged["level"], logged["logger"]) == ("INFO", "page_tracker.requests")
    assert logged["route"] == "counter"
    assert "reason" not in logged
    assert logged["request_id"] == answer.headers["X-Request-ID"]
    assert (logged["method"], logged["path"], logged["status"]) == ("GET", "/", 200)
    assert logged["milliseconds"] >= 0
    assert logged["time"].endswith("+00:00")


def test_should_log_readable_text_when_the_format_is_text(
    logging_to_memory: Logging, redis_client: Mock
) -> None:
    # Given
    app, output = logging_to_memory(Settings(log_format="text"))
    redis_client.incr.return_value = 1

    # When
    answer = app.test_client().get("/")

    # Then
    (line,) = output.getvalue().splitlines()
    assert " INFO    GET / 200 in " in line
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


def test_should_log_only_requests_with_errors_when_the_logger_is_at_warning(
    logging_to_memory: Logging, redis_client: Mock
) -> None:
    # Given
    app, output = logging_to_memory(
        Settings(log_level="info, page_tracker.requests=warning", log_format="json")
    )
    redis_client.incr.side_effect = [1, RedisConnectionError()]

    # When
    statuses = [app.test_client().get(path).status_code for path in ("/", "/no", "/")]

    # Then
    lines = [json.loads(line) for line in output.getvalue().splitlines()]
    logged = [
        (line["level"], line["status"], line["route"], line["reason"])
        for line in lines
        if line["logger"] == "page_tracker.requests"
    ]
    assert statuses == [200, 404, 500]
    assert logged == [
        ("WARNING", 404, "none", "Not Found"),
        ("ERROR", 500, "counter", "unavailable"),
    ]


def test_should_log_the_loggers_of_the_setting_at_their_levels(
    logging_to_memory: Logging,
) -> None:
    # Given
    _, output = logging_to_memory(
        Settings(log_level="error, page_tracker.store=DEBUG", log_format="text")
    )

    # When
    for name in ("page_tracker.store.keeper", "page_tracker.http.edge", "redis"):
        for level in (logging.DEBUG, logging.WARNING, logging.ERROR):
            logging.getLogger(name).log(level, "%s", name)

    # Then
    words = [line.split()[2:] for line in output.getvalue().splitlines()]
    assert words == [
        ["DEBUG", "page_tracker.store.keeper"],
        ["WARNING", "page_tracker.store.keeper"],
        ["ERROR", "page_tracker.store.keeper"],
        ["ERROR", "page_tracker.http.edge"],
        ["ERROR", "redis"],
    ]


def test_should_list_a_logger_for_each_module_that_logs() -> None:
    # Given
    package = Path(page_tracker.__file__).parent
    modules = [
        ".".join(("page_tracker", *path.relative_to(package).with_suffix("").parts))
        for path in package.rglob("*.py")
        if "getLogger(__name__)" in path.read_text(encoding="utf-8")
    ]

    # Then
    assert len(modules) > 10
    rooms = {name for name in LOGGERS if name.startswith("page_tracker.")}
    assert {".".join(name.split(".")[:2]) for name in modules} <= rooms


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
