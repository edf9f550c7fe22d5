"""Traces for OpenTelemetry, if its standard variables ask for them.

Each request is a span, and so is each round trip to Redis. A span gets only what is
listed here: no address, no user agent, no path and no query. The libraries, an extra,
are imported only if they are needed.
"""

import os
from collections.abc import Callable, Coroutine, Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import version
from importlib.util import find_spec
from threading import Thread
from typing import Any
from wsgiref.types import WSGIEnvironment

from page_tracker.http.edge import HEADER, Edge
from page_tracker.http.incoming import REASON, ROUTE, ReadBody, is_trusted
from page_tracker.http.outgoing import Outgoing
from page_tracker.settings import Networks

EXPORTER = "OTEL_TRACES_EXPORTER"
PROTOCOLS = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")
ENDPOINTS = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")

EXTRA = (
    "opentelemetry.sdk",
    "opentelemetry.exporter.otlp.proto.http",
    "opentelemetry.instrumentation.asgi",
    "opentelemetry.instrumentation.redis",
)

OF_TRACE = (b"traceparent", b"tracestate")
"""Headers of W3C Trace Context."""

METHODS = ("GET", "HEAD", "POST", "OPTIONS")

SCOPE = "page_tracker.scope"
"""Key of the scope that a span gets for that of the request."""

SECONDS_AT_END = 2
"""How long the end of a worker waits for its last spans to be sent."""

Application = Callable[[Any, Any, Any], Any]
"""An ASGI application."""


class TracesError(ValueError):
    """The variables ask for what is not there; the message names what is valid."""


def exporter_of(environ: Mapping[str, str] = os.environ) -> str:
    """Return where spans go: `otlp`, `console`, or an empty text for nowhere.

    https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/
    Raises TracesError.
    """
    if environ.get("OTEL_SDK_DISABLED", "").lower() == "true":
        return ""
    has_endpoint = any(environ.get(name) for name in ENDPOINTS)
    exporter = environ.get(EXPORTER) or ("otlp" if has_endpoint else "none")
    if exporter == "none":
        return ""
    if exporter not in ("otlp", "console"):
        raise TracesError(f"{EXPORTER} is '{exporter}': use otlp, console or none")
    for name in PROTOCOLS:
        if exporter == "otlp" and environ.get(name, "http/protobuf") != "http/protobuf":
            raise TracesError(f"{name} is '{environ[name]}': use http/protobuf")
    if not all(map(_is_there, EXTRA)):
        raise TracesError(
            f"{EXPORTER} or {ENDPOINTS[1]} asks for traces, but their libraries are "
            "missing: pip install 'page-tracker[tracing]'"
        )
    return exporter


