"""The canonical form of sites, pages and referrers."""

from collections.abc import Callable
from hashlib import blake2b
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


def test_should_keep_sources_apart_when_a_text_has_the_bytes_of_another() -> None:
    # Given: in memory, Python has the same bytes for both
    honest = "https://twins.example/"
    twin = honest.encode().decode("utf-16-le")

    # When
    sources = [canonical_referrer(text) for text in (twin, honest)]

    # Then
    assert hash(twin) == hash(honest)
    assert sources[1] == "twins.example"


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
        ("/caf%E9", "/caf%E9"),
        ("/caf%e9", "/caf%E9"),
        ("/caf\udce9", "/caf%E9"),
        ("/a%0A", "/a%0A"),
        ("/a\x00b", "/a%00b"),
        (" /a\tb\r\n", "/ab"),
        ("/\ud83c", "/\N{REPLACEMENT CHARACTER}"),
        (f"/land?gclid={2100 * 'x'}", "/land"),
        ("/a?from=singlemessage&%66rom=group%6Dessage", "/a"),
        ("/a?from=singlemessage&from=here", "/a?from=here"),
        (f"/land?{2100 * 'x'}=1", f"/land?{495 * 'x'}"),
        ("/a?b=1&amp;a=2&amp;amp;utm_source=x", "/a?a=2&b=1"),
        ("/?x=1&amp%3Butm_source=n&AMP;a=2", "/?a=2&x=1"),
        ("/#/a/?utm_source=x", "/#/a"),
        ("/#//a/index.html", "/#/a"),
        ("/#/?b=2&a=1", "/#/?a=1&b=2"),
        ("/#!a/?b=2&fbclid=x#section", "/#!a?b=2"),
        ("/mood/🫨", "/mood/🫨"),
        ("/mood/%F0%9F%AB%A8", "/mood/🫨"),
        ("/می\u200cخواهم", "/می\u200cخواهم"),
        ("/a\u200c", "/a%E2%80%8C"),
        ("/a\u202e", "/a%E2%80%AE"),
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
        ("https://Example.org:8080/about?a=1", "example.org"),
        ("//me@example.org", "example.org"),
        ("example.org/about", "example.org"),
        ("i❤.ws", "xn--i-7iq.ws"),
        ("faß.example", "xn--fa-hia.example"),
        ("ＥＸＡＭＰＬＥ．ｏｒｇ", "example.org"),
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
        ("News\nletter \x92", "News letter"),
        ("google.com/search?q=secret", "google.com/search"),
        ("//google.com", "google.com"),
        ("null", ""),
        ("about:blank", ""),
        ("undefined", ""),
        ("https://undefined/", ""),
        ("chrome://newtab", ""),
        ("mailto:me@example.net", ""),
        ("HTTPS://Example.net/a", "example.net/a"),
        ("Newsletter: May", "Newsletter: May"),
        ("blob:https://example.net/6d21", ""),
        ("file:///home/me/secret.html", ""),
        ("(other)", ""),
        ("https://example.net/\ud83c", "example.net/\N{REPLACEMENT CHARACTER}"),
        (f"https://example.net/{3000 * 'a'}", "example.net"),
        (300 * "a", 256 * "a"),
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
        ("/?a=1&amp;utm_source=news", "news", "news"),
        ("/#/?utm_source=news", "news", "news"),
        ("/?utm_source=(direct)", "", ""),
    ],
)
def test_should_find_the_campaign_when_the_link_names_it(
    page: str, referrer: str, campaign: str
) -> None:
    # When
    view = canonical_view(SentView(site="example.org", page=page))

    # Then
    assert view.page in ("/", "/?a=1")
    assert (view.referrer, view.campaign) == (referrer, campaign)


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
    ("field", "sent", "counted"),
    [
        ("title", "a\nb\x00c", "a b c"),
        ("title", "Half \ud83c", "Half \N{REPLACEMENT CHARACTER}"),
        ("title", "می\u200cخواهم 👨\u200d👩", "می\u200cخواهم 👨\u200d👩"),
        ("title", 3000 * "é", 128 * "é"),
        ("event", "sign\tup ", "sign up"),
        ("event", 300 * "a", 256 * "a"),
        ("event", "(Other)", "Other"),
        ("event", "（other）", "other"),
        ("id", "12345678", "12345678"),
        ("id", "", ""),
        ("host", "www.Example.org:80", "www.example.org"),
    ],
)
def test_should_clean_and_cut_a_field_when_its_text_is_unusual(
    field: str, sent: str, counted: str
) -> None:
    # When
    view = canonical_view(SentView(**{"site": "example.org", "page": "/", field: sent}))

    # Then
    assert view._asdict()[field] == counted


