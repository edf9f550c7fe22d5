"""A dashboard that its owner shares: by a link, publicly, or embedded."""

import re
from html import unescape

import pytest
from flask.testing import FlaskClient
from redis import Redis

from page_tracker.store.server import RedisServer
from support.fixture_types import Count
from support.people import send_form, sign_in

SITE = "/dashboard/example.org"
SETTINGS = f"{SITE}/settings"
HTML = {"Accept": "text/html"}


@pytest.fixture
def owner(http_client: FlaskClient, redis_client: Redis) -> FlaskClient:
    """Give the browser of the owner."""
    http_client.get("/badge/example.org/.svg?count=no")  # registers the site
    return sign_in(http_client, redis_client)


@pytest.fixture
def stranger(owner: FlaskClient) -> FlaskClient:
    """Give the browser of somebody without an account."""
    client = owner.application.test_client()
    client.environ_base["HTTP_USER_AGENT"] = owner.environ_base["HTTP_USER_AGENT"]
    return client


def link_in(text: str) -> str:
    """Return the path of the shared link that a page shows."""
    found = re.search(r">http://localhost(/dashboard/example\.org\?key=[^<]+)<", text)
    assert found, text
    return unescape(found[1])


def test_should_hide_a_dashboard_until_it_is_public(
    owner: FlaskClient, stranger: FlaskClient
) -> None:
    # When
    before = stranger.get(SITE, headers=HTML)
    send_form(owner, SETTINGS, do="sharing", dashboard="public")
    after = stranger.get(SITE, headers=HTML)

    # Then
    assert before.location == "/sign-in?next=/dashboard/example.org"
    assert after.status_code == 200
    assert not after.headers.getlist("Set-Cookie")
    assert stranger.get(f"{SITE}/live", headers=HTML).status_code == 404
    assert stranger.get(SETTINGS, headers=HTML).status_code == 303


def test_should_let_a_link_in_until_it_is_taken_back(
    owner: FlaskClient, stranger: FlaskClient, redis_client: Redis
) -> None:
    # Given
    made = send_form(owner, SETTINGS, do="make-link")
    path = link_in(made.text)

    # When
    taken = stranger.get(path, headers=HTML)

    # Then
    assert (taken.status_code, taken.location) == (303, SITE)
    assert stranger.get(SITE, headers=HTML).status_code == 200
    assert stranger.get(f"{SITE}/live", headers=HTML).status_code == 404
    secret = path.partition("=")[2]
    assert secret not in owner.get(SETTINGS).text
    assert secret not in str(redis_client.hvals("pt:sites"))

    # When
    send_form(owner, SETTINGS, do="take-link")

    # Then
    assert stranger.get(SITE, headers=HTML).status_code == 303
    assert stranger.get(path, headers=HTML).location.startswith("/sign-in")
    assert owner.get(path, headers=HTML).status_code == 200


def test_should_end_the_old_link_when_it_is_replaced(
    owner: FlaskClient, stranger: FlaskClient
) -> None:
    # Given
    old = link_in(send_form(owner, SETTINGS, do="make-link").text)

    # When
    new = link_in(send_form(owner, SETTINGS, do="make-link").text)

    # Then
    assert (
        stranger.get(old, headers=HTML).location == f"/sign-in?next={SITE}&link=ended"
    )
    page = stranger.get(old, headers=HTML, follow_redirects=True).text
    assert "This shared link has ended." in page
    assert stranger.get(new, headers=HTML).status_code == 303


def test_should_hide_rare_sources_from_whoever_has_the_link(
    owner: FlaskClient, stranger: FlaskClient, count: Count
) -> None:
    # Given
    for visitor in range(5):
        count("/", visitor=visitor, referrer="https://usual.example/")
    count("/", referrer="https://rare.example/jane-doe")
    link = link_in(send_form(owner, SETTINGS, do="make-link").text)

    # When
    page = stranger.get(link, headers=HTML, follow_redirects=True).text
    data = stranger.get(f"{SITE}.json").text

    # Then
    for shown in (page, data):
        assert "usual.example" in shown and "rare.example" not in shown
    assert "rare.example" in owner.get(SITE).text


