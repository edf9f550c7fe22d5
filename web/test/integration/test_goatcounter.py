"""GoatCounter's `/count`, as its script and its image ask."""

from collections.abc import Callable
from urllib.parse import urlencode

import pytest
from flask.testing import FlaskClient
from redis import Redis
from werkzeug.test import TestResponse

from page_tracker.tracking.registry import Registry
from page_tracker.tracking.sites import make_site
from support.recording import keys_in, nothing_stored, refused, sorted_set, today_key

PAGES = "pt:{example.org}:pages"

GIF = bytes.fromhex(
    "47494638396101000100800000000000ffffff"
    "21f90401000000002c00000000010001000002024401003b"
)


def check_image(answer: TestResponse, status: int) -> None:
    """Check what every answer of `/count` has."""
    assert answer.status_code == status
    assert (answer.mimetype, answer.data) == ("image/gif", GIF)
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert answer.headers["Cross-Origin-Resource-Policy"] == "cross-origin"
    assert answer.headers["Cache-Control"] == "no-store,no-cache"


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_should_count_a_view_with_its_source_and_title_when_the_script_sends_it(
    http_client: FlaskClient, redis_client: Redis, method: str
) -> None:
    # When
    answer = http_client.open(
        "/count?p=%2Fpost%2Fone&r=https%3A%2F%2Fnews.example.com%2Fstory&t=One&s=1920"
        "&b=0&q=%3Fpage%3D2&rnd=k3x9a",
        method=method,
        headers={"Origin": "https://example.org"},
    )

    # Then
    check_image(answer, 200)
    assert "X-Goatcounter" not in answer.headers
    assert sorted_set(redis_client, PAGES) == {"/post/one": 1}
    assert sorted_set(redis_client, "pt:{example.org}:pages:uniques") == {
        "/post/one": 1
    }
    assert sorted_set(redis_client, today_key("referrer")) == {
        "news.example.com/story": 1
    }
    assert redis_client.hget("pt:{example.org}:titles", "/post/one") == b"One"


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("", 400),
        ("p=", 400),
        ("p=%20%09", 200),
        ("p=/" + 2048 * "a", 414),
        ("p=/" + 683 * "%E4%BD%A0", 414),
        ("p=/a&r=http://a.example/" + 2048 * "a", 400),
        ("p=/a&t=" + 1025 * "a", 400),
        ("p=/%ff", 400),
        ("p=/a&t=%ff", 400),
        ("p=/a&e=maybe", 400),
        ("p=/&e=true", 400),
        ("p=/a&b=5", 400),
        ("p=/a&b=" + 9_999 * "9", 400),
        ("p=/a&s=junk", 400),
    ],
)
def test_should_answer_with_an_image_and_store_nothing_when_a_view_is_invalid(
    http_client: FlaskClient, redis_client: Redis, query: str, status: int
) -> None:
    # Given
    http_client.get("/count?p=/")

    # When
    with nothing_stored(redis_client):
        answer = http_client.get(f"/count?{query}")

    # Then
    check_image(answer, status)
    assert answer.headers["X-Goatcounter"].startswith("not valid: ")
    assert refused(redis_client) == 1


@pytest.mark.parametrize(
    ("query", "page"),
    [
        ("p=/" + 682 * "%E4%BD%A0", None),
        ("p=/a&t=" + 1024 * "%E4%BD%A0", "/a"),
        ("p=/a&r=http://a.example/" + 2000 * "a", "/a"),
        ("p=/a&s=", "/a"),
        ("p=/a&s=1920,1080,1.5", "/a"),
        ("p=/a&e=False", "/a"),
        ("p=/a&ns=true&unknown=1&q=%ff", "/a"),
        ("p=/a&p=/b", "/a"),
        ("p=/a?b=2%26a=1%26utm_source=x%26fbclid=y", "/a?a=1&b=2"),
        ("p=%2F%25E4%25BD%25A0", "/你"),
    ],
)
def test_should_count_a_page_when_its_parameters_are_odd_but_valid(
    http_client: FlaskClient, redis_client: Redis, query: str, page: str | None
) -> None:
    # When
    answer = http_client.get(f"/count?{query}")

    # Then
    check_image(answer, 200)
    counted = sorted_set(redis_client, PAGES)
    assert list(counted.values()) == [1]
    assert page in (None, *counted)


