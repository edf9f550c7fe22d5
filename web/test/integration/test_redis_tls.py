"""Redis by rediss://: its certificate, the password and what a user may do."""

import re
import socket
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from redis import Redis

from page_tracker.app import create_app
from page_tracker.settings import Settings
from support.certificates import make_certificate
from support.servers import free_port

pytestmark = pytest.mark.usefixtures("no_forgetting")

PASSWORD = "swordfish"


@dataclass
class SecureRedis:
    """A Redis at a port for TLS alone, and the certificates in a folder."""

    redis: Redis
    port: int
    folder: Path

    def url(
        self,
        way: str = "rediss",
        user: str = f"page-tracker:{PASSWORD}@",
        host: str = "redis-service",
        authority: str = "ca.crt",
    ) -> str:
        """Return the URL for a production, and what else is different."""
        options = f"?ssl_ca_certs={self.folder / authority}" if authority else ""
        return f"{way}://{user}{host}:{self.port}{options}"


@pytest.fixture
def secure_redis(
    redis_client: Redis, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> SecureRedis:
    """Give a Redis with a user and a certificate, which is found here by its name."""
    make_certificate(folder, "redis-service", "redis-service.")
    for user, may in (("page-tracker", "+@all"), ("reader", "+@read")):
        redis_client.acl_setuser(
            user,
            enabled=True,
            passwords=[f"+{PASSWORD}"],
            keys=["*"],
            categories=[may],
        )
    port = free_port()
    for setting, value in {
        "tls-cert-file": f"{folder}/server.crt",
        "tls-key-file": f"{folder}/server.key",
        "tls-ca-cert-file": f"{folder}/ca.crt",
        "tls-auth-clients": "no",
        "tls-port": str(port),
    }.items():
        redis_client.config_set(setting, value)
    look_up = socket.getaddrinfo

    def find(host: str, *rest: int) -> object:
        return look_up("127.0.0.1" if "redis-service" in host else host, *rest)

    monkeypatch.setattr(socket, "getaddrinfo", find)
    return SecureRedis(redis_client, port, folder)


@pytest.fixture
def client_of() -> Callable[[str], FlaskClient]:
    """Give a way to make a client of an application that counts at a URL."""

    def make(url: str) -> FlaskClient:
        return create_app(Settings(redis_url=url)).test_client()

    return make


@pytest.mark.parametrize("host", ["redis-service", "redis-service."])
def test_should_count_when_the_certificate_is_right(
    secure_redis: SecureRedis, client_of: Callable[[str], FlaskClient], host: str
) -> None:
    # Given
    client = client_of(secure_redis.url(host=host))

    # When
    ready, counted = client.get("/ready"), client.get("/")

    # Then
    assert ready.status_code == 200
    assert counted.text == "This page has been seen 1 times."


def test_should_count_when_redis_needs_no_password(
    secure_redis: SecureRedis, client_of: Callable[[str], FlaskClient]
) -> None:
    # Given
    client = client_of(secure_redis.url(user=""))

    # When
    counted = [client.get("/").text for _ in range(3)]

    # Then
    assert counted[-1] == "This page has been seen 3 times."


UNTRUSTED = ("SSLCertVerificationError", "self-signed certificate in certificate chain")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"authority": "others/ca.crt"}, UNTRUSTED),
        ({"authority": ""}, UNTRUSTED),
        ({"host": "localhost"}, (UNTRUSTED[0], "Hostname mismatch")),
        (
            {"way": "redis", "authority": ""},
            ("Connection(Reset)?Error", "Error while reading from|closed by server"),
        ),
        (
            {"user": "page-tracker:guessed@"},
            ("AuthenticationError", "invalid username-password pair"),
        ),
        (
            {"user": f"reader:{PASSWORD}@"},
            (
                "NoPermissionError",
                "has no permissions to run the '(incrby|eval)' command",
            ),
        ),
    ],
    ids=[
        *("other authority", "no authority", "other name", "no TLS"),
        *("other password", "other permissions"),
    ],
)
def test_should_refuse_and_log_why_when_redis_cannot_be_trusted_or_refuses(
    secure_redis: SecureRedis,
    client_of: Callable[[str], FlaskClient],
    caplog: pytest.LogCaptureFixture,
    change: dict[str, str],
    said: tuple[str, str],
) -> None:
    # Given
    cause, reason = said
    make_certificate(secure_redis.folder / "others", "redis-service")
    client = client_of(secure_redis.url(**change))

    # When
    counted, ready = client.get("/"), client.get("/ready")

    # Then
    assert counted.status_code == 500
    assert counted.text == "Sorry, something went wrong \N{PENSIVE FACE}"
    assert ready.status_code == 503
    assert re.search(rf"cannot count \({cause}\)", ready.text)
    assert len(caplog.messages) == 2
    assert all(re.search(reason, line) for line in caplog.messages)
    assert PASSWORD not in caplog.text
    assert secure_redis.redis.get("page_views") is None
