"""The bytes that a client sends: httptools parses them, within limits."""

import asyncio
import logging
from typing import Any, Literal, Protocol
from urllib.parse import unquote

from httptools import HttpParserError, HttpParserUpgrade, HttpRequestParser

from page_tracker.operating.exchange import Channel, Exchange
from page_tracker.operating.heads import (
    LONGEST_HEAD,
    LONGEST_HEADER,
    LONGEST_TARGET,
    MOST_HEADERS,
    Headers,
    Refused,
    check_lengths,
    checked_head,
)

PIECE = 4_096
"""Bytes that are parsed at a time. One piece can hold 200 requests, but no more."""

SECONDS_FOR_HEAD = 20
SECONDS_FOR_BODY = 60

ASGI = {"version": "3.0", "spec_version": "2.3"}

logger = logging.getLogger(__name__)


class Taker(Channel, Protocol):
    """The connection, as its input knows it."""

    loop: asyncio.AbstractEventLoop
    client: Any
    deadline: float

    def is_behind(self) -> bool:
        """Return whether requests have to be answered before more are parsed."""

    def begin(self, exchange: Exchange) -> None:
        """Take a request whose head has come."""

    def refuse(self, status: int, detail: str = "") -> None:
        """Answer the arriving request with an error, and read nothing after it."""


class Input:
    """The parser of a connection, and the limits of what it is given."""

    # pylint: disable=too-many-instance-attributes  # the state of a parser

    def __init__(self, connection: Taker) -> None:
        self.arriving: Literal["", "head", "body"] = ""
        """The part of a request that is arriving."""
        self.exchange: Any = None
        """The request whose body is arriving."""
        self.waiting = b""
        """Bytes that came after requests which have to be answered first."""
        self.is_closed = False
        """Whether nothing more is read."""
        self._connection: Any = connection
        self._parser: Any = self._new_parser()
        self._url = b""
        self._headers: Headers = []
        self._size = 0
        """Bytes that were parsed since the last request or the last part of a body."""

    def _new_parser(self) -> HttpRequestParser:
        parser = HttpRequestParser(self)
        # A client may send more after `Connection: close`; nobody reads it.
        parser.set_dangerous_leniencies(lenient_data_after_close=True)
        return parser

    def close(self) -> None:
        """Take nothing more."""
        self.is_closed = True
        self.arriving, self.exchange, self.waiting = "", None, b""

    def free(self) -> None:
        """Forget the connection and the parser: each knows this object."""
        self.close()
        self._connection = self._parser = None

    def take(self, data: bytes) -> None:
        """Parse what waits and what came, as far as no requests have to be answered
        first."""
        data, self.waiting = self.waiting + data, b""
        for start in range(0, len(data), PIECE):
            if self._connection.is_behind():
                self.waiting = data[start:]
                return
            self._parse(data[start : start + PIECE])
            if self.is_closed:
                return

    def _parse(self, piece: bytes) -> None:
        try:
            self._parser.feed_data(piece)
        except HttpParserUpgrade as upgrade:
            rest = piece[upgrade.args[0] :]
        except HttpParserError as error:
            self._refuse_for(error.__context__)
            return
        else:
            self._size += len(piece)
            if self._size > LONGEST_HEAD or len(self._headers) > MOST_HEADERS:
                self._connection.refuse(431)
            return
        head = self._head_without_upgrade()
        self._parser = self._new_parser()  # the other ends with the request
        self._parse(head + rest)

    def _refuse_for(self, cause: BaseException | None) -> None:
        """Refuse a request. `cause` is what a method that httptools called raised."""
        if cause and not isinstance(cause, HttpParserError):
            logger.error("A request failed while it arrived", exc_info=cause)
            self._connection.refuse(500)
        elif isinstance(cause, Refused):
            self._connection.refuse(cause.status)
        else:
            is_body = self.arriving == "body"
            detail = "The body has malformed chunks." if is_body else ""
            self._connection.refuse(400, detail)

    def _head_without_upgrade(self) -> bytes:
        """Return the head of a request as if it had not asked for another protocol.

        A server may ignore that. But the parser would not read the body.
        """
        line = b"%s %s HTTP/%s" % (
            self._parser.get_method(),
            self._url,
            self._parser.get_http_version().encode(),
        )
        headers = [b"%s: %s" % one for one in self._headers if one[0] != b"upgrade"]
        return b"\r\n".join([line, *headers, b"", b""])

    def on_message_begin(self) -> None:
        """Take the first byte of a request."""
        self._url = b""
        self._headers = []
        self._size = 0
        self.arriving = "head"
        connection = self._connection
        connection.deadline = connection.loop.time() + SECONDS_FOR_HEAD

    def on_url(self, url: bytes) -> None:
        """Take a part of the target."""
        self._url += url
        if len(self._url) > LONGEST_TARGET:
            raise Refused(414)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header."""
        self._headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        """Check the head, and hand its request on."""
        headers, parser = self._headers, self._parser
        if self._size >= LONGEST_HEADER - PIECE:
            check_lengths(headers)
        if parser.should_upgrade():
            if parser.get_method() == b"CONNECT":
                raise Refused(400)
            return
        version = parser.get_http_version()
        target, expects = checked_head(headers, version, self._url)
        self._headers = []  # for those after a body in chunks, which are not used
        self.arriving = "body"
        self._connection.deadline += SECONDS_FOR_BODY
        self.exchange = Exchange(
            self._scope(version, target, headers),
            self._connection,
            keep_alive=version == "1.1" and parser.should_keep_alive(),
            expects_to_go_on=expects,
        )
        self._connection.begin(self.exchange)

    def _scope(self, version: str, target: bytes, headers: Headers) -> dict[str, Any]:
        path, _, query = target.partition(b"?")
        text = path.decode("ascii")
        return {
            "type": "http",
            "asgi": ASGI,
            "http_version": version,
            "server": None,
            "client": self._connection.client,
            "scheme": "http",
            "method": self._parser.get_method().decode("ascii"),
            "root_path": "",
            "path": unquote(text) if "%" in text else text,
            "raw_path": path,
            "query_string": query,
            "headers": headers,
        }

    def on_body(self, body: bytes) -> None:
        """Take a part of the body."""
        self._size = 0
        self.exchange.take(body)

    def on_message_complete(self) -> None:
        """Take the end of a request."""
        if not self._parser.should_upgrade():
            self.arriving = ""
            if not self._parser.should_keep_alive():  # also if a trailer says so
                self.exchange.keep_alive = False
            self.exchange.take(b"", is_last=True)
            self.exchange = None
