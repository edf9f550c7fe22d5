"""The token of programs, and the limit of wrong ones."""

import time
from collections.abc import Callable
from types import SimpleNamespace

import pytest
from flask.testing import FlaskClient

from page_tracker.collecting import token as module
from page_tracker.collecting.token import MOST_WRONG
from support import TOKEN

ENDPOINT = "/api/v1/views"
VIEW = {"site": "example.org", "page": "/"}


def status_of(client: FlaskClient, token: str, address: str = "192.0.2.1") -> int:
    """Return the status of a view that was sent with a token."""
    answer = client.post(
        ENDPOINT,
        json=VIEW,
        headers={"Authorization": f"Bearer {token}"},
        environ_overrides={"REMOTE_ADDR": address},
    )
    return answer.status_code


@pytest.fixture
def minute(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Give a clock for the limit, in seconds."""
    now = [float(time.time() // 60 * 60)]
    monkeypatch.setattr(module, "time", SimpleNamespace(time=lambda: now[0]))
    return now


@pytest.mark.parametrize(
    "addresses", [["192.0.2.1"], ["2001:db8::1", "2001:db8:0:1::1", "2001:db8:0:2::3"]]
)
def test_should_refuse_every_token_of_an_address_when_many_were_wrong(
    http_client: FlaskClient, minute: list[float], addresses: list[str]
) -> None:
    # Given
    sent = [addresses[number % len(addresses)] for number in range(MOST_WRONG)]

    # When
    wrong = {status_of(http_client, "wrong", address) for address in sent}
    then = [
        status_of(http_client, token, sent[0]) for token in ("wrong", TOKEN, "wrong")
    ]
    answer = http_client.post(
        ENDPOINT,
        json=VIEW,
        headers={"Authorization": f"Bearer {TOKEN}"},
        environ_overrides={"REMOTE_ADDR": sent[0]},
    )
    of_another = status_of(http_client, TOKEN, "198.51.100.1")
    minute[0] += 60
    later = status_of(http_client, TOKEN, sent[0])

    # Then
    assert wrong == {401}
    assert then == [429, 429, 429]
    assert "too many wrong tokens came in this minute" in answer.get_json()["detail"]
    assert 0 < int(answer.headers["Retry-After"]) <= 60
    assert of_another == later == 200


@pytest.mark.usefixtures("minute")
def test_should_know_the_old_and_the_new_token_when_one_replaces_the_other(
    make_http_client: Callable[..., FlaskClient],
) -> None:
    # Given
    old, new = "the-old-one-01234567", "the-new-one-89abcdef"
    client = make_http_client(token=f"{old}\n{new}")

    # When
    statuses = [status_of(client, sent) for sent in (old, new, old + new, "")]

    # Then
    assert statuses == [200, 200, 401, 401]


@pytest.mark.usefixtures("minute")
def test_should_count_views_without_a_token_when_many_were_wrong(
    http_client: FlaskClient,
) -> None:
    # Given
    for _ in range(MOST_WRONG + 1):
        status_of(http_client, "wrong")

    # When
    answer = http_client.post(
        ENDPOINT, json=VIEW, environ_overrides={"REMOTE_ADDR": "192.0.2.1"}
    )

    # Then
    assert answer.get_json()["counted"]
