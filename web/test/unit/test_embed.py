"""The page that writes snippets for a script, a pixel or a badge."""

import re
from base64 import b64decode
from hashlib import sha384
from html import unescape
from unittest.mock import Mock
from urllib.parse import parse_qs, urlencode, urlsplit
from xml.etree import ElementTree

import pytest
from flask.testing import FlaskClient

from page_tracker.app import create_app
from page_tracker.settings import Settings

SCRIPT = "\"><script>alert(1)</script>'&amp;"


def snippets(page: str) -> dict[str, str]:
    """Return the snippets of a page by their names."""
    names = re.findall(r"<h2>(.*?)</h2>", page)
    codes = re.findall(r"<code>(.*?)</code>", page, re.DOTALL)
    return dict(zip(names, map(unescape, codes), strict=True))


def test_should_show_an_example_when_nothing_is_filled_in(
    http_client: FlaskClient,
) -> None:
    # When
    answer = http_client.get("/embed")

    # Then
    assert answer.status_code == 200
    assert snippets(answer.text)["Script"] == (
        '<script defer src="http://localhost/tracker.js" data-site="example.org">'
        "</script>"
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
    numbers = snippets(answer.text)["Numbers on the page"]
    assert '<span data-views="page"></span>' in numbers
    assert '<span data-visits="page"></span>' in numbers
    assert '<span data-views="site"></span>' in numbers


def test_should_escape_the_page_once_when_a_pixel_counts_it(
    http_client: FlaskClient,
) -> None:
    # When
    answer = http_client.get("/embed?embed=pixel&site=mine.org&page=/a%26b")

    # Then
    pixel = (
        '<img src="http://localhost/pixel.gif?site=mine.org&amp;page=/a%26b" '
        'alt="" width="1" height="1" referrerpolicy="no-referrer">'
    )
    assert snippets(answer.text) == {
        "Beside the script": f"<noscript>{pixel}</noscript>",
        "Instead of the script": pixel,
    }


def test_should_write_a_badge_in_three_languages_when_a_badge_is_chosen(
    http_client: FlaskClient,
) -> None:
    # When
    answer = http_client.get(
        "/embed?embed=badge&site=mine.org&page=/a(b)&label=page+[views]&style=flat"
        "&color=amber&base=&period=today"
    )

    # Then
    address = (
        "http://localhost/badge/mine.org/a%28b%29.svg"
        "?label=page%20%5Bviews%5D&period=today"
    )
    assert snippets(answer.text) == {
        "Markdown": f"![page \\[views\\]]({address})",
        "HTML": f'<img src="{address.replace("&", "&amp;")}" alt="page [views]">',
        "reStructuredText": f".. image:: {address}\n   :alt: page [views]",
    }


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
    query = urlencode({"embed": "badge", "site": "mine.org", "page": "/a?b"} | options)
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
    page = http_client.get("/embed?embed=badge&site=mine.org&page=/a").text

    # Then
    light, dark = re.findall(r'<img src="([^"]*)" alt="The badge', page)
    assert light == dark == "http://localhost/badge/mine.org/a.svg?count=no"


def test_should_keep_the_sub_path_when_it_is_served_under_one(
    http_client: FlaskClient,
) -> None:
    # When
    page = http_client.get(
        "/embed?embed=badge&site=mine.org", base_url="https://stats.example/count"
    ).text

    # Then
    root = "https://stats.example/count"
    assert f"![views]({root}/badge/mine.org/.svg)" == snippets(page)["Markdown"]
    assert '<form action="/count/embed">' in page


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("site", "https://mine.org/", "use a host, for example example.org"),
        ("site", "my site", "use a host, for example example.org"),
        ("page", "a" * 2049, "use a path, for example /about"),
        ("page", "/a\nb", "use a path"),
        ("embed", "frame", "use tag, pixel or badge"),
        ("color", "nope", "use a hex colour such as 1c6bb0, or one of"),
        ("labelColor", "nope", "use a hex colour such as 1c6bb0, or one of"),
        ("style", "round", "use flat, flat-square, plastic or for-the-badge"),
        ("label", "a" * 65, "use at most 64 characters"),
        ("base", "many", "use a whole number"),
        ("title", "\0", "use at most 200 characters"),
        ("period", "year", "use total or today"),
        ("abbreviated", "perhaps", "use yes or no"),
        ("count", "perhaps", "use yes or no"),
    ],
)
def test_should_show_the_error_beside_the_field_when_its_value_is_invalid(
    http_client: FlaskClient, name: str, value: str, reason: str
) -> None:
    # When
    query = urlencode({"embed": "badge", name: value})
    answer = http_client.get(f"/embed?{query}")

    # Then
    assert answer.status_code == 400
    errors = dict(
        re.findall(r'<span class="error" id="(\w+)-error">(.+?)<', answer.text)
    )
    assert list(errors) == [name]
    assert reason in unescape(errors[name])
    assert answer.text.count('aria-invalid="true"') == (name != "embed")
    assert not snippets(answer.text)


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        ("sight=mine.org", "'sight' is not a parameter: did you mean site?"),
        ("site=a.org&site=b.org", "'site' is repeated"),
        ("site=%FF", "the parameters are not UTF-8"),
    ],
)
def test_should_show_the_error_above_the_fields_when_it_belongs_to_none(
    http_client: FlaskClient, query: str, reason: str
) -> None:
    # When
    answer = http_client.get(f"/embed?{query}")

    # Then
    assert answer.status_code == 400
    assert reason in unescape(answer.text)


def test_should_run_only_its_own_script_when_a_browser_shows_it(
    http_client: FlaskClient,
) -> None:
    # When
    answer = http_client.get("/embed?embed=badge")

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
    "name", ["site", "page", "label", "title", "color", "base", "embed", SCRIPT]
)
@pytest.mark.parametrize("embed", ["tag", "pixel", "badge"])
def test_should_show_a_script_as_text_when_it_is_in_a_field(
    http_client: FlaskClient, name: str, embed: str
) -> None:
    # When
    values = {"embed": embed, "site": "a.org", "page": "/" + SCRIPT, name: SCRIPT}
    page = http_client.get(f"/embed?{urlencode(values)}").text

    # Then
    assert "<script>alert" not in page
    for snippet in snippets(page).values():
        assert "<script>alert" not in snippet or snippet.startswith(".. image::")


def test_should_draw_the_example_when_there_is_no_site(
    http_client: FlaskClient,
) -> None:
    # When
    page = http_client.get("/embed?embed=badge&label=seen").text

    # Then
    address, _same = re.findall(r'<img src="([^"]*)" alt="The badge', page)
    kind, _, image = address.partition(",")
    assert kind == "data:image/svg+xml;base64"
    texts = ElementTree.fromstring(b64decode(image)).iter(
        "{http://www.w3.org/2000/svg}text"
    )
    assert [text.text for text in texts] == ["seen", "1,234"]
