"""A receiver of spans, as OTLP over HTTP sends them."""

import gzip
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

# pylint: disable-next=no-name-in-module  # protobuf makes it
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
)


class Receiver:
    """The spans that were received, and where to send them."""

    def __init__(self) -> None:
        self.spans: list[Any] = []
        self.resources: list[dict[str, str]] = []
        self.bodies = b""
        self.url = ""

    def named(self, name: str) -> list[Any]:
        """Return the spans with a name."""
        return [span for span in self.spans if span.name == name]

    def take(self, body: bytes) -> None:
        """Take a request."""
        self.bodies += body
        for of_resource in ExportTraceServiceRequest.FromString(body).resource_spans:
            self.resources.append(attributes_of(of_resource.resource))
            for scope in of_resource.scope_spans:
                self.spans += scope.spans


def attributes_of(holder: Any) -> dict[str, str]:
    """Return the attributes of a span or a resource."""
    return {
        one.key: one.value.string_value or str(one.value.int_value)
        for one in holder.attributes
    }


@contextmanager
def span_receiver() -> Iterator[Receiver]:
    """Receive spans on a free port."""
    receiver = Receiver()

    class Handler(BaseHTTPRequestHandler):
        """Takes each request."""

        def do_POST(self) -> None:  # pylint: disable=invalid-name  # its name
            """Take spans."""
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.headers.get("Content-Encoding") == "gzip":
                body = gzip.decompress(body)
            receiver.take(body)
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            """Write nothing."""
            # pylint: disable=redefined-builtin  # its name

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    receiver.url = f"http://127.0.0.1:{server.server_port}"
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield receiver
    finally:
        server.shutdown()
        server.server_close()