def test_should_be_embedded_by_named_hosts_only_and_set_no_cookie(
    owner: FlaskClient, stranger: FlaskClient
) -> None:
    # Given
    hosts = "blog.example\nhttps://shop.example:8443/"
    send_form(owner, SETTINGS, do="sharing", dashboard="public", frames=hosts)

    # When
    embedded = stranger.get(f"{SITE}?embed=1&theme=dark", headers=HTML)
    usual = stranger.get(SITE, headers=HTML)

    # Then
    policy = embedded.headers["Content-Security-Policy"]
    assert policy.endswith("frame-ancestors blog.example shop.example:8443")
    assert 'data-theme="dark"' in embedded.text
    assert "<header" not in embedded.text.partition("<main")[0]
    assert not embedded.headers.getlist("Set-Cookie")
    links = re.findall(r'href="(/dashboard/[^"]+)"', embedded.text)
    assert links and all("embed=1&amp;theme=dark" in link for link in links)
    assert usual.headers["Content-Security-Policy"].endswith("frame-ancestors 'none'")


def test_should_embed_a_private_dashboard_by_its_link_without_a_cookie(
    owner: FlaskClient, stranger: FlaskClient
) -> None:
    # Given
    send_form(owner, SETTINGS, do="sharing", dashboard="private", frames="blog.example")
    made = send_form(owner, SETTINGS, do="make-link").text
    link = link_in(made)

    # When
    embedded = stranger.get(f"{link}&embed=1", headers=HTML)

    # Then
    assert "&lt;iframe src=&#34;" in made and "embed=1" in made
    assert embedded.status_code == 200
    assert not embedded.headers.getlist("Set-Cookie")
    assert stranger.get(SITE, headers=HTML).status_code == 303
    assert stranger.get(f"{link}x&embed=1", headers=HTML).status_code == 303


def test_should_give_a_feed_an_address_until_it_is_taken_back(
    owner: FlaskClient, stranger: FlaskClient
) -> None:
    # Given
    made = send_form(owner, SETTINGS, do="make-feed").text
    found = re.search(r">http://localhost(/feed/example\.org\?token=[^<]+)<", made)
    assert found

    # When
    before = stranger.get(found[1])
    send_form(owner, SETTINGS, do="take-feed")

    # Then
    assert before.content_type.startswith("application/atom+xml")
    assert stranger.get(found[1]).status_code == 404


def test_should_stay_in_its_frame_while_redis_is_unavailable(
    owner: FlaskClient, stranger: FlaskClient, redis_server: RedisServer
) -> None:
    # Given
    send_form(owner, SETTINGS, do="sharing", dashboard="public", frames="blog.example")
    before = stranger.get(f"{SITE}?embed=1", headers=HTML)

    # When
    redis_server.stop()
    embedded = stranger.get(f"{SITE}?embed=1", headers=HTML)

    # Then
    assert embedded.status_code == 503 and "Redis is unavailable" in embedded.text
    for name in ("Content-Security-Policy", "Cross-Origin-Resource-Policy"):
        assert embedded.headers[name] == before.headers[name]


def test_should_show_how_to_embed_a_private_dashboard_whose_link_is_known(
    owner: FlaskClient,
) -> None:
    # When
    saved = send_form(
        owner,
        SETTINGS,
        do="sharing",
        dashboard="private",
        frames="https://blog.example/about",
    )
    without_link = owner.get(SETTINGS, headers=HTML).text
    send_form(owner, SETTINGS, do="make-link")
    with_link = owner.get(SETTINGS, headers=HTML).text

    # Then
    assert "Saved as blog.example." in saved.text
    assert "embedded by its link" in without_link and "iframe" not in without_link
    assert "/dashboard/example.org?key=KEY&amp;amp;embed=1" in with_link
    assert "Replace the link to get the iframe with its key." in with_link
