"""The canonical form of sites, pages and referrers."""

from collections.abc import Callable
from time import process_time
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from page_tracker.tracking.canonical import (
    canonical_page,
    canonical_referrer,
    canonical_site,
    canonical_view,
)
from page_tracker.tracking.view import InvalidView, SentView

URL_PARTS = st.sampled_from(
    "/ // a B é 中 %41 %2F %2f %C3%A9 %ff %25 % %0A ? # #/ #! & = + ; utm_source ref "
    "index.html /index.htm http:// www. : @ . .. \ud800 \x00 \n".split(" ")
)
TEXTS = st.text() | st.lists(URL_PARTS).map("".join)
CANONICAL = [canonical_page, canonical_referrer, canonical_site]


@pytest.mark.parametrize("canonical", CANONICAL)
@given(text=TEXTS)
def test_should_change_nothing_when_a_text_is_canonical(
    canonical: Callable[[str], str], text: str
) -> None:
    # Given
    once = canonical(text)

    # When
    twice = canonical(once)

    # Then
    assert twice == once


@pytest.mark.parametrize("canonical", [canonical_page, canonical_referrer])
@given(text=TEXTS)
def test_should_never_become_longer_than_the_encoded_url(
    canonical: Callable[[str], str], text: str
) -> None:
    # Given
    in_url = quote(text, errors="surrogatepass")

    # When
    made = canonical(text)

    # Then
    assert len(made.encode(errors="surrogatepass")) <= len(f"/{in_url}")


@pytest.mark.parametrize(
    ("sent", "counted"),
    [
        ("/", "/"),
        ("/about", "/about"),
        ("about", "/about"),
        ("/about/", "/about"),
        ("/about/index.html", "/about"),
        ("/index.htm", "/"),
        ("//about///us", "/about/us"),
        ("https://example.org/about?a=1", "/about?a=1"),
        ("https://example.org", "/"),
        ("/a?b=2&a=1&b=1", "/a?a=1&b=1&b=2"),
        ("/a?", "/a"),
        ("/a?utm_source=x&UTM_Medium=y&id=3&fbclid=z&ref=w", "/a?id=3"),
        ("/a?%75tm_source=x", "/a"),
        ("/a#section", "/a"),
        ("/app#/inbox", "/app#/inbox"),
        ("/app#!inbox", "/app#!inbox"),
        ("/app#/inbox/", "/app#/inbox"),
        ("/app#/", "/app"),
        ("/app#!", "/app"),
        ("/%7euser/caf%c3%a9", "/~user/café"),
        ("/café", "/café"),
        ("/a%2fb", "/a%2Fb"),
        ("/a b", "/a%20b"),
        ("/100%", "/100%25"),
        ('/<script>"', "/%3Cscript%3E%22"),
        ("/About", "/About"),
    ],
)
def test_should_count_one_page_when_its_address_has_many_spellings(
    sent: str, counted: str
) -> None:
    # When
    view = canonical_view(SentView(site="example.org", page=sent))

    # Then
    assert view.page == counted


@pytest.mark.parametrize("canonical", CANONICAL)
@pytest.mark.parametrize("unit", [".", ":1", "/index.htm", "%41", "a=1&", "ü."])
def test_should_be_fast_when_a_text_is_made_to_be_slow(
    canonical: Callable[[str], str], unit: str
) -> None:
    # Given
    text = f"{2000 // len(unit) * unit}x"
    began = process_time()

    # When
    for _ in range(10):
        canonical(text)

    # Then
    assert process_time() - began < 0.1


@pytest.mark.parametrize(
    ("sent", "counted"),
    [
        ("Example.ORG", "example.org"),
        ("example.org.", "example.org"),
        ("example.org:8080", "example.org"),
        (" example.org ", "example.org"),
        ("bücher.example", "xn--bcher-kva.example"),
        ("my-blog", "my-blog"),
    ],
)
def test_should_count_one_site_when_its_host_has_many_spellings(
    sent: str, counted: str
) -> None:
    # When
    view = canonical_view(SentView(site=sent, page="/"))

    # Then
    assert view.site == counted


