"""The hosts that embed a dashboard, its secrets, and the stars of its owner."""

import pytest

from page_tracker.tracking.sites import SiteError, make_site


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("Example.org", "example.org"),
        ("https://www.example.org:8443/about?x=1", "www.example.org:8443"),
        ("https://example.org:443/", "example.org"),
        ("localhost:9000", "localhost:9000"),
        ("https://user:1@example.org/", "example.org"),
        ("münchen.example", "xn--mnchen-3ya.example"),
    ],
)
def test_should_keep_a_host_as_a_policy_has_it(given: str, kept: str) -> None:
    # Then
    assert make_site("a.org", frames=(given, given)).frames == (kept,)


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("frames", ("a.org; script-src *",), "is not a valid site"),
        ("frames", ("*",), "is not a valid site"),
        ("frames", ("a.org:70000",), "70000 is not a port"),
        ("frames", tuple(f"{n}.org" for n in range(21)), "at most 20 hosts"),
        ("starred", tuple(map(str, range(13))), "at most 12 events and pages"),
        ("starred", ("x" * 501,), "too long for a star"),
        ("starred", ("a\nb",), "has a control character"),
        ("dashboard", "open", "private or public"),
        ("link", "secret", "not a SHA-256"),
    ],
)
def test_should_name_the_field_when_a_setting_is_invalid(
    field: str, value: object, message: str
) -> None:
    # When
    with pytest.raises(SiteError, match=message) as raised:
        make_site("a.org", **{field: value})

    # Then
    assert raised.value.field == field


def test_should_keep_stars_in_order_and_pages_as_they_are_counted() -> None:
    # When
    site = make_site("a.org", starred=("Sign up", "/thanks/", "https://a.org/x", ""))

    # Then
    assert site.starred == ("Sign up", "/thanks", "/x")
