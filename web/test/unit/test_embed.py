"""The page that writes the snippets for a site."""

import re
from base64 import b64decode
from collections.abc import Iterator
from hashlib import sha384
from html import unescape
from unittest.mock import Mock, patch
from urllib.parse import parse_qs, urlencode, urlsplit
from xml.etree import ElementTree

import pytest
from flask.testing import FlaskClient
from redis.exceptions import ConnectionError as RedisConnectionError

from page_tracker.app import create_app
from page_tracker.settings import Settings
from page_tracker.tracking.sites import Site, Sites, make_site

SCRIPT = "\"><script>alert(1)</script>'&amp;"


def snippets(page: str) -> dict[str, str]:
    """Return the snippets of a page by their names, but those for other counters."""
    page = re.sub('<section class="moves">.*?</section>', "", page, flags=re.DOTALL)
    found = re.findall(
        r"<article.*?<h.>(.*?)</h.>.*?<pre><code>(.*?)</code>", page, re.DOTALL
    )
    return {name: unescape(code) for name, code in found}


@pytest.fixture(autouse=True)
def find() -> Iterator[Mock]:
    """Give a stand-in for the search of sites, which finds a registered site."""
    with patch.object(Sites, "find") as find:
        find.return_value = make_site("mine.org")
        yield find


def test_should_show_an_example_when_nothing_is_filled_in(
    http_client: FlaskClient,
) -> None:
    # When
    answer = http_client.get("/embed")

    # Then
    assert answer.status_code == 200
    assert next(iter(snippets(answer.text).items())) == (
        "Script",
        '<script defer src="http://localhost/tracker.js" data-site="example.org">'
        "</script>",
    )
    assert "This is an example. Enter your site" in answer.text


def test_should_pin_the_current_version_when_the_tag_has_a_hash(
    http_client: FlaskClient,
) -> None:
    # When
    page = http_client.get("/embed?site=mine.org").text
    tag = snippets(page)["Script, fixed version"]

    # Then
    address, integrity = re.findall(r' src="(.*?)" .* integrity="sha384-(.*?)"', tag)[0]
    script = http_client.get(address)
    assert script.status_code == 200
    assert b64decode(integrity) == sha384(script.data).digest()
    assert 'crossorigin="anonymous"' in tag
    assert "immutable" in script.headers["Cache-Control"]


def test_should_use_the_names_of_the_owner_when_they_are_configured() -> None:
    # Given
    chosen = create_app(Settings(script="stats/hello.js", endpoint="stats/in"))

    # When
    tag = snippets(chosen.test_client().get("/embed?site=mine.org").text)["Script"]

    # Then
    assert tag == (
        '<script defer src="http://localhost/stats/hello.js" data-site="mine.org" '
        'data-endpoint="http://localhost/stats/in"></script>'
    )


def test_should_show_all_elements_with_numbers_when_a_site_is_given(
    http_client: FlaskClient,
) -> None:
    # When
    answer = http_client.get("/embed?site=mine.org")

    # Then
    numbers = snippets(answer.text)["Numbers on a page"]
    assert '<span data-views="page"></span>' in numbers
    assert '<span data-uniques="page"></span>' in numbers
    assert '<span data-views="site"></span>' in numbers


def test_should_escape_the_page_once_when_a_pixel_counts_it(
    http_client: FlaskClient,
) -> None:
    # When
    answer = http_client.get("/embed?site=mine.org&page=/a%26b")

    # Then
    pixel = (
        '<img src="http://localhost/pixel.gif?site=mine.org&amp;page=/a%26b" '
        'alt="" width="1" height="1" referrerpolicy="no-referrer">'
    )
    found = snippets(answer.text)
    assert found["With the script, for browsers without JavaScript"] == (
        f"<noscript>{pixel}</noscript>"
    )
    assert found["Without the script"] == pixel


