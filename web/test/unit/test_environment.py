"""Settings from the environment, and the message for each invalid one."""

from importlib.resources import files
from ipaddress import ip_network
from pathlib import Path

import pytest

from page_tracker.environment import SettingsError, load_settings
from page_tracker.settings import Settings
from page_tracker.tracking.sites import make_site
from page_tracker.tracking.spam import spam_domains


def test_should_have_production_defaults_when_nothing_is_set() -> None:
    # When
    settings = load_settings({})

    # Then
    assert settings == Settings()
    assert settings.profile == "production"
    assert settings.redis_url is None
    assert settings.bind == "127.0.0.1:8000"
    assert (settings.workers, settings.threads) == (2, 16)
    assert (settings.log_format, settings.log_level) == ("auto", "info")


VALUES: dict[str, tuple[str, object]] = {
    "REDIS_URL": ("redis://redis-service:6379", "redis://redis-service:6379"),
    "PAGE_TRACKER_PROFILE": ("testing", "testing"),
    "PAGE_TRACKER_BIND": ("[::]:9000", "[::]:9000"),
    "PAGE_TRACKER_DATA": ("/data", Path("/data")),
    "PAGE_TRACKER_REDIS_MEMORY": ("1GB", "1gb"),
    "PAGE_TRACKER_WORKERS": ("3", 3),
    "PAGE_TRACKER_THREADS": ("16", 16),
    "PAGE_TRACKER_RELOAD": ("yes", True),
    "PAGE_TRACKER_LOG_FORMAT": ("text", "text"),
    "PAGE_TRACKER_LOG_LEVEL": ("info, redis=error", "info, redis=error"),
    "PAGE_TRACKER_COMMIT": ("1234567", "1234567"),
    "PAGE_TRACKER_SITES": (
        " Example.org , blog.example.org = Europe/Berlin,",
        (
            make_site("example.org"),
            make_site("blog.example.org", time_zone="Europe/Berlin"),
        ),
    ),
    "PAGE_TRACKER_ANY_SITE": ("5", 5),
    "PAGE_TRACKER_PROXIES": (
        "10.0.0.0/8, ::1",
        (ip_network("10.0.0.0/8"), ip_network("::1")),
    ),
    "PAGE_TRACKER_OWN": ("::ffff:192.0.2.7", (ip_network("192.0.2.7"),)),
    "PAGE_TRACKER_PRIVACY_SIGNAL": ("skip", "skip"),
    "PAGE_TRACKER_SPAM_REFERRERS": (
        str(files("page_tracker.tracking") / "spam_referrers.txt"),
        tuple(sorted(spam_domains())),
    ),
    "PAGE_TRACKER_RATE": ("0", 0),
    "PAGE_TRACKER_SITE_RATE": ("7", 7),
    "PAGE_TRACKER_MAX_PAGES": ("20", 20),
    "PAGE_TRACKER_MAX_VALUES": ("30", 30),
    "PAGE_TRACKER_TOKEN": ("has=in the=middle", "has=in the=middle"),
    "PAGE_TRACKER_SCRIPT": ("hello.js", "hello.js"),
    "PAGE_TRACKER_ENDPOINT": ("stats/hello", "stats/hello"),
    "PAGE_TRACKER_URL": ('HTTPS://é.example/a"/', "https://xn--9ca.example/a%22"),
}


def test_should_read_every_value_from_the_environment() -> None:
    # When
    settings = load_settings({name: text for name, (text, _) in VALUES.items()})

    # Then
    for name, (_, value) in VALUES.items():
        field = name.removeprefix("PAGE_TRACKER_").lower()
        assert getattr(settings, field) == value, name


@pytest.mark.parametrize(
    ("profile", "log_format", "log_level", "reload"),
    [
        ("development", "text", "debug", True),
        ("testing", "text", "warning", False),
        ("production", "auto", "info", False),
    ],
)
def test_should_start_from_the_profile(
    profile: str, log_format: str, log_level: str, reload: bool
) -> None:
    # When
    settings = load_settings({"PAGE_TRACKER_PROFILE": profile})

    # Then
    assert settings.log_format == log_format
    assert settings.log_level == log_level
    assert settings.reload == reload


def test_should_prefer_the_variable_to_the_profile_when_they_differ() -> None:
    # When
    settings = load_settings(
        {"PAGE_TRACKER_PROFILE": "development", "PAGE_TRACKER_LOG_FORMAT": "json"}
    )

    # Then
    assert settings.log_format == "json"


def test_should_treat_an_empty_variable_as_unset() -> None:
    # Then
    assert load_settings({"PAGE_TRACKER_WORKERS": "", "REDIS_URL": ""}) == Settings()