@pytest.mark.parametrize(
    ("sent", "counted"),
    [
        ("", ""),
        ("https://www.Google.com/", "google.com"),
        ("https://google.com/search?q=secret#x", "google.com/search"),
        ("https://me:password@b.org:81/a/", "b.org/a"),  # pragma: allowlist secret
        ("android-app://com.example.mail/", "com.example.mail"),
        ("Newsletter", "Newsletter"),
    ],
)
def test_should_remove_personal_parts_when_a_referrer_has_them(
    sent: str, counted: str
) -> None:
    # When
    view = canonical_view(SentView(site="example.org", page="/", referrer=sent))

    # Then
    assert view.referrer == counted


@pytest.mark.parametrize(
    ("page", "referrer", "campaign"),
    [
        ("/?utm_campaign=Spring+Sale&utm_source=news", "news", "Spring Sale"),
        ("/?utm_source=news%20letter", "news letter", "news letter"),
        ("/?ref=hn", "hn", ""),
        ("/?utm_campaign=a%00b", "", "a b"),
        ("/?utm_campaign=%ff", "", "\ufffd"),
        (f"/?utm_campaign={300 * 'a'}", "", 256 * "a"),
    ],
)
def test_should_find_the_campaign_when_the_link_names_it(
    page: str, referrer: str, campaign: str
) -> None:
    # When
    view = canonical_view(SentView(site="example.org", page=page))

    # Then
    assert (view.page, view.referrer, view.campaign) == ("/", referrer, campaign)


def test_should_use_the_referrer_of_the_browser_when_the_link_names_another() -> None:
    # When
    view = canonical_view(
        SentView(
            site="example.org", page="/?ref=other", referrer="https://example.net/"
        )
    )

    # Then
    assert view.referrer == "example.net"


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"page": ""}, "page: is required; send its path, for example /about"),
        ({"page": "/\x00"}, r"page: has the control character '\x00'"),
        ({"page": "/%0a"}, r"page: has the control character '\n'"),
        ({"page": "/%c2%85"}, r"page: has the control character '\x85'"),
        ({"page": "/%ff"}, "page: its escapes are not UTF-8"),
        ({"page": "/\ud800"}, "page: is not valid Unicode"),
        ({"page": "/" + 2048 * "a"}, "page: has 2049 bytes; the limit is 2048"),
        ({"page": "/" + 1024 * "é"}, "page: has 2049 bytes; the limit is 2048"),
        ({"page": "/" + 700 * '"'}, "page: has 2101 bytes; the limit is 2048"),
        ({"title": "a\nb"}, r"title: has the control character '\n'"),
        ({"title": 513 * "é"}, "title: has 513 characters; the limit is 512"),
        ({"referrer": 2049 * "a"}, "referrer: has 2049 bytes; the limit is 2048"),
        ({"event": 257 * "a"}, "event: has 257 bytes; the limit is 256"),
        ({"id": "short"}, "id: use 8 to 64 of A-Z, a-z, 0-9, - and _"),
        ({"id": "12345678\n"}, "id: use 8 to 64 of A-Z, a-z, 0-9, - and _"),
        (
            {"page": "https://other.example/about"},
            "page: is not on example.org; send its path, for example /about",
        ),
        (
            {"site": ""},
            "site: '' is not a valid site: use its host, for example example.org",
        ),
        (
            {"site": "a b"},
            "site: 'a b' is not a valid site: use its host, for example example.org",
        ),
        (
            {"site": "a{b}"},
            "site: 'a{b}' is not a valid site: use its host, for example example.org",
        ),
    ],
)
def test_should_give_the_reason_when_a_view_is_invalid(
    fields: dict[str, str], reason: str
) -> None:
    # When
    with pytest.raises(InvalidView) as refusal:
        canonical_view(SentView(**{"site": "example.org", "page": "/"} | fields))

    # Then
    assert str(refusal.value) == reason


@given(site=TEXTS, page=TEXTS, referrer=TEXTS, title=TEXTS)
def test_should_accept_the_view_or_give_a_reason_when_texts_are_arbitrary(
    site: str, page: str, referrer: str, title: str
) -> None:
    # When
    try:
        view = canonical_view(
            SentView(site=site, page=page, referrer=referrer, title=title)
        )
    except InvalidView as refusal:
        # Then
        assert str(refusal).isprintable()
    else:
        assert view.page.startswith("/")
        assert " " not in view.page