def test_should_write_a_badge_in_three_languages_when_options_are_given(
    http_client: FlaskClient,
) -> None:
    # When
    answer = http_client.get(
        "/embed?site=mine.org&page=/a(b)&label=page+[views]&style=flat"
        "&color=amber&base=&period=today"
    )

    # Then
    address = (
        "http://localhost/badge/mine.org/a%28b%29.svg"
        "?label=page%20%5Bviews%5D&period=today"
    )
    html = f'<img src="{address.replace("&", "&amp;")}" alt="page [views]">'
    found = snippets(answer.text)
    assert found["Markdown"] == f"![page \\[views\\]]({address})"
    assert found["HTML"] == html
    assert found["reStructuredText"] == f".. image:: {address}\n   :alt: page [views]"


@pytest.mark.parametrize(
    "options",
    [
        {"label": "", "abbreviated": "yes", "count": "no"},
        {"label": "größe & mehr", "color": "1c6bb0", "labelColor": "white"},
        {"style": "for-the-badge", "base": "12", "period": "today", "title": "a b"},
    ],
)
def test_should_make_a_valid_badge_when_options_are_given(
    http_client: FlaskClient, numbers_of: Mock, options: dict[str, str]
) -> None:
    # Given
    query = urlencode({"site": "mine.org", "page": "/a?b"} | options)
    html = snippets(http_client.get(f"/embed?{query}").text)["HTML"]
    address = unescape(html.split('"')[1])

    # When
    answer = http_client.get(address)

    # Then
    assert answer.status_code == 200
    site, page, sender = numbers_of.call_args.args
    assert (site, page, sender is None) == ("mine.org", "/a?b", "count" in options)
    asked = parse_qs(urlsplit(address).query, keep_blank_values=True)
    assert {name: value for name, (value,) in asked.items()} == options


def test_should_count_nothing_when_the_badge_is_previewed(
    http_client: FlaskClient,
) -> None:
    # When
    page = http_client.get("/embed?site=mine.org&page=/a").text

    # Then
    light, dark = re.findall(r'<img src="([^"]*)" alt="The badge', page)
    assert light == dark == "/badge/mine.org/a.svg?count=no"


def test_should_keep_the_sub_path_when_it_is_served_under_one(
    http_client: FlaskClient,
) -> None:
    # When
    page = http_client.get(
        "/embed?site=mine.org", base_url="https://stats.example/count"
    ).text

    # Then
    root = "https://stats.example/count"
    assert f"![views]({root}/badge/mine.org/.svg)" == snippets(page)["Markdown"]
    assert '<form action="/count/embed">' in page
    assert 'src="/count/badge/mine.org/.svg?count=no"' in page


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("site", "my site", "'my site' is not a host. Example: example.org"),
        ("page", "a" * 2049, "use a path, for example /about"),
        (
            "page",
            "https://other.org/a",
            "The host of this page is other.org, not mine.org.",
        ),
        ("color", "nope", "use a hex colour such as 1c6bb0, or one of"),
        ("labelColor", "nope", "use a hex colour such as 1c6bb0, or one of"),
        ("style", "round", "use flat, flat-square, plastic or for-the-badge"),
        ("label", "a" * 65, "use at most 64 characters"),
        ("base", "many", "use a whole number"),
        ("title", "\0", "use at most 200 characters"),
        ("period", "year", "use total, today or both"),
        ("abbreviated", "perhaps", "use yes or no"),
        ("count", "perhaps", "use yes or no"),
    ],
)
def test_should_show_the_error_beside_the_field_when_its_value_is_invalid(
    http_client: FlaskClient, name: str, value: str, reason: str
) -> None:
    # When
    query = urlencode({"site": "mine.org", name: value})
    answer = http_client.get(f"/embed?{query}")

    # Then
    assert answer.status_code == 400
    errors = dict(
        re.findall(r'<span class="error" id="(\w+)-error">(.+?)<', answer.text)
    )
    assert list(errors) == [name]
    assert reason in unescape(errors[name])
    assert answer.text.count('aria-invalid="true"') == 1
    assert not snippets(answer.text)


