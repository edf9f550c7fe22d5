"""Odd requests to the ways in of other counters: never a fault, always an answer."""

import re
from collections.abc import Callable
from xml.etree import ElementTree

import pytest
from flask.testing import FlaskClient
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.test import TestResponse

from support.answers import Scripts
from support.arbitrary import for_each_client
from support.odd_clients import CLIENTS, Client, requests_of

JSONP = re.compile(rb"try\{[\w$.\[\]]+\(\{.*\}\);\}catch\(e\)\{\}", re.DOTALL)
REASON = re.compile(rb'try\{console\.error\("(?:[^"\\<]|\\.)*"\)\}catch\{\}\n?')
IMAGES = {"image/gif": b"GIF89a", "image/png": b"\x89PNG"}


def check(answer: TestResponse, callback: bool) -> None:
    """Check that an answer is safe: no fault, no injected header or script."""
    assert answer.status_code < 500, answer.text
    for _, value in answer.headers:
        assert value.isascii() and value.isprintable()
    assert "X-Injected" not in answer.headers
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert b"Traceback" not in answer.data
    if not answer.data:
        return
    if answer.mimetype == "application/json":
        assert answer.get_json() is not None
    elif answer.mimetype == "text/html":
        assert all(src.startswith("/static/") for _, src in Scripts.of(answer.text))
    elif answer.mimetype == "image/svg+xml":
        for element in ElementTree.fromstring(answer.data).iter():
            assert not element.tag.endswith(("}script", "}foreignObject"))
            assert not [name for name in element.attrib if name.startswith("on")]
    elif answer.mimetype in IMAGES:
        assert answer.data.startswith(IMAGES[answer.mimetype])
    elif callback and "javascript" in str(answer.mimetype):
        assert JSONP.fullmatch(answer.data) or REASON.fullmatch(answer.data)


@pytest.mark.parametrize("client", CLIENTS, ids=lambda client: client.name)
def test_should_answer_without_a_fault_when_a_client_sends_odd_requests(
    make_http_client: Callable[..., FlaskClient], client: Client
) -> None:
    # Given
    browser = make_http_client(rate=0, site_rate=0)
    statuses: set[int] = set()

    @for_each_client
    @given(data=st.data())
    def try_one(data: st.DataObject) -> None:
        sent = data.draw(requests_of(client))

        # When
        answer = browser.open(
            "/",
            method=sent.method,
            headers=sent.headers,
            content_type=sent.kind,
            data=sent.body,
            environ_overrides={
                "PATH_INFO": sent.path.decode("latin-1"),
                "QUERY_STRING": sent.query.decode("latin-1"),
            },
        )

        # Then
        check(answer, any("allback" in name for name in client.query))
        statuses.add(answer.status_code)

    try_one()  # pylint: disable=no-value-for-parameter
    assert statuses & {200, 202, 204}, "the client has no route here"
