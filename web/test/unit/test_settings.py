"""Settings from the environment, and what is said when they will not do."""

from ipaddress import ip_network
from pathlib import Path

import pytest
from flask import Flask

from page_tracker.settings import FIELDS, TAKEN, Settings, SettingsError, load_settings
from page_tracker.tracking.sites import SiteError, sites_of_settings


def test_should_have_production_defaults_when_nothing_is_set() -> None:
    # When
    settings = load_settings({})

    # Then
    assert settings == Settings()
    assert settings.profile == "production"
    assert settings.redis_url is None
    assert settings.bind == "127.0.0.1:8000"
    assert (settings.workers, settings.threads) == (2, 16)
    assert (settings.log_format, settings.log_level) == ("json", "info")


VALUES: dict[str, tuple[str, object]] = {
    "REDIS_URL": ("redis://redis-service:6379", "redis://redis-service:6379"),
    "PAGE_TRACKER_PROFILE": ("testing", "testing"),
    "PAGE_TRACKER_BIND": ("[::]:9000", "[::]:9000"),
    "PAGE_TRACKER_DATA": ("/data", Path("/data")),
    "PAGE_TRACKER_WORKERS": ("3", 3),
    "PAGE_TRACKER_THREADS": ("16", 16),
    "PAGE_TRACKER_RELOAD": ("yes", True),
    "PAGE_TRACKER_LOG_FORMAT": ("text", "text"),
    "PAGE_TRACKER_LOG_LEVEL": ("error", "error"),
    "PAGE_TRACKER_COMMIT": ("1234567", "1234567"),
    "PAGE_TRACKER_SITES": ("example.org", "example.org"),
    "PAGE_TRACKER_ANY_SITE": ("5", 5),
    "PAGE_TRACKER_PROXIES": (
        "10.0.0.0/8, ::1",
        (ip_network("10.0.0.0/8"), ip_network("::1")),
    ),
    "PAGE_TRACKER_OWN": ("192.0.2.7", (ip_network("192.0.2.7"),)),
    "PAGE_TRACKER_PRIVACY_SIGNAL": ("skip", "skip"),
    "PAGE_TRACKER_SPAM_REFERRERS": (__file__, Path(__file__)),
    "PAGE_TRACKER_RATE": ("0", 0),
    "PAGE_TRACKER_MAX_PAGES": ("20", 20),
    "PAGE_TRACKER_MAX_VALUES": ("30", 30),
    "PAGE_TRACKER_TOKEN": ("0123456789abcdef", "0123456789abcdef"),
    "PAGE_TRACKER_SCRIPT": ("hello.js", "hello.js"),
    "PAGE_TRACKER_ENDPOINT": ("stats/hello", "stats/hello"),
}


def test_should_take_every_value_from_the_environment() -> None:
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
        ("production", "json", "info", False),
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


def test_should_prefer_the_variable_when_the_profile_differs() -> None:
    # When
    settings = load_settings(
        {"PAGE_TRACKER_PROFILE": "development", "PAGE_TRACKER_LOG_FORMAT": "json"}
    )

    # Then
    assert settings.log_format == "json"


def test_should_take_an_empty_variable_for_an_unset_one() -> None:
    # Then
    assert load_settings({"PAGE_TRACKER_WORKERS": "", "REDIS_URL": ""}) == Settings()