@pytest.mark.parametrize(
    "query",
    [
        "utm_source=x&fbclid=%FF&embed=badge&sight=a.org&site=mine.org",
        "site=mine.org&site=other.org",
        "site=mine.org&" + "&".join(f"p{n}=1" for n in range(10_000)),
    ],
)
def test_should_show_the_snippets_when_other_parameters_are_odd(
    http_client: FlaskClient, query: str
) -> None:
    # When
    answer = http_client.get(f"/embed?{query}")

    # Then
    assert answer.status_code == 200
    assert 'data-site="mine.org"' in snippets(answer.text)["Script"]


@pytest.mark.parametrize(
    ("pasted", "site", "page"),
    [
        ("https://example.org/about?x=1", "example.org", "/about?x=1"),
        ("https://www.example.org/", "www.example.org", "/"),
        ("HTTP://Example.ORG:8080", "example.org", "/"),
        ("http:example.org", "example.org", "/"),
        ("//example.org/a/b/", "example.org", "/a/b"),
        ("example.org/about#team", "example.org", "/about"),
        ("example.org?x=1", "example.org", "/?x=1"),
        ("https://example.org/#/route", "example.org", "/#/route"),
        ("localhost:3000/a", "localhost", "/a"),
        (" https://bücher.example/ü ", "xn--bcher-kva.example", "/ü"),
        ("https://user:secret@example.org/a", "example.org", "/a"),
        ("me@example.org", "example.org", "/"),
        ("mailto:me@example.org", "example.org", "/"),
        ("https://example.org\\a", "example.org", "/a"),
    ],
)
def test_should_take_an_address_apart_when_it_is_pasted_as_a_site(
    http_client: FlaskClient, pasted: str, site: str, page: str
) -> None:
    # When
    answer = http_client.get("/embed", query_string={"site": pasted, "page": "/"})

    # Then
    assert answer.status_code == 200
    found = snippets(answer.text)
    assert f'data-site="{site}"' in found["Script"]
    address = parse_qs(
        urlsplit(unescape(found["Without the script"].split('"')[1])).query
    )
    assert address == {"site": [site], "page": [page]}
    assert "secret" not in answer.text


@pytest.mark.parametrize(
    ("site", "page"),
    [("", "https://mine.org/a"), ("mine.org", "http://www.mine.org/a/")],
)
def test_should_take_an_address_apart_when_it_is_pasted_as_a_page(
    http_client: FlaskClient, site: str, page: str
) -> None:
    # When
    answer = http_client.get("/embed", query_string={"site": site, "page": page})

    # Then
    found = snippets(answer.text)
    assert 'data-site="mine.org"' in found["Script"]
    assert "/badge/mine.org/a.svg" in found["Markdown"]


def test_should_name_the_command_when_the_site_is_not_registered(
    http_client: FlaskClient, find: Mock
) -> None:
    # Given
    find.return_value = None

    # When
    page = http_client.get("/embed?site=https://nobody.example/").text

    # Then
    find.assert_called_once_with("nobody.example")
    assert "nobody.example is not registered yet" in page
    assert "<code>page-tracker sites add nobody.example</code>" in page
    assert '<img src="data:image/svg+xml;base64,' in page
    assert 'data-site="nobody.example"' in snippets(page)["Script"]


@pytest.mark.parametrize(
    ("found", "any_site", "note"),
    [
        (None, 5, "Its first view registers it, as long as there are fewer than 5 "),
        (make_site("mine.org", public=False), 0, "shows its numbers to its owner only"),
    ],
)
def test_should_tell_the_owner_how_it_counts_when_the_site_is_special(
    find: Mock, found: Site | None, any_site: int, note: str
) -> None:
    # Given
    find.return_value = found
    app = create_app(Settings(any_site=any_site))

    # When
    page = app.test_client().get("/embed?site=mine.org").text

    # Then
    assert note in page
    assert "sites add" not in page


