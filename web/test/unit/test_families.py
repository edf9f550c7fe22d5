"""Browsers and systems that people call the same have one name."""

import pytest

from page_tracker.tracking.families import family_of


@pytest.mark.parametrize(
    ("name", "family"),
    [
        ("Safari", "Safari"),
        ("Mobile Safari", "Safari"),
        ("Mobile Safari UI/WKWebView", "Safari"),
        ("Chrome Mobile", "Chrome"),
        ("Chrome Mobile WebView", "Chrome"),
        ("Chrome Mobile iOS", "Chrome"),
        ("Firefox iOS", "Firefox"),
        ("Firefox Beta", "Firefox"),
        ("Firefox (Shiretoko)", "Firefox"),
        ("Edge Mobile", "Edge"),
        ("Opera Mobile", "Opera"),
        ("Opera Mini", "Opera Mini"),
        ("IE Mobile", "IE"),
        ("DuckDuckGo Mobile", "DuckDuckGo"),
        ("Samsung Internet", "Samsung Internet"),
        ("Mac OS X", "macOS"),
        ("Ubuntu", "Linux"),
        ("iOS", "iOS"),
        ("Windows Mobile", "Windows Mobile"),
        ("Chrome OS", "Chrome OS"),
        ("(other)", "(other)"),
        ("(unknown)", "(unknown)"),
    ],
)
def test_should_name_the_family_when_a_browser_or_system_has_variants(
    name: str, family: str
) -> None:
    # When
    found = family_of(name)

    # Then
    assert found == family
