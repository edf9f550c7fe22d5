"""Checks of a request's head, for what httptools takes, but we or RFC 9112 do not."""

from httptools import HttpParserError, parse_url

# Browsers send as much: cookies of the whole domain may make a long header.
LONGEST_TARGET = 8_177
"""Bytes. With `GET` and the version it makes a line of 8,190."""

LONGEST_HEADER = 16_384
LONGEST_HEAD = 65_536
MOST_HEADERS = 100
MOST_DIGITS = 20
"""Of a length. Python refuses to read a number of thousands of digits."""

Headers = list[tuple[bytes, bytes]]


class Refused(HttpParserError):
    """A request gets an error with this status."""

    def __init__(self, status: int) -> None:
        super().__init__(f"refused with status {status}")
        self.status = status


def checked_head(headers: Headers, version: str, target: bytes) -> tuple[bytes, bool]:
    """Return path and query, and whether the client waits for `100 Continue` before it
    sends the body. Raises HttpParserError."""
    if _is_usual(headers, version, target):
        return target, False
    _check_headers(headers, version)
    expected = {value.lower() for name, value in headers if name == b"expect"}
    if version == "1.0":
        expected.clear()
    if expected - {b"100-continue"}:
        raise Refused(417)
    return _checked_target(target, headers), bool(expected)


def _is_usual(headers: Headers, version: str, target: bytes) -> bool:
    """Return whether a head needs no further checks: none repeats a header, and so on.

    This is asked of each request, so it is quick.
    """
    fields = dict(headers)
    return (
        version == "1.1"
        and target[:1] == b"/"
        and len(fields) == len(headers) <= MOST_HEADERS
        and b"_" not in b"".join(fields)
        and b"transfer-encoding" not in fields
        and b"expect" not in fields
        and len(fields.get(b"content-length", b"")) <= MOST_DIGITS
        and b"#" not in target
        and target.isascii()
    )


def _check_headers(headers: Headers, version: str) -> None:
    """Remove headers with underscores. Raises Refused.

    WSGI could not tell X_Forwarded_For, which no proxy has set, from X-Forwarded-For.
    """
    names = [name for name, _ in headers]
    if len(names) > MOST_HEADERS:
        raise Refused(431)
    codings = [value.lower() for name, value in headers if name == b"transfer-encoding"]
    is_odd = codings and (codings != [b"chunked"] or version == "1.0")
    is_odd = is_odd or any(
        name == b"content-length" and len(value) > MOST_DIGITS
        for name, value in headers
    )
    if names.count(b"host") > 1 or is_odd or version not in ("1.0", "1.1"):
        raise Refused(400)
    headers[:] = [
        one for one in headers if b"_" not in one[0] or one[0] == b"script_name"
    ]


def check_lengths(headers: Headers) -> None:
    """Raise Refused for a long header."""
    if any(len(name) + len(value) + 4 > LONGEST_HEADER for name, value in headers):
        raise Refused(431)


def _checked_target(target: bytes, headers: Headers) -> bytes:
    """Return the path and the query of a target. Raises HttpParserError.

    The host in a target like `http://host/path` is put in the place of the header, by
    RFC 9112, section 3.2.2.
    """
    if b"#" in target or not target.isascii():
        raise Refused(400)
    if target.startswith(b"/"):
        return target
    url = parse_url(target)
    if (url.schema or b"").lower() not in (b"http", b"https") or not url.host:
        raise Refused(400)
    host = b"[%s]" % url.host if b":" in url.host else url.host
    if url.port is not None:
        host += b":%d" % url.port
    headers[:] = [(b"host", host)] + [one for one in headers if one[0] != b"host"]
    query = b"" if url.query is None else b"?" + url.query
    return (url.path or b"/") + query