@pytest.mark.parametrize(
    ("name", "value", "what_is_valid"),
    [
        ("PAGE_TRACKER_PROFILE", "prod", "'production'"),
        ("PAGE_TRACKER_WORKERS", "many", "whole number, 1 to 64"),
        ("PAGE_TRACKER_WORKERS", "0", "whole number, 1 to 64"),
        ("PAGE_TRACKER_THREADS", "65", "whole number, 1 to 64"),
        ("PAGE_TRACKER_RELOAD", "perhaps", "yes or no"),
        ("PAGE_TRACKER_LOG_FORMAT", "xml", "'json' or 'text'"),
        ("PAGE_TRACKER_LOG_LEVEL", "loud", "'loud' is not a level; use debug, info, "),
        ("PAGE_TRACKER_LOG_LEVEL", "info, redis=", "'' is not a level; use debug, inf"),
        ("PAGE_TRACKER_LOG_LEVEL", "stor=info", "'stor' is not a logger; use one of p"),
        ("PAGE_TRACKER_REDIS_MEMORY", "much", "use a size from 16mb to 1000gb, for"),
        ("PAGE_TRACKER_REDIS_MEMORY", "1.5gb", "use a size from 16mb to 1000gb, for"),
        ("PAGE_TRACKER_REDIS_MEMORY", "0", "use a size from 16mb to 1000gb, for"),
        ("PAGE_TRACKER_REDIS_MEMORY", "128", "use a size from 16mb to 1000gb, for"),
        ("PAGE_TRACKER_REDIS_MEMORY", "9999999gb", "use a size from 16mb to 1000gb"),
        ("PAGE_TRACKER_BIND", "8000", "HOST:PORT"),
        ("PAGE_TRACKER_BIND", ":8000", "HOST:PORT"),
        ("PAGE_TRACKER_BIND", "::1:8000", "[::]:8000"),
        ("PAGE_TRACKER_BIND", "http://localhost:8000", "HOST:PORT"),
        ("PAGE_TRACKER_BIND", "localhost:http", "HOST:PORT"),
        ("PAGE_TRACKER_BIND", "localhost:65536", "HOST:PORT"),
        ("PAGE_TRACKER_URL", "counter.example", "such as https://counter.example"),
        ("PAGE_TRACKER_URL", "ftp://counter.example", "use an address such as https:"),
        ("PAGE_TRACKER_URL", "https://", "use an address such as https:"),
        ("PAGE_TRACKER_URL", "https://a b.example", "use an address such as https:"),
        ("PAGE_TRACKER_URL", "https://[1:2]", "use an address such as https:"),
        ("PAGE_TRACKER_URL", "https://a.example:99999", "use an address such as https"),
        ("PAGE_TRACKER_URL", "https://me@a.example", "use an address such as https:"),
        ("PAGE_TRACKER_URL", "https://a.example/?b", "use an address such as https:"),
        ("PAGE_TRACKER_URL", "https://a.example/#b", "use an address such as https:"),
        ("PAGE_TRACKER_PROXIES", "10.0.0.1/8", "use addresses and ranges, "),
        ("PAGE_TRACKER_OWN", "home", "use addresses and ranges, "),
        ("PAGE_TRACKER_RATE", "-1", "use a whole number, 0 to 1000000"),
        ("PAGE_TRACKER_MAX_PAGES", "many", "use a whole number, 1 to 10000000"),
        (
            "PAGE_TRACKER_SPAM_REFERRERS",
            "/nowhere",
            "name a readable file that holds the domains",
        ),
        ("PAGE_TRACKER_SITES", "a b", "'a b' is not a valid site: use its host"),
        ("PAGE_TRACKER_SITES", "a.org=Mars", "'Mars' is not a time zone: use a place"),
        ("PAGE_TRACKER_FLAGS", "/nowhere", "name a readable file of flags"),
        ("PAGE_TRACKER_FLAGS", __file__, "JSON: "),
        ("PAGE_TRACKER_SCRIPT", "../x.js", "use a path of A-Z, a-z, 0-9"),
        ("PAGE_TRACKER_ENDPOINT", "health", "this name is taken; use another, "),
    ],
)
def test_should_name_the_variable_and_what_is_valid_when_a_value_is_invalid(
    name: str, value: str, what_is_valid: str
) -> None:
    # When
    with pytest.raises(SettingsError) as error:
        load_settings({name: value})

    # Then
    message = str(error.value)
    assert message.startswith(f"{name} is '{value}': ")
    assert what_is_valid in message
    assert "\n" not in message


