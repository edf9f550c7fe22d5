"""Traces, as a receiver of OTLP over HTTP gets them."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from page_tracker.store.waiting import wait_for
from support.servers import (
    COMMAND,
    PageTracker,
    complaint_of_serve,
    free_port,
    page_tracker,
    run_command,
    run_program,
)
from support.span_receiver import Receiver, attributes_of, span_receiver

TRACE = "0af7651916cd43dd8448eb211c80319c"
PARENT = "b7ad6b7169203331"
AGENT = "Mozilla/5.0 (X11; Linux x86_64) Zwiebelfisch Firefox/140.0"
ADDRESS = "203.0.113.77"
SECRETS = (ADDRESS, "127.0.0.1", "Zwiebelfisch", "/secret", "example.org", "a.example")


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """Give a receiver of spans."""
    with span_receiver() as found:
        yield found


def settings_of(receiver: Receiver, **more: str) -> dict[str, str]:
    """Return the settings of a server with traces."""
    return {
        "OTEL_EXPORTER_OTLP_ENDPOINT": receiver.url,
        "OTEL_BSP_SCHEDULE_DELAY": "100",
        "PAGE_TRACKER_SITES": "example.org",
        "PAGE_TRACKER_PROXIES": "127.0.0.1",
        **more,
    }


def send_view(tracker: PageTracker) -> requests.Response:
    """Send a view whose every part identifies its visitor, through a proxy."""
    view = {"site": "example.org", "page": "/secret", "referrer": "https://a.example/"}
    headers = {
        "User-Agent": AGENT,
        "X-Forwarded-For": ADDRESS,
        "Referer": "https://a.example/",
        "traceparent": f"00-{TRACE}-{PARENT}-01",
        "baggage": "page=/secret",
    }
    url = f"{tracker.url}/api/v1/views?page=/secret"
    return requests.post(url, json=view, headers=headers, timeout=20)


def test_should_trace_a_view_and_its_round_trip_without_its_visitor(
    folder: Path, receiver: Receiver
) -> None:
    # When
    with page_tracker(folder, **settings_of(receiver)) as tracker:
        answer = send_view(tracker)
        tracker.get("/badge/example.org/secret.svg?label=/secret")
        assert wait_for(lambda: receiver.named("GET badge"), 20)

    # Then
    (span,) = receiver.named("POST views")
    assert (span.trace_id.hex(), span.parent_span_id.hex()) == (TRACE, PARENT)
    found = attributes_of(span)
    assert found["http.route"] == "views"
    assert found["http.status_code"] == "200"
    assert found["page_tracker.request_id"] == answer.headers["X-Request-ID"]
    inside = [one for one in receiver.spans if one.parent_span_id == span.span_id]
    assert "EVALSHA" in [one.name for one in inside]
    for one in inside:
        assert one.trace_id == span.trace_id
        assert span.start_time_unix_nano <= one.start_time_unix_nano
        assert one.end_time_unix_nano <= span.end_time_unix_nano
    assert {one["service.name"] for one in receiver.resources} == {"page-tracker"}
    assert not [one for one in SECRETS if one.encode() in receiver.bodies]


def test_should_show_only_the_kind_of_an_error_when_redis_fails(
    folder: Path, receiver: Receiver
) -> None:
    # Given
    settings = settings_of(receiver, REDIS_URL="redis://127.0.0.1:1")

    # When
    with page_tracker(folder, **settings) as tracker:
        answer = send_view(tracker)
        assert wait_for(lambda: receiver.named("POST views"), 20)

    # Then
    assert answer.status_code == 503
    (span,) = receiver.named("POST views")
    assert attributes_of(span)["page_tracker.reason"] == "unavailable"
    failed = [one for one in receiver.spans if "error.type" in attributes_of(one)]
    assert attributes_of(failed[0])["error.type"] == "ConnectionError"
    assert not any(one.status.message or one.events for one in receiver.spans)
    assert not [one for one in SECRETS[2:] if one.encode() in receiver.bodies]


def test_should_not_believe_a_stranger_who_names_a_trace(
    folder: Path, receiver: Receiver
) -> None:
    # When
    settings = settings_of(receiver, PAGE_TRACKER_PROXIES="", OTEL_SERVICE_NAME="stats")
    with page_tracker(folder, **settings) as tracker:
        send_view(tracker)

    # Then: the end of the worker sends the last spans
    (span,) = receiver.named("POST views")
    assert span.trace_id.hex() != TRACE
    assert {one["service.name"] for one in receiver.resources} == {"stats"}


def test_should_end_in_time_when_nobody_takes_the_spans(folder: Path) -> None:
    # When
    settings = {"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://127.0.0.1:1/v1/traces"}
    with page_tracker(folder, **settings) as tracker:
        answer = tracker.get("/health")
        tracker.process.terminate()
        status = tracker.process.wait(15)

    # Then
    assert answer.ok
    assert status == 0


def test_should_import_nothing_of_traces_when_nothing_asks_for_them(
    folder: Path,
) -> None:
    # Given: redis-py itself imports what there is of metrics
    names = [f"opentelemetry.{one}" for one in ("exporter", "instrumentation", "proto")]
    code = (
        "import sys, page_tracker.gunicorn_config, page_tracker.app; "
        f"print([name for name in sys.modules if name.startswith({tuple(names)})])"
    )

    # When
    ended = run_program(folder, sys.executable, "-c", code)
    disabled = run_program(
        folder,
        *(sys.executable, "-c", code),
        OTEL_SDK_DISABLED="true",
        OTEL_EXPORTER_OTLP_ENDPOINT="http://127.0.0.1:1",
    )

    # Then
    assert ended.stdout == disabled.stdout == "[]\n", ended.stderr


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            {"OTEL_TRACES_EXPORTER": "jaeger"},
            "OTEL_TRACES_EXPORTER is 'jaeger': use otlp, console or none",
        ),
        (
            {
                "OTEL_TRACES_EXPORTER": "otlp",
                "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc",
            },
            "OTEL_EXPORTER_OTLP_PROTOCOL is 'grpc': use http/protobuf",
        ),
    ],
)
def test_should_end_with_one_line_when_a_variable_is_invalid(
    folder: Path, settings: dict[str, str], message: str
) -> None:
    assert complaint_of_serve(folder, **settings) == f"Error: {message}"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("OTEL_PROPAGATORS", "nosuch"),
        ("OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT", "abc"),
        ("OTEL_BSP_MAX_QUEUE_SIZE", "-1"),
    ],
)
def test_should_end_without_a_traceback_when_the_library_refuses_a_variable(
    folder: Path, name: str, value: str
) -> None:
    # Given
    own = {"OTEL_TRACES_EXPORTER": "console", "PAGE_TRACKER_WORKERS": "1", name: value}

    # When
    ended = run_command(folder, "serve", "--bind", f"127.0.0.1:{free_port()}", **own)

    # Then
    assert ended.returncode != 0
    assert "An OTEL_ variable is invalid: " in ended.stdout
    assert "Traceback" not in ended.stdout + ended.stderr


def test_should_name_the_extra_when_it_is_missing(folder: Path) -> None:
    # Given
    code = (
        "import sys; sys.modules['opentelemetry'] = None; "
        "from page_tracker.cli import main; main(['serve'])"
    )

    # When
    ended = run_program(
        folder, sys.executable, "-c", code, OTEL_TRACES_EXPORTER="console"
    )

    # Then
    assert COMMAND.exists() and ended.returncode == 1
    assert ended.stderr.endswith(
        "their libraries are missing: pip install 'page-tracker[tracing]'\n"
    )
