"""The language of a page, and numbers, days and names in it."""

import pytest
from flask import Flask, render_template_string
from flask.testing import FlaskClient

from page_tracker.showing.language import language


@pytest.mark.parametrize(
    ("accepted", "chosen", "expected"),
    [
        ("", "", "en"),
        ("zh-CN,zh;q=0.9,en;q=0.8", "", "zh"),
        ("zh-Hans", "", "zh"),
        ("zh-TW", "", "zh"),
        ("de,en;q=0.5,zh;q=0.4", "", "en"),
        ("fr", "", "en"),
        ("zh", "en", "en"),
        ("en", "zh", "zh"),
        ("zh", "tlh", "zh"),
        (";;q=é\u0000", "\u0000", "en"),
    ],
)
def test_should_take_the_language_of_the_cookie_before_that_of_the_browser(
    app: Flask, accepted: str, chosen: str, expected: str
) -> None:
    # Given
    headers = {"Accept-Language": accepted, "Cookie": f"language={chosen}"}

    # When / Then
    with app.test_request_context(headers=headers):
        assert language() == expected


@pytest.mark.parametrize(
    ("template", "english", "chinese"),
    [
        ("1234567|number", "1,234,567", "1,234,567"),
        ("1.75|number", "1.8", "1.8"),
        ("None|number", "–", "–"),
        ("12345|compact", "12K", "1万"),
        ("1234|compact", "1.2K", "1234"),
        ("0.384|percent", "38%", "38%"),
        ("-0.004|percent", "-0.4%", "-0.4%"),
        ("'2026-11-26'|day", "Nov 26", "11月26日"),
        ("1795651200|moment_day", "Thu, Nov 26, 2026", "2026年11月26日周四"),
        ("'2026-11-26'|month", "Nov 2026", "2026年11月"),
        ("'2026-11-26T04:00'|hour", "04:00", "04:00"),
        ("14|hour", "14:00", "14:00"),
        ("7|weekday", "Sun", "周日"),
        ("'de'|label('countries')", "Germany", "德国"),
        ("'XX'|label('countries')", "XX", "XX"),
        ("'de'|label('languages')", "German", "德语"),
        ("'zh-TW'|label('languages')", "zh-TW", "zh-TW"),
        ("'pt-BR'|label('languages')", "Brazilian Portuguese", "巴西葡萄牙语"),
        ("'<b>'|label('languages')", "&lt;b&gt;", "&lt;b&gt;"),
        ("'us'|label('countries')", "United States", "美国"),
        ("'/about'|label('pages')", "/about", "/about"),
    ],
)
def test_should_show_values_in_the_language_of_the_page(
    app: Flask, template: str, english: str, chinese: str
) -> None:
    for code, expected in (("en", english), ("zh", chinese)):
        with app.test_request_context(headers={"Cookie": f"language={code}"}):
            # When
            shown = render_template_string("{{ " + template + " }}")

            # Then
            assert shown == expected


def test_should_fill_values_into_a_text_as_text(app: Flask) -> None:
    # Given
    template = (
        "{{ _('Views of %(site)s', site='<b>') }} "
        "{% trans n=2 %}one{% pluralize %}{{ n }} views{% endtrans %}"
    )

    # When
    with app.test_request_context():
        shown = render_template_string(template)

    # Then
    assert shown == "Views of &lt;b&gt; 2 views"


def test_should_keep_language_and_theme_in_cookies_and_go_back(
    http_client: FlaskClient,
) -> None:
    # When
    answer = http_client.post(
        "/preferences",
        data={"language": "zh", "theme": "dark", "back": "/dashboard?period=7d"},
    )

    # Then
    assert (answer.status_code, answer.location) == (303, "/dashboard?period=7d")
    cookies = answer.headers.getlist("Set-Cookie")
    assert [cookie.partition(";")[0] for cookie in cookies] == [
        "language=zh",
        "theme=dark",
    ]
    assert all("HttpOnly" in each and "SameSite=Lax" in each for each in cookies)


@pytest.mark.parametrize(
    "back",
    ["", "https://evil.example/", "//evil.example", "/\\evil.example", "/\r\nX: y"],
)
def test_should_go_to_the_dashboard_when_the_page_to_go_back_to_is_elsewhere(
    http_client: FlaskClient, back: str
) -> None:
    # When
    answer = http_client.post(
        "/preferences", data={"language": "tlh", "theme": "<b>", "back": back}
    )

    # Then
    assert (answer.status_code, answer.location) == (303, "/dashboard")
    assert "Set-Cookie" not in answer.headers


def test_should_write_a_page_in_the_language_of_the_browser(
    http_client: FlaskClient,
) -> None:
    # When
    answer = http_client.get("/embed", headers={"Accept-Language": "zh-CN"})

    # Then
    assert '<html lang="zh-Hans">' in answer.text
    assert "统计您自己的页面" in answer.text
    assert {"Accept-Language", "Cookie"} <= set(answer.vary)