def test_should_name_every_invalid_variable_in_one_line() -> None:
    # When
    with pytest.raises(SettingsError) as error:
        load_settings({"PAGE_TRACKER_WORKERS": "x", "PAGE_TRACKER_LOG_FORMAT": "y"})

    # Then
    assert "PAGE_TRACKER_WORKERS" in str(error.value)
    assert "PAGE_TRACKER_LOG_FORMAT" in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("PAGE_TRACKER_WORKER", "PAGE_TRACKER_WORKERS"),
        ("PAGE_TRACKER_LOGLEVEL", "PAGE_TRACKER_LOG_LEVEL"),
        ("PAGE_TRACKER_REDIS_URL", "REDIS_URL"),
        ("PAGE_TRACKER_DOMIAN", "PAGE_TRACKER_DOMAIN"),
    ],
)
def test_should_suggest_the_right_name_when_a_name_is_misspelt(
    name: str, meant: str
) -> None:
    # Then
    with pytest.raises(SettingsError, match=f"^{name} .* did you mean {meant}"):
        load_settings({name: "4"})


def test_should_accept_the_variables_that_compose_and_kubernetes_set() -> None:
    # Given
    environment = {
        "PAGE_TRACKER_PORT": "tcp://10.0.0.1:80",
        "PAGE_TRACKER_IMAGE": "page-tracker:ci",
        "PAGE_TRACKER_PROXY_IMAGE": "page-tracker-proxy:ci",
        "PAGE_TRACKER_SECRETS": "./secrets",
        "PAGE_TRACKER_SERVICE_HOST": "10.0.0.1",
        "PAGE_TRACKER_PORT_80_TCP_PROTO": "tcp",
    }

    # Then
    assert load_settings(environment) == Settings()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("REDIS_URL", "redis://:swordfish@redis-service:6379"),
        ("PAGE_TRACKER_TOKEN", "0123456789abcdef"),
    ],
)
def test_should_read_a_secret_from_a_file(
    tmp_path: Path, name: str, value: str
) -> None:
    # Given
    secret = tmp_path / "secret"
    secret.write_text(f"{value}\n", encoding="utf-8")

    # When
    settings = load_settings({f"{name}_FILE": str(secret)})

    # Then
    assert value in (settings.redis_url, settings.token)


@pytest.mark.parametrize(
    ("content", "reason"),
    [(None, "No such file"), (b"", "empty"), (b"\xff\xfe", "not UTF-8")],
)
def test_should_say_why_the_file_of_the_redis_url_is_invalid(
    tmp_path: Path, content: bytes | None, reason: str
) -> None:
    # Given
    secret = tmp_path / "redis_url"
    if content is not None:
        secret.write_bytes(content)

    # Then
    with pytest.raises(SettingsError, match=f"^REDIS_URL_FILE is .*{reason}"):
        load_settings({"REDIS_URL_FILE": str(secret)})


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("REDIS_URL", "http://:swordfish@localhost", "it cannot start with http://"),
        ("PAGE_TRACKER_TOKEN", "swordfish", "use at least 16 characters"),
        ("PAGE_TRACKER_TOKEN", 16 * "a", "use at least 8 different characters; make"),
        ("PAGE_TRACKER_TOKEN", "pässword-swordfish", "a header cannot hold it; use at"),
        ("PAGE_TRACKER_TOKEN", "has-a\ttab-swordfish", "a header cannot hold it"),
        ("PAGE_TRACKER_TOKEN", "0123456789abcdef\nfish", "use at least 16 characters"),
        ("PAGE_TRACKER_TOKEN", 3 * "0123456789abcdef\n", "use at most 2 tokens, one a"),
        ("PAGE_TRACKER_TOKEN", 65 * "swordfish-123456", "a header cannot hold it"),
    ],
)
def test_should_name_the_file_and_not_the_secret_when_the_secret_is_invalid(
    tmp_path: Path, name: str, value: str, reason: str
) -> None:
    # Given
    secret = tmp_path / "secret"
    secret.write_text(value, encoding="utf-8")

    # When
    with pytest.raises(SettingsError, match=f"^{name}_FILE: {reason}") as error:
        load_settings({f"{name}_FILE": str(secret)})

    # Then
    assert "swordfish" not in str(error.value)


def test_should_refuse_two_redis_urls(tmp_path: Path) -> None:
    # Then
    with pytest.raises(SettingsError, match="REDIS_URL and REDIS_URL_FILE"):
        load_settings(
            {"REDIS_URL": "redis://a", "REDIS_URL_FILE": str(tmp_path / "url")}
        )
