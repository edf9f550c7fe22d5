"""Settings of how sites are counted, and what is said when they will not do."""

from ipaddress import ip_network
from pathlib import Path

import pytest

from page_tracker.settings import SettingsError, load_settings
from page_tracker.tracking.site import SiteError, sites_of_settings


def test_should_take_every_value_from_the_environment(tmp_path: Path) -> None:
    # Given
    spam = tmp_path / "spam.txt"
    spam.write_text("spam.example\n")

    # When
    settings = load_settings(
        {
            "PAGE_TRACKER_SITES": "example.org",
            "PAGE_TRACKER_ANY_SITE": "5",
            "PAGE_TRACKER_PROXIES": "10.0.0.0/8, ::1",
            "PAGE_TRACKER_OWN": "192.0.2.7",
            "PAGE_TRACKER_PRIVACY_SIGNAL": "skip",
            "PAGE_TRACKER_SPAM_REFERRERS": str(spam),
            "PAGE_TRACKER_RATE": "0",
            "PAGE_TRACKER_MAX_PAGES": "20",
            "PAGE_TRACKER_MAX_VALUES": "30",
            "PAGE_TRACKER_TOKEN": "0123456789abcdef",
            "PAGE_TRACKER_SCRIPT": "hello.js",
            "PAGE_TRACKER_ENDPOINT": "stats/hello",
        }
    )

    # Then
    assert settings.sites == "example.org"
    assert settings.any_site == 5
    assert settings.proxies == (ip_network("10.0.0.0/8"), ip_network("::1"))
    assert settings.own == (ip_network("192.0.2.7"),)
    assert settings.privacy_signal == "skip"
    assert settings.spam_referrers == spam
    assert (settings.rate, settings.max_pages, settings.max_values) == (0, 20, 30)
    assert settings.token == "0123456789abcdef"
    assert (settings.script, settings.endpoint) == ("hello.js", "stats/hello")


@pytest.mark.parametrize(
    ("name", "value", "complaint"),
    [
        (
            "PROXIES",
            "10.0.0.1/8",
            "PAGE_TRACKER_PROXIES is '10.0.0.1/8': 10.0.0.1/8 has host bits set; use "
            "addresses and ranges, for example 10.0.0.0/8, 192.0.2.7",
        ),
        (
            "OWN",
            "home",
            "PAGE_TRACKER_OWN is 'home': 'home' does not appear to be an IPv4 or IPv6 "
            "network; use addresses and ranges, for example 10.0.0.0/8, 192.0.2.7",
        ),
        (
            "RATE",
            "-1",
            "PAGE_TRACKER_RATE is '-1': use a whole number, 0 to 1000000",
        ),
        (
            "MAX_PAGES",
            "many",
            "PAGE_TRACKER_MAX_PAGES is 'many': use a whole number, 1 to 10000000",
        ),
        (
            "SPAM_REFERRERS",
            "/nowhere",
            "PAGE_TRACKER_SPAM_REFERRERS is '/nowhere': No such file or directory; "
            "name a readable file that holds the domains",
        ),
        (
            "SCRIPT",
            "../x.js",
            "PAGE_TRACKER_SCRIPT is '../x.js': use a path of A-Z, a-z, 0-9, ., _ and "
            "-, for example stats/hello.js",
        ),
        (
            "ENDPOINT",
            "health",
            "PAGE_TRACKER_ENDPOINT is 'health': this name is taken; use another, for "
            "example stats/hello.js",
        ),
        ("TOKEN", "secret", "PAGE_TRACKER_TOKEN: use at least 16 characters"),
    ],
)
def test_should_say_what_would_do_when_a_value_is_bad(
    name: str, value: str, complaint: str
) -> None:
    # When
    with pytest.raises(SettingsError) as error:
        load_settings({f"PAGE_TRACKER_{name}": value})

    # Then
    said = str(error.value)
    assert said.lower().replace("posixpath('/nowhere')", "'/nowhere'") == (
        complaint.lower()
    )


def test_should_read_the_token_from_a_file(tmp_path: Path) -> None:
    # Given
    file = tmp_path / "token"
    file.write_text("0123456789abcdef\n")

    # When
    settings = load_settings({"PAGE_TRACKER_TOKEN_FILE": str(file)})

    # Then
    assert settings.token == "0123456789abcdef"


def test_should_not_show_a_token_that_will_not_do(tmp_path: Path) -> None:
    # Given
    file = tmp_path / "token"
    file.write_text("hunter2")

    # When
    with pytest.raises(SettingsError) as error:
        load_settings({"PAGE_TRACKER_TOKEN_FILE": str(file)})

    # Then
    assert str(error.value) == "PAGE_TRACKER_TOKEN_FILE: use at least 16 characters"


def test_should_read_sites_with_their_time_zones() -> None:
    # When
    sites = sites_of_settings(" Example.org , blog.example.org = Europe/Berlin,")

    # Then
    assert [(site.name, site.time_zone) for site in sites] == [
        ("example.org", "UTC"),
        ("blog.example.org", "Europe/Berlin"),
    ]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("a b", "'a b' is no site: use its host, as in example.org"),
        ("a.org=Mars", "'Mars' is no time zone: use one as Europe/Berlin"),
    ],
)
def test_should_say_why_a_site_can_not_be_registered(text: str, reason: str) -> None:
    # When
    with pytest.raises(SiteError) as error:
        sites_of_settings(text)

    # Then
    assert str(error.value) == reason