def test_should_show_the_snippets_when_redis_is_unavailable(
    http_client: FlaskClient, find: Mock
) -> None:
    # Given
    find.side_effect = RedisConnectionError

    # When
    answer = http_client.get("/embed?site=mine.org")

    # Then
    assert answer.status_code == 200
    assert "registered" not in answer.text
    assert 'data-site="mine.org"' in snippets(answer.text)["Script"]


@pytest.mark.parametrize(
    ("root", "reached_by"),
    [
        ("http://localhost:8000", "this computer"),
        ("http://counter.localhost", "this computer"),
        ("http://127.0.0.1", "this computer"),
        ("http://[::1]:8000", "this computer"),
        ("http://192.168.1.7", "your own network"),
        ("http://[fd00::1]", "your own network"),
        ("http://web-service", "your own network"),
        ("http://nas.local", "your own network"),
        ("https://counter.example", None),
        ("https://8.8.8.8", None),
    ],
)
def test_should_warn_when_nobody_else_can_reach_the_address(
    http_client: FlaskClient, root: str, reached_by: str | None
) -> None:
    # When
    page = http_client.get("/embed?site=mine.org", base_url=root).text

    # Then
    assert f'src="{root}/tracker.js"' in snippets(page)["Script"]
    assert ("PAGE_TRACKER_URL" in page) == bool(reached_by)
    assert f"Only {reached_by} can open" in page or not reached_by


@pytest.mark.parametrize("url", ["https://counter.example", "https://a.example/stats/"])
def test_should_use_its_own_address_when_one_is_set(url: str) -> None:
    # Given
    app = create_app(Settings(url=url, endpoint="in"))

    # When
    page = app.test_client().get("/embed?site=mine.org&page=/a").text

    # Then
    root = url.rstrip("/")
    found = snippets(page)
    assert f'src="{root}/tracker.js" data-site' in found["Script"]
    assert f'data-endpoint="{root}/in"' in found["Script"]
    assert f'src="{root}/pixel.gif?' in found["Without the script"]
    assert f"({root}/badge/mine.org/a.svg)" in found["Markdown"]
    assert 'src="/badge/mine.org/a.svg?count=no"' in page
    assert "PAGE_TRACKER_URL" not in page


def test_should_run_only_its_own_script_when_a_browser_shows_it(
    http_client: FlaskClient,
) -> None:
    # When
    answer = http_client.get("/embed")

    # Then
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'; script-src 'self'; " in policy
    assert "form-action 'self'" in policy
    assert "unsafe" not in policy
    assert re.findall(r"<script([^>]*)>", answer.text) == [
        ' type="module" src="/static/embed.js"'
    ]
    assert not re.search(r"<style|style=\"| on\w+=", answer.text)


@pytest.mark.parametrize(
    "name", ["site", "page", "label", "title", "color", "base", SCRIPT]
)
def test_should_show_a_script_as_text_when_it_is_in_a_field(
    http_client: FlaskClient, name: str
) -> None:
    # When
    values = {"site": "a.org", "page": "/" + SCRIPT, name: SCRIPT}
    page = http_client.get(f"/embed?{urlencode(values)}").text

    # Then
    assert "<script>alert" not in page
    for snippet in snippets(page).values():
        assert "<script>alert" not in snippet or snippet.startswith(".. image::")


def test_should_draw_the_example_when_there_is_no_site(
    http_client: FlaskClient,
) -> None:
    # When
    page = http_client.get("/embed?label=seen").text

    # Then
    address, _same = re.findall(r'<img src="([^"]*)" alt="The badge', page)
    kind, _, image = address.partition(",")
    assert kind == "data:image/svg+xml;base64"
    texts = ElementTree.fromstring(b64decode(image)).iter(
        "{http://www.w3.org/2000/svg}text"
    )
    assert [text.text for text in texts] == ["seen", "1,234"]