@pytest.mark.parametrize(
    ("name", "value", "what_would_do"),
    [
        ("PAGE_TRACKER_PROFILE", "prod", "'production'"),
        ("PAGE_TRACKER_WORKERS", "many", "whole number, 1 to 64"),
        ("PAGE_TRACKER_WORKERS", "0", "whole number, 1 to 64"),
        ("PAGE_TRACKER_THREADS", "65", "whole number, 1 to 64"),
        ("PAGE_TRACKER_RELOAD", "perhaps", "yes or no"),
        ("PAGE_TRACKER_LOG_FORMAT", "xml", "'json' or 'text'"),
        ("PAGE_TRACKER_LOG_LEVEL", "loud", "'debug', 'info'"),
        ("PAGE_TRACKER_BIND", "8000", "HOST:PORT"),
        ("PAGE_TRACKER_BIND", ":8000", "HOST:PORT"),
        ("PAGE_TRACKER_BIND", "::1:8000", "[::]:8000"),
        ("PAGE_TRACKER_BIND", "http://localhost:8000", "HOST:PORT"),
        ("PAGE_TRACKER_BIND", "localhost:http", "HOST:PORT"),
        ("PAGE_TRACKER_BIND", "localhost:65536", "HOST:PORT"),
        ("PAGE_TRACKER_PROXIES", "10.0.0.1/8", "use addresses and ranges, "),
        ("PAGE_TRACKER_OWN", "home", "use addresses and ranges, "),
        ("PAGE_TRACKER_RATE", "-1", "use a whole number, 0 to 1000000"),
        ("PAGE_TRACKER_MAX_PAGES", "many", "use a whole number, 1 to 10000000"),
        (
            "PAGE_TRACKER_SPAM_REFERRERS",
            "/nowhere",
            "name a readable file that holds th",
        ),
        ("PAGE_TRACKER_SCRIPT", "../x.js", "use a path of A-Z, a-z, 0-9"),
        ("PAGE_TRACKER_ENDPOINT", "health", "this name is taken; use another, "),
    ],
)
def test_should_name_the_variable_and_what_would_do_when_a_value_is_bad(
    name: str, value: str, what_would_do: str
) -> None:
    # When
    with pytest.raises(SettingsError) as error:
        load_settings({name: value})

    # Then
    message = str(error.value)
    assert message.startswith(f"{name} is '{value}': ")
    assert what_would_do in message
    assert "\n" not in message


def test_should_name_all_that_is_wrong_in_one_line() -> None:
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
def test_should_ask_what_was_meant_when_a_name_is_misspelt(
    name: str, meant: str
) -> None:
    # Then
    with pytest.raises(SettingsError, match=f"^{name} .* did you mean {meant}"):
        load_settings({name: "4"})


def test_should_accept_what_compose_and_kubernetes_set_beside_us() -> None:
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
    "url",
    [
        "redis://localhost",
        "redis://localhost:6379/2",
        "redis://user:p%40ss@redis.example:6380/0",  # pragma: allowlist secret
        "rediss://redis.example?ssl_cert_reqs=required",
        "unix:///run/redis.sock?db=1",
        "redis://localhost?client_name=page-tracker",
        "redis+cluster://one.example",
        "redis+cluster://me:p%3F@one,[::1]:7001/0",  # pragma: allowlist secret
        "rediss+cluster://one.example:7001?ssl_cert_reqs=required",
        "redis+sentinel://one.example,two.example:26380/counts",
        "rediss+sentinel://:p%40ss@[::1]/counts/2",  # pragma: allowlist secret
        "redis+sentinel://one.example/counts?sentinel_password=p%40ss",
    ],
)
def test_should_take_every_kind_of_redis_url(url: str) -> None:
    # Then
    assert load_settings({"REDIS_URL": url}).redis_url == url


