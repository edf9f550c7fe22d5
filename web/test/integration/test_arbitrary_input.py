"""Arbitrary input: never a fault of the server, always a reason."""

# pylint: disable=too-many-arguments,too-many-positional-arguments,too-many-locals

import json
from collections.abc import Callable, Mapping
from urllib.parse import urlencode

import pytest
from flask.testing import FlaskClient
from hypothesis import given
from hypothesis import strategies as st
from redis import Redis

from support import arbitrary
from support.answers import check
from support.arbitrary import SCRIPT, thoroughly
from support.recording import nothing_stored, stored, sums

ENDPOINT = "/api/v1/views"


@pytest.fixture
def http_client(make_http_client: Callable[..., FlaskClient]) -> FlaskClient:
    """Give a client that has counted its first view and has no rate limit."""
    client = make_http_client(rate=0)
    assert client.post(ENDPOINT, json={"site": "example.org", "page": "/"}).is_json
    return client


@thoroughly
@given(
    body=arbitrary.views | arbitrary.anything,
    headers=arbitrary.headers,
    kind=arbitrary.content_types,
)
def test_should_count_or_give_a_reason_when_arbitrary_json_is_sent(
    http_client: FlaskClient,
    redis_client: Redis,
    body: object,
    headers: Mapping[str, str],
    kind: str,
) -> None:
    # Given
    before = stored(redis_client)

    # When
    answer = http_client.post(
        ENDPOINT, data=json.dumps(body), headers=headers, content_type=kind
    )

    # Then
    check(answer)
    if 400 <= answer.status_code < 429 and "counted" not in answer.text:
        assert stored(redis_client) == before


@thoroughly
@given(
    items=st.lists(arbitrary.views | arbitrary.anything, min_size=1, max_size=5),
    in_lines=st.booleans(),
    headers=arbitrary.headers,
)
def test_should_list_each_view_once_when_an_arbitrary_batch_is_sent(
    http_client: FlaskClient,
    redis_client: Redis,
    items: list[object],
    in_lines: bool,
    headers: Mapping[str, str],
) -> None:
    # Given
    good = {"site": "example.org", "page": "/good"}
    sent = [json.dumps(item) for item in (*items, good)]
    stored_before = max(sums(redis_client, "views"))

    # When
    answer = http_client.post(
        ENDPOINT,
        data="\n".join(sent) if in_lines else f"[{','.join(sent)}]",
        headers=headers,
        content_type="application/x-ndjson" if in_lines else "application/json",
    )

    # Then
    check(answer)
    if answer.status_code == 401 or answer.is_json and "detail" in answer.get_json():
        return
    listed = answer.get_json()
    counted = listed["counted"]
    failed, filtered = (
        [e["index"] for e in listed[of]] for of in ("errors", "filtered")
    )
    assert sorted(counted + failed + filtered) == list(range(len(items) + 1))
    assert len(items) not in failed
    events = sum("event" in str(items[n]) for n in counted if n < len(items))
    stored_now = max(sums(redis_client, "views")) - stored_before
    assert len(counted) - events <= stored_now <= len(counted)


@thoroughly
@given(
    body=st.binary(max_size=200),
    headers=arbitrary.headers,
    kind=arbitrary.content_types,
)
def test_should_give_a_reason_when_arbitrary_bytes_are_sent(
    http_client: FlaskClient,
    redis_client: Redis,
    body: bytes,
    headers: Mapping[str, str],
    kind: str,
) -> None:
    # When
    with nothing_stored(redis_client):
        answer = http_client.post(
            ENDPOINT, data=body, headers=headers, content_type=kind
        )

    # Then
    check(answer)
    assert answer.status_code in (400, 401)


@thoroughly
@given(
    parameters=st.lists(
        st.tuples(arbitrary.field_names | arbitrary.words, arbitrary.words), max_size=6
    ),
    more=st.binary(max_size=30),
    headers=arbitrary.headers,
)
def test_should_answer_with_an_image_when_the_pixel_has_arbitrary_parameters(
    http_client: FlaskClient,
    parameters: list[tuple[str, str]],
    more: bytes,
    headers: Mapping[str, str],
) -> None:
    # When
    query = urlencode(parameters, errors="surrogatepass").encode()
    answer = http_client.get(
        "/pixel.gif",
        headers=headers,
        environ_overrides={"QUERY_STRING": (query + more).decode("latin-1")},
    )

    # Then
    check(answer)
    assert answer.data.startswith(b"GIF89a")


@thoroughly
@given(
    version=arbitrary.words,
    more=st.binary(max_size=10),
    headers=arbitrary.headers,
    method=st.sampled_from(["GET", "HEAD", "PUT"]),
)
def test_should_answer_without_a_fault_when_the_script_has_arbitrary_parameters(
    http_client: FlaskClient,
    version: str,
    more: bytes,
    headers: Mapping[str, str],
    method: str,
) -> None:
    # When
    query = urlencode({"v": version}, errors="surrogatepass").encode() + more
    answer = http_client.open(
        "/tracker.js",
        method=method,
        headers=headers,
        environ_overrides={"QUERY_STRING": query.decode("latin-1")},
    )

    # Then
    assert answer.status_code in (200, 206, 304, 400, 404, 405, 416)
    assert "X-Injected" not in answer.headers
    assert SCRIPT not in answer.text


@thoroughly
@given(
    path=st.binary(max_size=30)
    | arbitrary.words.map(lambda text: text.encode(errors="surrogatepass")),
    site=st.sampled_from([b"example.org/", b"example.org", b""]),
    form=st.sampled_from([b".svg", b".json", b""]),
    options=arbitrary.badge_options,
    headers=arbitrary.headers,
)
def test_should_answer_without_a_fault_when_a_badge_has_an_arbitrary_address(
    http_client: FlaskClient,
    path: bytes,
    site: bytes,
    form: bytes,
    options: list[tuple[str, str]],
    headers: Mapping[str, str],
) -> None:
    # When
    answer = http_client.get(
        "/badge/",
        query_string=urlencode(options, errors="surrogatepass"),
        headers=headers,
        environ_overrides={
            "PATH_INFO": (b"/badge/" + site + path + form).decode("latin-1")
        },
    )

    # Then
    check(answer)
    assert answer.mimetype in ("image/svg+xml", "application/json")


@thoroughly
@given(
    options=arbitrary.badge_options,
    more=st.binary(max_size=10),
    headers=arbitrary.headers,
)
def test_should_answer_with_a_page_when_the_embed_page_has_arbitrary_parameters(
    http_client: FlaskClient,
    redis_client: Redis,
    options: list[tuple[str, str]],
    more: bytes,
    headers: Mapping[str, str],
) -> None:
    # When
    query = urlencode(options, errors="surrogatepass").encode() + more
    with nothing_stored(redis_client):
        answer = http_client.get(
            "/embed",
            headers=headers,
            environ_overrides={"QUERY_STRING": query.decode("latin-1")},
        )

    # Then
    check(answer)
    assert answer.mimetype == "text/html"
    assert ("<code>" in answer.text) == (answer.status_code == 200)