@pytest.mark.parametrize("flag", ["true", "On"])
def test_should_count_an_event_on_the_page_of_the_referrer_when_the_flag_is_set(
    http_client: FlaskClient, redis_client: Redis, flag: str
) -> None:
    # When
    answer = http_client.post(
        f"/count?p=/signup&t=Sign+up&e={flag}&q=?utm_source=x",
        headers={"Referer": "https://example.org/join/?a=1"},
    )

    # Then
    check_image(answer, 200)
    assert sorted_set(redis_client, today_key("event-pages")) == {
        "signup\t/join?a=1": 1
    }
    assert not redis_client.exists(PAGES, "pt:{example.org}:titles")


@pytest.mark.parametrize(
    ("query", "source", "campaign"),
    [
        ("?utm_source=news&utm_campaign=spring", "news", "spring"),
        ("utm_source=news&campaign=fall", "news", "fall"),
        ("?ref=friend&src=other", "friend", ""),
        ("?source=c&src=b&page=2", "b", ""),
        ("?utm_source=news", "news", "news"),
        ("?utm_source=&source=c", "c", ""),
        ("?page=2", "search.example", ""),
    ],
)
def test_should_count_source_and_campaign_when_the_query_of_the_page_names_them(
    http_client: FlaskClient,
    redis_client: Redis,
    query: str,
    source: str,
    campaign: str,
) -> None:
    # When
    sent = urlencode({"p": "/a", "r": "https://search.example/", "q": query})
    http_client.post(f"/count?{sent}")

    # Then
    assert sorted_set(redis_client, PAGES) == {"/a": 1}
    assert list(sorted_set(redis_client, today_key("referrer"))) == [source]
    campaigns = list(sorted_set(redis_client, today_key("campaign")))
    assert campaigns == [campaign] * bool(campaign)


@pytest.mark.parametrize(
    ("headers", "query", "reason"),
    [
        ({"User-Agent": "Googlebot/2.1"}, "", "bot"),
        ({"User-Agent": ""}, "", "bot"),
        ({}, "&b=153", "bot"),
        ({"Purpose": "prefetch"}, "", "prefetch"),
        ({"Sec-Purpose": "prefetch;prerender"}, "", "prefetch"),
    ],
)
def test_should_answer_200_and_note_the_reason_when_a_view_is_filtered(
    http_client: FlaskClient,
    redis_client: Redis,
    headers: dict[str, str],
    query: str,
    reason: str,
) -> None:
    # When
    answer = http_client.get(f"/count?p=/a{query}", headers=headers)

    # Then
    check_image(answer, 200)
    assert answer.headers["X-Goatcounter"].startswith(f"not counted: {reason} (")
    assert redis_client.hgetall(today_key("filtered")) == {reason.encode(): b"1"}
    assert not redis_client.exists(PAGES)


@pytest.mark.parametrize(
    ("path", "method"),
    [
        ("/count", "HEAD"),
        ("/count", "OPTIONS"),
        ("/count", "PUT"),
        ("/example.org/count", "HEAD"),
    ],
)
def test_should_refuse_other_methods(
    http_client: FlaskClient, redis_client: Redis, method: str, path: str
) -> None:
    # When
    answer = http_client.open(f"{path}?p=/a", method=method)

    # Then
    assert answer.status_code == 405
    assert {"GET", "POST"} <= set(answer.headers["Allow"].split(", "))
    assert not redis_client.exists(PAGES)


@pytest.mark.parametrize(
    ("asked", "place"),
    [
        ("/count/?p=%2Fa&t=%E4", "/count?p=%2Fa&t=%E4"),
        ("/example.org/count/?p=/a", "/example.org/count?p=/a"),
        (r"/\evil.example/count/?p=/a", "/%5Cevil.example/count?p=/a"),
        ("/count/", "/count?"),
    ],
)
def test_should_redirect_on_the_same_server_when_the_path_ends_with_a_slash(
    http_client: FlaskClient, asked: str, place: str
) -> None:
    # When
    answer = http_client.get(asked)

    # Then
    assert (answer.status_code, answer.headers["Location"]) == (301, place)