def _is_there(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:
        return False


class Traces:
    """The traces of a worker. Its thread does not survive a fork."""

    # pylint: disable=import-outside-toplevel  # an extra

    def __init__(self, exporter: str) -> None:
        """Begin. `exporter` is what `exporter_of` returned."""
        from opentelemetry.instrumentation.redis import RedisInstrumentor
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import (
            BatchSpanProcessor,
            ConsoleSpanExporter,
            SpanExporter,
        )

        sent: SpanExporter = ConsoleSpanExporter()
        if exporter == "otlp":
            from opentelemetry.exporter.otlp.proto.http.trace_exporter import (
                OTLPSpanExporter,
            )

            sent = OTLPSpanExporter()
        os.environ.setdefault("OTEL_SERVICE_NAME", _name_of_service(os.environ))
        resource = Resource.create({"service.version": version("page-tracker")})
        self._provider = TracerProvider(resource=resource, shutdown_on_exit=False)
        self._provider.add_span_processor(BatchSpanProcessor(sent))
        provider: Any = Quiet(self._provider)
        RedisInstrumentor().instrument(tracer_provider=provider)

    def around(self, edge: Edge, proxies: Networks) -> Application:
        """Return an application in which each request to the edge is a span.

        Only trusted proxies may tell to which trace a request belongs.
        """
        from opentelemetry.instrumentation.asgi import OpenTelemetryMiddleware

        async def inner(seen: Any, receive: Any, send: Any) -> None:
            await edge(seen[SCOPE], receive, send)

        edge.answer = _named(edge.answer)  # type: ignore[assignment,method-assign]
        middleware: Application = OpenTelemetryMiddleware(
            inner,
            default_span_details=lambda seen: (seen["method"], {}),
            tracer_provider=self._provider,
            exclude_spans=["receive", "send"],
        )

        async def application(scope: Any, receive: Any, send: Any) -> None:
            await middleware(_seen(scope, proxies), receive, send)

        return application

    def end(self) -> None:
        """Send the last spans, if somebody takes them in time."""
        ending = Thread(target=self._provider.shutdown, daemon=True)
        ending.start()
        ending.join(SECONDS_AT_END)


def _name_of_service(environ: Mapping[str, str]) -> str:
    """Return the name of the service, which two variables can set."""
    for pair in environ.get("OTEL_RESOURCE_ATTRIBUTES", "").split(","):
        key, _, value = pair.strip().partition("=")
        if key == "service.name" and value:
            return value
    return "page-tracker"


def _seen(scope: Mapping[str, Any], proxies: Networks) -> dict[str, Any]:
    """Return what a span may have of a request, and the request itself."""
    client = scope["client"]
    is_from_proxy = is_trusted(client[0] if client else "", proxies)
    return {
        "type": scope["type"],
        "method": scope["method"] if scope["method"] in METHODS else "other",
        "scheme": scope["scheme"],
        "http_version": scope["http_version"],
        "server": ("page-tracker", 80),  # instead of an address
        "headers": [
            (name, value)
            for name, value in scope["headers"]
            if is_from_proxy and name in OF_TRACE
        ],
        SCOPE: scope,
    }


Answering = Callable[[WSGIEnvironment, ReadBody], Coroutine[Any, Any, Outgoing]]


def _named(answer: Answering) -> Answering:
    """Return a function that answers and names the span by its route."""
    # pylint: disable-next=import-outside-toplevel  # an extra
    from opentelemetry.trace import get_current_span

    async def answer_and_name(
        environ: WSGIEnvironment, read_body: ReadBody
    ) -> Outgoing:
        span = get_current_span()
        outgoing = await answer(environ, read_body)
        method, route = environ["REQUEST_METHOD"], environ[ROUTE]
        span.update_name(f"{method if method in METHODS else 'other'} {route}")
        span.set_attribute("http.route", route)
        span.set_attribute("page_tracker.request_id", dict(outgoing.headers)[HEADER])
        if reason := environ[REASON]:
            span.set_attribute("page_tracker.reason", reason)
        return outgoing

    return answer_and_name


class Quiet:
    """Makes spans that have only the kind of an exception.

    The text of an error of Redis may repeat a command, with the name of a page.
    """

    def __init__(self, provider: Any) -> None:
        self._provider = provider
        self._tracer: Any = None

    def get_tracer(self, *names: Any, **options: Any) -> "Quiet":
        """Return a maker of such spans for a library."""
        tracer = Quiet(self._provider)
        # pylint: disable-next=protected-access  # it is of this class
        tracer._tracer = self._provider.get_tracer(*names, **options)
        return tracer

    @contextmanager
    def start_as_current_span(self, name: str, **options: Any) -> Iterator[Any]:
        """Make a span that is the current one."""
        quiet = {"record_exception": False, "set_status_on_exception": False}
        with self._tracer.start_as_current_span(name, **{**options, **quiet}) as span:
            try:
                yield span
            except Exception as error:
                # pylint: disable-next=import-outside-toplevel  # an extra
                from opentelemetry.trace import StatusCode

                span.set_status(StatusCode.ERROR)
                span.set_attribute("error.type", type(error).__name__)
                raise
