"""Reads lines of access logs: common, combined, with a host before, and Caddy's JSON.

nginx: https://nginx.org/en/docs/http/ngx_http_log_module.html
Apache: https://httpd.apache.org/docs/2.4/mod/mod_log_config.html
Caddy: https://caddyserver.com/docs/logging
"""

import re
from datetime import UTC, datetime, timedelta, timezone
from functools import lru_cache
from ipaddress import ip_network
from typing import Any, NamedTuple

from pydantic_core import from_json

from page_tracker.tracking.visitor import (
    language_of,
    read_address,
    written_address,
)

LINE = re.compile(
    r"(?P<before>[^\[]*)\[(?P<time>[^\]]{20,40})\] "
    r'"(?P<request>[^"\\]*(?:\\.[^"\\]*)*)" (?P<status>\d{3}|-) (?:\d+|-)'
    r'(?: "(?P<referrer>[^"\\]*(?:\\.[^"\\]*)*)"'
    r' "(?P<agent>[^"\\]*(?:\\.[^"\\]*)*)"'
    r'(?: "(?P<forwarded>[^"\\]*)")?(?: .*)?|(?: [^"]*)?)$'
)
ESCAPED = re.compile(r'(?:\\x[0-9A-Fa-f]{2})+|\\(["\\tnrvb])')
SIGNS = {"t": "\t", "n": "\n", "r": "\r", "v": "\v", "b": "\b"}

MINUTE = re.compile(
    r"(\d\d)/(?P<month>[A-Z][a-z]{2})/(\d{4}):(\d\d):(\d\d) (?P<sign>[+-])(\d\d)(\d\d)",
    re.A,
)
MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split()

PRIVATE = tuple(
    ip_network(network)
    for network in (
        *("127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"),
        *("::1/128", "fc00::/7"),
    )
)
"""Networks of proxies on the same machine, or beside it."""

MOST_TIMES = 4_096


class Line(NamedTuple):
    """A request in a log. An agent of None is unknown: the format has none.

    `at` is seconds since 1970. `host` is empty if the format has none.
    """

    at: float
    address: str
    method: str
    target: str
    status: int
    referrer: str = ""
    agent: str | None = None
    host: str = ""
    language: str = ""


class NoRequest(ValueError):
    """A line of a log that tells of no request, or of one that is no HTTP."""


class BadLine(ValueError):
    """A line that is none of a log."""


class LogLines:
    """Reads lines, and remembers the times that it read: lines repeat them."""

    def __init__(self) -> None:
        self._minutes: dict[str, float] = {}

    def read(self, text: str) -> Line:
        """Return the request of a line. Raises NoRequest and BadLine."""
        if text.startswith("{"):
            return _read_json(text)
        line = LINE.match(text)
        if not line:
            raise BadLine
        before, time, request, status, referrer, agent, forwarded = line.groups()
        at = self._time(time)
        host, address = _host_and_address(before)
        if forwarded and forwarded != "-":
            address = _forwarded(address, forwarded)
        words = request.split(" ")
        if len(words) != 3 or not words[2].startswith("HTTP/"):
            raise NoRequest
        if agent is not None:
            agent = _unescaped(agent)
        return Line(
            *(at, address, words[0], _unescaped(words[1]), int(status)),
            *(_unescaped(referrer or ""), agent, host),
        )

    def _time(self, text: str) -> float:
        """Return seconds since 1970, to the minute: a day has no finer parts here."""
        minute = text[:17] + text[20:]
        at = self._minutes.get(minute)
        if at is None:
            at = _seconds(minute)
            if len(self._minutes) >= MOST_TIMES:
                self._minutes.clear()
            self._minutes[minute] = at
        return at


def _seconds(minute: str) -> float:
    """Return seconds since 1970 of a text like `25/Nov/2026:10:00 +0200`.

    The names of months are English in any locale, which `strptime` does not know.
    """
    found = MINUTE.fullmatch(minute)
    if not found or found["month"] not in MONTHS:
        raise BadLine
    day, year, hour, minutes, ahead, more = map(int, found.group(1, 3, 4, 5, 7, 8))
    sign = -1 if found["sign"] == "-" else 1
    try:
        zone = timezone(sign * timedelta(hours=ahead, minutes=more))
        month = MONTHS.index(found["month"]) + 1
        return datetime(year, month, day, hour, minutes, tzinfo=zone).timestamp()
    except (OverflowError, ValueError):
        raise BadLine from None


def _host_and_address(before: str) -> tuple[str, str]:
    """Return the host and the address in the words before the time.

    A user may have blanks in the name. But the word after the address is always `-`:
    the field for RFC 1413, which no server fills. With a host, it is one word later.
    """
    words = before.split(" ", 3)
    if len(words) < 3:
        raise BadLine
    if words[1] == "-" or words[2] != "-":
        return "", words[0]
    return words[0], words[1]


def _forwarded(address: str, forwarded: str) -> str:
    """Return the visitor's address if a proxy in the same network sent the request.

    The default format of nginx ends with the addresses that proxies noted. The last one
    comes from the proxy that nginx sees.
    """
    if not _is_proxy(address):
        return address
    return written_address(forwarded.rpartition(",")[2]) or address


@lru_cache(1024)
def _is_proxy(address: str) -> bool:
    ip = read_address(address)
    return ip is not None and any(ip in network for network in PRIVATE)


def _unescaped(text: str) -> str:
    if text == "-":
        return ""
    return ESCAPED.sub(_character, text) if "\\" in text else text


def _character(found: re.Match[str]) -> str:
    if found[1]:
        return SIGNS.get(found[1], found[1])
    return bytes.fromhex(found[0].replace("\\x", "")).decode(errors="replace")


def _read_json(text: str) -> Line:
    """Return the request of a line of Caddy."""
    try:
        line: Any = from_json(text, allow_inf_nan=False)
    except ValueError:
        raise BadLine from None
    try:
        request = line["request"]
        headers = request.get("headers", {})
        address = request.get("client_ip") or request.get("remote_ip")
        return Line(
            at=_json_time(line["ts"]),
            address=str(address or request["remote_addr"].rpartition(":")[0]),
            method=str(request["method"]),
            target=str(request["uri"]),
            status=int(line["status"]),
            referrer=_header(headers, "Referer"),
            agent=_header(headers, "User-Agent"),
            host=str(request["host"]),
            language=language_of(_header(headers, "Accept-Language")),
        )
    except OverflowError:  # a number that no time and no status has
        raise BadLine from None
    except (AttributeError, KeyError, TypeError, ValueError):
        raise NoRequest from None


def _json_time(stored: Any) -> float:
    """Return seconds since 1970 of a time in any of Caddy's formats with a zone."""
    if isinstance(stored, (int, float)):
        return stored / 1000 if stored > 1e11 else float(stored)
    time = datetime.fromisoformat(stored)
    return (time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp()


def _header(headers: Any, name: str) -> str:
    found = headers.get(name) or ("",)
    return str(found[0])