@pytest.mark.parametrize(
    ("url", "headers", "site"),
    [
        ("http://c.example/journal.example", {}, "journal.example"),
        (
            "http://c.example/journal.example",
            {"Origin": "https://example.org"},
            "journal.example",
        ),
        ("http://c.example", {"Origin": "https://example.org"}, "example.org"),
        (
            "http://c.example",
            {"Origin": "null", "Referer": "https://journal.example/"},
            "journal.example",
        ),
        ("http://journal.example", {}, "journal.example"),
    ],
)
def test_should_find_the_site_in_path_origin_referrer_or_host(
    make_http_client: Callable[..., FlaskClient],
    redis_client: Redis,
    url: str,
    headers: dict[str, str],
    site: str,
) -> None:
    # Given
    client = make_http_client(sites="example.org, journal.example")

    # When
    answer = client.post(f"{url}/count?p=/a", headers=headers)

    # Then
    check_image(answer, 200)
    assert [key for key in keys_in(redis_client) if key.endswith(":pages:uniques")] == [
        f"pt:{{{site}}}:pages:uniques"
    ]


def test_should_say_what_to_do_when_nothing_tells_the_site(
    make_http_client: Callable[..., FlaskClient], redis_client: Redis
) -> None:
    # Given
    client = make_http_client(sites="example.org, journal.example")

    # When
    answer = client.get("/count?p=/a")

    # Then
    check_image(answer, 400)
    assert "/example.org/count" in answer.headers["X-Goatcounter"]
    assert refused(redis_client) == 1


def test_should_answer_404_with_an_image_when_the_site_is_unknown(
    http_client: FlaskClient, redis_client: Redis
) -> None:
    # When
    answer = http_client.get("/count?p=/a", headers={"Referer": "https://no.example/"})

    # Then
    check_image(answer, 404)
    assert refused(redis_client) == 1


def test_should_answer_429_with_an_image_when_an_address_is_over_its_rate(
    make_http_client: Callable[..., FlaskClient],
) -> None:
    # Given
    client = make_http_client(rate=1)
    client.get("/count?p=/a")

    # When
    answer = client.get("/count?p=/a")

    # Then
    check_image(answer, 429)
    assert 0 < int(answer.headers["Retry-After"]) <= 60


@pytest.mark.parametrize("headers", [{}, {"Origin": "https://example.org"}])
def test_should_answer_503_with_an_image_when_redis_is_unavailable(
    make_http_client: Callable[..., FlaskClient], headers: dict[str, str]
) -> None:
    # Given
    client = make_http_client(redis_url="redis://127.0.0.1:1")

    # When
    answer = client.post("/count?p=/a", headers=headers)

    # Then
    check_image(answer, 503)
    assert answer.headers["Retry-After"] == "5"


def test_should_count_one_page_when_it_arrives_by_the_script_and_by_ours(
    http_client: FlaskClient, redis_client: Redis
) -> None:
    # When
    http_client.post("/count?p=%2Fa%2F%3Fb%3D1&t=A")
    http_client.post("/api/v1/views", json={"site": "example.org", "page": "/a?b=1"})

    # Then
    assert sorted_set(redis_client, PAGES) == {"/a?b=1": 2}
    assert sorted_set(redis_client, "pt:{example.org}:pages:uniques") == {"/a?b=1": 1}


def test_should_take_a_view_whose_address_has_almost_eight_kilobytes(
    http_client: FlaskClient, redis_client: Redis
) -> None:
    # When
    title = urlencode({"t": 600 * "标"})
    answer = http_client.get(f"/count?p=/a&{title}&r={2000 * 'a'}")

    # Then
    assert len(title) > 5_000
    check_image(answer, 200)
    assert sorted_set(redis_client, PAGES) == {"/a": 1}


def test_should_count_for_the_site_in_the_address_when_its_name_is_chinese(
    http_client: FlaskClient, redis_client: Redis, sites: Registry
) -> None:
    # Given
    sites.add(make_site("中文.cn"))

    # When
    answer = http_client.get("/%E4%B8%AD%E6%96%87.cn/count?p=/a")
    slash = http_client.get("/%E4%B8%AD%E6%96%87.cn/count/?p=/a")

    # Then
    check_image(answer, 200)
    assert slash.headers["Location"] == "/%E4%B8%AD%E6%96%87.cn/count?p=/a"
    assert sorted_set(redis_client, make_site("中文.cn").keys.pages) == {"/a": 1}
