"""GoatCounter's visitor counter: `/counter/PATH.json`, `.html`, `.svg` and `.png`."""

from collections.abc import Callable
from datetime import date, timedelta
from io import BytesIO
from xml.etree import ElementTree

import pytest
from flask.testing import FlaskClient
from PIL import Image
from redis import Redis

from page_tracker.tracking.registry import Registry
from page_tracker.tracking.sites import make_site
from support.recording import nothing_stored

KEYS = make_site("example.org").keys


@pytest.fixture(autouse=True)
def before(http_client: FlaskClient, redis_client: Redis) -> date:
    """Let a page have 1,200 visits: 3 of 20 days ago, 1,196 of yesterday, and 1.

    Return the day before yesterday. Nothing changes if a day ends meanwhile.
    """
    yesterday = make_site("example.org").today() - timedelta(days=1)
    http_client.get("/pixel.gif?site=example.org&page=/Blog")
    http_client.post(
        "/api/v1/views",
        json={"site": "example.org", "page": "/Blog", "event": "Sign up"},
    )
    earlier = yesterday - timedelta(days=19)
    redis_client.hset(KEYS.totals, mapping={"uniques": 4567, "since": str(earlier)})
    redis_client.zadd(KEYS.uniques, {"/Blog": 1200})
    redis_client.zadd(KEYS.day(earlier).uniques, {"/Blog": 3})
    redis_client.zadd(KEYS.day(yesterday).uniques, {"/Blog": 1196})
    return yesterday - timedelta(days=1)


@pytest.mark.parametrize(
    ("path", "status", "count"),
    [
        ("%2FBlog.json", 200, "1\u202f200"),
        ("/Blog/.json", 200, "1\u202f200"),
        ("Blog.json", 200, "1\u202f200"),
        ("TOTAL.json", 200, "4\u202f568"),
        ("Sign%20up.json", 200, "1"),
        ("%2FBlog.json?&start=week", 200, "1\u202f197"),
        ("%2FBlog.json?&start=month&end=", 200, "1\u202f200"),
        ("%2FBlog.json?end={before}", 200, "3"),
        ("TOTAL.json?start=week", 200, "2"),
        ("TOTAL.json?start=2020-01-01&end=2020-01-02", 200, "0"),
        ("%2Fnever.json", 404, "0"),
        ("total.json", 404, "0"),
        ("%ff.json", 404, "0"),
    ],
)
def test_should_give_visits_when_asked_for_json(
    http_client: FlaskClient, before: date, path: str, status: int, count: str
) -> None:
    # When
    answer = http_client.get(f"/counter/{path.format(before=before)}")

    # Then
    assert answer.status_code == status
    assert answer.text == f'{{"count": "{count}", "count_unique": "{count}"}}'
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert answer.headers["Cache-Control"].startswith("public")


@pytest.mark.parametrize(
    "path",
    ["/Blog", "/Blog.gif", "/Blog.json?start=soon", "/Blog.svg?end=2026-13-01"]
    + ["/Blog.json?start=2026W01", "/Blog.json?start=20260101"],
)
def test_should_refuse_a_form_or_a_date_that_does_not_exist(
    http_client: FlaskClient, path: str
) -> None:
    # When
    answer = http_client.get(f"/counter/{path}")

    # Then
    assert answer.status_code == 400
    assert answer.text
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert answer.headers["Cross-Origin-Resource-Policy"] == "cross-origin"


@pytest.mark.parametrize(
    ("path", "vary"),
    [
        ("/counter/TOTAL.json", "Origin, Referer"),
        ("/example.org/counter/TOTAL.json", None),
    ],
)
def test_should_tell_caches_what_an_answer_depends_on(
    http_client: FlaskClient, path: str, vary: str | None
) -> None:
    # When
    answer = http_client.get(path)

    # Then
    assert answer.status_code == 200
    assert answer.headers.get("Vary") == vary


def test_should_draw_the_number_in_each_form_when_a_page_embeds_it(
    http_client: FlaskClient,
) -> None:
    # When
    page, image, bitmap = (
        http_client.get(f"/counter/%2FBlog.{form}?&no_branding={form == 'png':d}")
        for form in ("html", "svg", "png")
    )

    # Then
    for answer in (page, image, bitmap):
        assert answer.status_code == 200
        assert answer.headers["Cross-Origin-Resource-Policy"] == "cross-origin"
        assert "frame-ancestors *" in answer.headers["Content-Security-Policy"]
    assert '<span id="gcvc-views">1\u202f200</span>' in page.text
    assert "Page Tracker" in page.text
    root = ElementTree.fromstring(image.text)
    assert (root.get("width"), root.get("height")) == ("200", "80")
    assert "1\u202f200" in [element.text for element in root]
    assert bitmap.mimetype == "image/png"
    assert Image.open(BytesIO(bitmap.data)).size == (200, 60)


@pytest.mark.parametrize("form", ["html", "svg"])
def test_should_keep_a_style_inside_of_its_element_when_it_tries_to_leave(
    http_client: FlaskClient, form: str
) -> None:
    # Given
    style = "div{color:red}</style><script>alert(1)</script>%00%26%ED%A0%80]]>"

    # When
    answer = http_client.get(f"/counter/%2FBlog.{form}?style={style}")

    # Then
    assert "div{color:red}" in answer.text
    assert "<script" not in answer.text
    if form == "svg":
        ElementTree.fromstring(answer.data)


def test_should_give_no_number_when_the_site_is_private(
    make_http_client: Callable[..., FlaskClient], sites: Registry
) -> None:
    # Given
    sites.change("example.org", {"public": False})
    http_client = make_http_client()

    # When
    answers = [
        http_client.get(f"/counter/TOTAL.{form}")
        for form in ("json", "html", "svg", "png")
    ]

    # Then
    assert {answer.status_code for answer in answers} == {403}
    assert not any(b"4" + "\u202f567".encode() in answer.data for answer in answers)
    assert answers[3].data.startswith(b"\x89PNG")


def test_should_count_nothing_when_a_counter_is_shown(
    http_client: FlaskClient, redis_client: Redis
) -> None:
    # Given
    redis_client.flushdb()

    # When
    http_client.get("/counter/%2FBlog.svg")

    # Then
    assert nothing_stored(redis_client)


def test_should_draw_nothing_when_asked_by_head(
    http_client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given
    monkeypatch.setattr("page_tracker.showing.visitor_counter.drawn", None)

    # When
    answer = http_client.head("/counter/%2FBlog.png")

    # Then
    assert (answer.status_code, answer.mimetype) == (200, "image/png")
    assert answer.data == b""


def test_should_ask_redis_once_when_a_period_is_shown_again(
    http_client: FlaskClient, redis_client: Redis
) -> None:
    # Given
    address = "/counter/%2FBlog.json?start=month"
    first = http_client.get(address)

    # When
    redis_client.config_resetstat()
    again = [http_client.get(address) for _ in range(10)]

    # Then
    assert {answer.text for answer in again} == {first.text}
    assert redis_client.info("commandstats").get("cmdstat_eval") is None
