"""The Atom feed of finished weeks, as a feed reader gets it."""

from datetime import date, datetime, timedelta
from xml.etree import ElementTree  # nosec B405

import pytest
from flask.testing import FlaskClient
from redis import Redis

from page_tracker.accounts.hashing import hash_of, new_secret
from page_tracker.store.server import RedisServer
from page_tracker.store.waiting import wait_for
from page_tracker.tracking.moving_pages import move_page
from page_tracker.tracking.registry import Registry
from page_tracker.tracking.sites import SECONDS_BETWEEN_UPDATES, Site, make_site
from support.fixture_types import Count

ATOM = "{http://www.w3.org/2005/Atom}"


@pytest.fixture
def token(sites: Registry) -> str:
    """Register example.org with a feed, and give the token of its address."""
    secret = new_secret()
    kept = hash_of(secret)
    sites.add(make_site("example.org", time_zone="Asia/Shanghai", feed=kept))
    return secret


def monday_before(site: Site, weeks: int) -> date:
    """Return the Monday of a week that ended, 1 for the last one."""
    today = site.today()
    return today - timedelta(days=today.weekday() + 7 * weeks)


def days_since(site: Site, day: date) -> int:
    """Return how many days ago a day of a site was."""
    return (site.today() - day).days


def entries_of(document: bytes) -> list[ElementTree.Element]:
    """Return the entries of a feed."""
    return ElementTree.fromstring(document).findall(f"{ATOM}entry")  # nosec B314


def text_of(element: ElementTree.Element, name: str) -> str:
    """Return the text of an element's child."""
    return element.findtext(f"{ATOM}{name}") or ""


def test_should_have_the_finished_weeks_with_views_newest_first(
    http_client: FlaskClient, sites: Registry, count: Count, token: str
) -> None:
    # Given
    site = sites.get("example.org")
    last, older = monday_before(site, 1), monday_before(site, 3)
    count("/this-week")
    for day in (last, last + timedelta(days=6)):
        count("/last", days_ago=days_since(site, day), referrer="https://news.example/")
    count("/older", days_ago=days_since(site, older))

    # When
    answer = http_client.get(f"/feed/example.org?token={token}")

    # Then
    assert answer.content_type == "application/atom+xml; charset=utf-8"
    first, second = entries_of(answer.data)
    assert ": 2 views" in text_of(first, "title")
    assert ": 1 view" in text_of(second, "title")
    assert "/last" in text_of(first, "summary")
    assert "news.\N{WORD JOINER}example" in text_of(first, "summary")
    assert "this-week" not in answer.text
    ended = datetime.fromisoformat(text_of(first, "updated"))
    assert ended.isoformat() == f"{last + timedelta(days=7)}T00:00:00+08:00"
    link = first.find(f"{ATOM}link")
    assert link is not None
    address = "http://localhost/dashboard/example.org"
    assert link.get("href") == f"{address}?period={last}..{last + timedelta(days=6)}"
    assert token not in answer.text


def test_should_not_send_a_feed_again_that_a_reader_has(
    http_client: FlaskClient, sites: Registry, count: Count, token: str
) -> None:
    # Given
    site = sites.get("example.org")
    count("/a", days_ago=days_since(site, monday_before(site, 1)))
    address = f"/feed/example.org?token={token}"
    first = http_client.get(address)

    # When
    by_tag = http_client.get(address, headers={"If-None-Match": first.headers["ETag"]})
    chinese = http_client.get(
        f"{address}&language=zh", headers={"If-None-Match": first.headers["ETag"]}
    )

    # Then
    assert (by_tag.status_code, by_tag.data) == (304, b"")
    assert "Last-Modified" not in first.headers  # a late view would not change it
    assert chinese.status_code == 200
    assert [text_of(entry, "id") for entry in entries_of(chinese.data)] == [
        text_of(entry, "id") for entry in entries_of(first.data)
    ]


@pytest.mark.parametrize(
    "address",
    [
        "/feed/example.org",
        "/feed/example.org?token=",
        "/feed/example.org?token=wrong",
        "/feed/example.net?token={token}",
        "/feed/unknown.example?token={token}",
        "/feed/%00?token={token}",
    ],
)
def test_should_answer_as_if_there_was_no_site_when_the_token_is_wrong(
    http_client: FlaskClient, sites: Registry, token: str, address: str
) -> None:
    # Given
    sites.add(make_site("example.net"))

    # When
    answer = http_client.get(address.format(token=token))

    # Then
    assert answer.status_code == 404


def test_should_show_names_out_of_views_as_text(
    http_client: FlaskClient, sites: Registry, count: Count, token: str
) -> None:
    # Given
    site = sites.get("example.org")
    page = "/<img src=x onerror=alert(1)>]]>&amp;@all"
    count(page, days_ago=days_since(site, monday_before(site, 1)))

    # When
    answer = http_client.get(f"/feed/example.org?token={token}")

    # Then
    [entry] = entries_of(answer.data)
    shown = text_of(entry, "summary")
    assert "<img" not in shown
    assert "@all" not in shown


def test_should_answer_503_when_redis_is_unavailable(
    http_client: FlaskClient, token: str, redis_server: RedisServer
) -> None:
    # Given
    http_client.get("/feed/example.org")
    redis_server.stop()

    # When
    answer = http_client.get(f"/feed/example.org?token={token}")

    # Then
    assert answer.status_code == 503


def test_should_know_a_token_that_another_process_made_just_now(
    http_client: FlaskClient, sites: Registry, count: Count, token: str
) -> None:
    # Given
    site = sites.get("example.org")
    count("/a", days_ago=days_since(site, monday_before(site, 1)))
    assert http_client.get(f"/feed/example.org?token={token}").status_code == 200
    newer = new_secret()
    sites.change(site.name, {"feed": hash_of(newer)})

    # When
    is_known = wait_for(
        lambda: http_client.get(f"/feed/example.org?token={newer}").status_code == 200,
        SECONDS_BETWEEN_UPDATES / 2,
    )

    # Then
    assert is_known
    assert http_client.get(f"/feed/example.org?token={token}").status_code == 404


def test_should_show_new_numbers_when_a_page_was_removed(
    http_client: FlaskClient,
    redis_client: Redis,
    sites: Registry,
    count: Count,
    token: str,
) -> None:
    # Given
    site = sites.get("example.org")
    for page in ("/a", "/secret"):
        count(page, days_ago=days_since(site, monday_before(site, 1)))
    before = http_client.get(f"/feed/example.org?token={token}")

    # When
    move_page(redis_client, site, "/secret", "/a")
    after = http_client.get(f"/feed/example.org?token={token}")

    # Then
    assert "/secret" in before.text
    assert "/secret" not in after.text
