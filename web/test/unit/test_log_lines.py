"""Lines of access logs, as web servers write them."""

import pytest

from page_tracker.importing.log_lines import BadLine, Line, LogLines, NoRequest

TIME = "[25/Nov/2026:10:00:05 +0200]"
AT = 1_795_593_600.0  # 08:00 UTC

AGENT = '"https://a.example/" "Mozilla/5.0 (X11)"'
REST = f"200 512 {AGENT}"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            f'192.0.2.7 - - {TIME} "GET /a?x=1 HTTP/2.0" {REST}',
            ("", "192.0.2.7", "/a?x=1", "https://a.example/", "Mozilla/5.0 (X11)"),
        ),
        (
            f'192.0.2.7 - - {TIME} "GET / HTTP/1.1" 200 -',
            ("", "192.0.2.7", "/", "", None),
        ),
        (
            f'2001:db8::7 - Ann Lee {TIME} "GET / HTTP/1.1" 200 5 "-" "-"',
            ("", "2001:db8::7", "/", "", ""),
        ),
        (
            f'example.org:443 192.0.2.7 - - {TIME} "GET / HTTP/1.1" {REST}',
            ("example.org:443", "192.0.2.7", "/", "https://a.example/", None),
        ),
        (
            rf'192.0.2.7 - - {TIME} "GET /\xE4\xBD\xA0\x22 HTTP/1.1" 200 5 "-" "a\"b"',
            ("", "192.0.2.7", '/你"', "", 'a"b'),
        ),
        (
            f'172.18.0.1 - - {TIME} "GET / HTTP/1.1" 200 5 "-" "A" "6.6.6.6, '
            '192.0.2.7"',
            ("", "192.0.2.7", "/", "", "A"),
        ),
        (
            f'192.0.2.7 - - {TIME} "GET / HTTP/1.1" 200 5 "-" "A" "6.6.6.6"',
            ("", "192.0.2.7", "/", "", "A"),
        ),
    ],
    ids=[
        *("combined", "common", "user with a blank", "vhost", "escaped"),
        *("behind a proxy", "not behind a proxy"),
    ],
)
def test_should_read_a_request(text: str, expected: tuple[str, ...]) -> None:
    # When
    line = LogLines().read(text)

    # Then
    host, address, target, referrer, agent = expected
    assert line._replace(agent=None) == Line(
        AT, address, "GET", target, 200, referrer, None, host
    )
    assert agent is None or line.agent == agent


@pytest.mark.parametrize(
    ("ts", "at"),
    [
        ("1795593605.25", 1_795_593_605.25),
        ("1795593605250.0", 1_795_593_605.25),
        ('"2026-11-25T10:00:05.25+02:00"', 1_795_593_605.25),
    ],
)
def test_should_read_a_line_of_caddy(ts: str, at: float) -> None:
    # Given
    request = (
        '{"client_ip":"192.0.2.7","method":"GET","host":"example.org","uri":"/a",'
        '"headers":{"User-Agent":["A"],"Accept-Language":["de-DE"],"Referer":["R"]}}'
    )

    # When
    line = LogLines().read(f'{{"ts":{ts},"request":{request},"status":200}}')

    # Then
    assert line == Line(
        at, "192.0.2.7", "GET", "/a", 200, "R", "A", "example.org", "de"
    )


@pytest.mark.parametrize(
    ("text", "error"),
    [
        (rf'192.0.2.7 - - {TIME} "\x16\x03\x01" 400 0 "-" "-"', NoRequest),
        (f'192.0.2.7 - - {TIME} "-" 408 0 "-" "-"', NoRequest),
        (f'192.0.2.7 - - {TIME} "" 400 0 "-" "-"', NoRequest),
        ('{"level":"info","msg":"started"}', NoRequest),
        ('{"ts":1,"request":[],"status":200}', NoRequest),
        ('{"ts":1,"req', BadLine),
        (f'192.0.2.7 - - {TIME} "GET / HTTP/1.1" 200 5 "-" "cut', BadLine),
        (
            f'192.0.2.7 - - {TIME.replace("Nov", "Nox")} "GET / HTTP/1.1" {REST}',
            BadLine,
        ),
        (f'192.0.2.7 - - {TIME.replace("25", "32")} "GET / HTTP/1.1" {REST}', BadLine),
        (f'192.0.2.7 - - {TIME} "GET / HTTP/1.1"', BadLine),
        ("junk", BadLine),
        ("", BadLine),
    ],
)
def test_should_refuse_a_line_that_is_no_request(
    text: str, error: type[ValueError]
) -> None:
    # When, Then
    with pytest.raises(error):
        LogLines().read(text)