@pytest.mark.parametrize("sent", ["a:b", "1 2", 65 * "a", "\ud83c", "id\r\n"])
def test_should_make_an_id_of_any_text_when_it_is_no_id(sent: str) -> None:
    # When
    ids = [
        canonical_view(SentView("example.org", "/", id=text)).id
        for text in (sent, sent, f"{sent}x")
    ]

    # Then
    assert ids[0] == ids[1] != ids[2]
    assert all(len(made) == 64 and made.isalnum() for made in ids)


def test_should_spell_characters_alike_when_python_is_another() -> None:
    # When: a later Python knows more characters, and an older one fewer
    spelt = "".join(
        canonical_page("".join(map(chr, range(start, start + 256))))
        for start in range(0, 0x110000, 256)
    )

    # Then
    found = blake2b(spelt.encode(), digest_size=8).hexdigest()
    assert found == "2689ab783e059467", "pages that are counted would get other names"


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"page": ""}, "page: is required; send its path, for example /about"),
        ({"page": " \n"}, "page: is required; send its path, for example /about"),
        ({"event": "\x00"}, "event: is empty; name what happened, for example signup"),
        ({"site": ""}, "site: '' is not a valid site: use its host, for example {}"),
        (
            {"site": "a b"},
            "site: 'a b' is not a valid site: use its host, for example {}",
        ),
        (
            {"site": "a{b}"},
            "site: 'a{b}' is not a valid site: use its host, for example {}",
        ),
    ],
)
def test_should_give_the_reason_when_a_view_names_no_page_of_a_site(
    fields: dict[str, str], reason: str
) -> None:
    # When
    with pytest.raises(InvalidView) as refusal:
        canonical_view(SentView(**{"site": "example.org", "page": "/"} | fields))

    # Then
    assert str(refusal.value) == reason.replace("{}", "example.org")


@given(texts=st.tuples(*6 * [TEXTS]))
def test_should_accept_a_view_when_all_but_its_site_is_arbitrary(
    texts: tuple[str, ...],
) -> None:
    # Given
    page, referrer, title, event, id_, host = texts

    # When
    view = canonical_view(
        SentView("example.org", f"/{page}", referrer, title, event and "e", id_, host)
    )

    # Then
    assert view.page.startswith("/")
    for text in view:
        assert text.encode().decode() == text
        assert text == " ".join(text.split())


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


@pytest.mark.parametrize(
    "sent",
    [
        "(other)",
        " (Direct) ",
        "(INTERNAL)",
        "( unknown )",
        "（other）",
        "(other)\u200b",
        "\ufe0f(\u200dother)",
        "(𝐨th\tEr)",
    ],
)
def test_should_keep_our_own_names_when_a_view_has_one_that_reads_alike(
    sent: str,
) -> None:
    # When
    view = canonical_view(
        SentView(
            "example.org",
            f"/?utm_campaign={sent}",
            referrer=sent,
            title=sent,
            event=sent,
            host=sent,
        )
    )
    from_link = canonical_view(SentView("example.org", f"/?utm_source={sent}"))

    # Then
    assert (view.referrer, view.campaign, view.title, view.host) == ("", "", "", "")
    assert (from_link.referrer, from_link.campaign) == ("", "")
    assert view.event and not set(view.event) & set("()（）")