@pytest.mark.parametrize(
    ("url", "what_would_do"),
    [
        ("localhost:6379", "redis://"),
        ("http://:swordfish@localhost", "redis://"),
        ("redis://:swordfish@localhost:port", "redis://"),
        ("redis://:swordfish@localhost:70000", "redis://"),
        ("redis://:swordfish@localhost/first", "[/DATABASE]"),
        ("redis://:swordfish@localhost?socket_timeout=60", "'socket_timeout'"),
        ("redis://:swordfish@localhost?retry_on_timeout=true", "'retry_on_timeout'"),
        ("redis://:swordfish@localhost?db=first", "db=0"),
        ("redis://:swordfish@[::1", "redis://"),
        ("redis://", "HOST"),
        ("redis://:swordfish@a..b", "HOST"),
        ("redis://default:?swordfish@localhost", "%3F for a ?"),
        ("redis://default:12#swordfish@localhost", "%23 for a #"),
        ("rediss://:swordfish@localhost?ssl_keyfile=key", "'ssl_certfile'"),
        ("rediss://:swordfish@localhost?ssl_ca_certs=/no/ca.crt", "'ssl_ca_certs': No"),
        ("rediss://:swordfish@localhost?ssl_min_version=2", "'ssl_min_version'"),
        ("redis://:swordfish@localhost?ssl_cert_reqs=none", "rediss://"),
        ("rediss://:swordfish@localhost?ssl_cert_reqs=perhaps", "ssl_"),
        ("unix://", "unix:///"),
        ("redis+cluster://", "HOST"),
        ("redis+cluster://:swordfish@one,,two", "HOST[:PORT]"),
        ("redis+cluster://:swordfish@one,two:port", "HOST[:PORT]"),
        ("redis+cluster://:swordfish@one/1", "redis+cluster://"),
        ("redis+cluster://:swordfish@one?db=1", "no databases"),
        ("redis+cluster://:swordfish@one?ssl_cert_reqs=none", "rediss://"),
        ("redis+cluster://:swordfish@one?sentinel_password=x", "'sentinel_password'"),
        ("redis+sentinel://:swordfish@one,two", "/MASTER"),
        ("redis+sentinel://:swordfish@one/", "/MASTER"),
        ("redis+sentinel://:swordfish@one/counts/first", "[/DATABASE]"),
        ("redis+sentinel://:swordfish@one/counts?retry_on_timeout=1", "'retry_on"),
        ("redis+nothing://:swordfish@one", "redis+cluster://"),
    ],
)
def test_should_say_what_is_wrong_with_a_redis_url_without_its_password(
    url: str, what_would_do: str
) -> None:
    # When
    with pytest.raises(SettingsError) as error:
        load_settings({"REDIS_URL": url})

    # Then
    assert str(error.value).startswith("REDIS_URL: ")
    assert what_would_do in str(error.value)
    assert "swordfish" not in str(error.value)


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
def test_should_say_what_is_wrong_with_the_file_of_the_redis_url(
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
        ("REDIS_URL", "http://:swordfish@localhost", "use redis://"),
        ("PAGE_TRACKER_TOKEN", "swordfish", "use at least 16 characters"),
    ],
)
def test_should_blame_the_file_and_not_show_the_secret_when_it_is_wrong(
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


@pytest.mark.parametrize(
    ("url", "address"),
    [
        (None, "redis://localhost:6379"),
        ("redis://user:swordfish@redis-service:6379/1", "redis://redis-service:6379/1"),
        ("unix:///run/redis.sock?password=swordfish", "unix:///run/redis.sock"),
    ],
)
def test_should_tell_where_redis_is_without_its_password(
    url: str | None, address: str
) -> None:
    # Then
    assert Settings(redis_url=url).redis_address == address


def test_should_refuse_two_redis_urls(tmp_path: Path) -> None:
    # Then
    with pytest.raises(SettingsError, match="REDIS_URL and REDIS_URL_FILE"):
        load_settings(
            {"REDIS_URL": "redis://a", "REDIS_URL_FILE": str(tmp_path / "url")}
        )


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
        ("a b", "'a b' is no site: use its host, for example example.org"),
        ("a.org=Mars", "'Mars' is no time zone: use one such as Europe/Berlin"),
    ],
)
def test_should_say_why_a_site_can_not_be_registered(text: str, reason: str) -> None:
    # When
    with pytest.raises(SiteError) as error:
        sites_of_settings(text)

    # Then
    assert str(error.value) == reason


def test_should_know_every_name_that_is_taken(app: Flask) -> None:
    # Given
    own = {f"/{FIELDS[name].default}" for name in ("script", "endpoint")}
    routes = {rule.rule for rule in app.url_map.iter_rules() if not rule.arguments}

    # When
    named = routes - own - {"/"}

    # Then
    assert sorted(named) == [f"/{name}" for name in TAKEN]
