"""HTTPS, and certificates that are renewed while visitors come."""

import http.client
import ssl
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests
from support import succeed
from support.certificates import make_certificate
from support.stack import Stack
from support.visitors import Visitors

RENEWALS = 5


@dataclass
class Certificates:
    """A folder of certificates, as a client of an authority fills it."""

    folder: Path
    port: int

    @property
    def authority(self) -> str:
        """Return the file with the authority that visitors trust."""
        return str(self.folder / "ca.pem")

    @property
    def acme(self) -> Path:
        """Return the folder in which an authority finds its proofs."""
        return self.folder / "acme"

    @property
    def url(self) -> str:
        return f"https://localhost:{self.port}"

    def get(self, path: str, **headers: str) -> requests.Response:
        return requests.get(
            self.url + path, headers=headers, verify=self.authority, timeout=10
        )

    def renew(self) -> bytes:
        """Replace the certificate, and return the new one."""
        make_certificate(self.folder, "localhost", issuer="ca")
        chain = (self.folder / "localhost.pem").read_text("utf-8")
        (self.folder / "localhost.key").chmod(0o644)
        (self.folder / "localhost.key").rename(self.folder / "privkey.pem")
        (self.folder / "localhost.pem").rename(self.folder / "fullchain.pem")
        return ssl.PEM_cert_to_DER_cert(chain)

    def served(self) -> bytes:
        """Return the certificate that a new visitor gets."""
        with closing(self.connection()) as connection:
            connection.connect()
            return shown_on(connection)

    def connection(
        self, context: ssl.SSLContext | None = None
    ) -> http.client.HTTPSConnection:
        """Return a connection that is made by its first request."""
        return http.client.HTTPSConnection(
            *("localhost", self.port), context=context or self.context(), timeout=10
        )

    def context(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=self.authority)


def shown_on(connection: http.client.HTTPSConnection) -> bytes:
    """Return the certificate of a connection's other end."""
    assert isinstance(connection.sock, ssl.SSLSocket)
    return connection.sock.getpeercert(binary_form=True) or b""


def ask_version(connection: http.client.HTTPSConnection) -> None:
    """Send a request on a connection, which connects first if necessary."""
    connection.request("GET", "/version")
    answer = connection.getresponse()
    answer.read()
    assert answer.status == 200


@pytest.fixture
def certificates(stack: Stack, tmp_path: Path) -> Iterator[Certificates]:
    """Give the certificates of a stack that is reached by HTTPS."""
    tmp_path.chmod(0o755)
    made = Certificates(tmp_path, stack.tls_port)
    make_certificate(tmp_path, "ca")
    made.renew()
    made.acme.mkdir()
    proxy = {
        "environment": {"PROXY_TLS": ".", "PAGE_TRACKER_TLS_PORT": "127.0.0.1:443"},
        "ports": [f"127.0.0.1:{made.port}:8443"],
        "volumes": [f"{tmp_path}:/certificates:ro", f"{made.acme}:/acme:ro"],
    }
    override = {"services": {"proxy-service": proxy}}
    with stack.set(override, PAGE_TRACKER_URL="https://counter.example"):
        yield made


def test_should_send_visitors_to_https(
    stack: Stack, certificates: Certificates
) -> None:
    # When
    to_us = stack.get("/embed?site=example.org", Host="counter.example")
    elsewhere = stack.get("/embed?site=example.org", Host="evil.example")
    page = certificates.get("/embed")

    # Then
    assert to_us.status_code == 308
    assert to_us.headers["Location"] == "https://counter.example/embed?site=example.org"
    assert "frame-ancestors 'none'" in to_us.headers["Content-Security-Policy"]
    assert elsewhere.status_code == 421
    assert f"src=&#34;{certificates.url}/tracker.js&#34;" in page.text
    assert page.headers["Strict-Transport-Security"] == "max-age=15768000"


def test_should_answer_errors_in_the_same_way_when_there_is_https(
    stack: Stack, certificates: Certificates
) -> None:
    # When
    by_https = certificates.get("/", Cookie="x" * 17000)
    by_http = stack.get("/.well-known/acme-challenge/no-such-token")

    # Then
    assert by_https.status_code == 431
    assert "headers of the request are too large" in by_https.text
    assert by_https.headers["Strict-Transport-Security"] == "max-age=15768000"
    assert by_http.status_code == 404
    assert by_http.text.startswith("There is nothing here.\nRequest ")
    assert "Strict-Transport-Security" not in by_http.headers


@pytest.mark.usefixtures("stack")
def test_should_speak_only_modern_protocols(certificates: Certificates) -> None:
    # Given: an old browser, and one of today
    old, new = certificates.context(), certificates.context()
    with pytest.warns(DeprecationWarning):
        old.minimum_version = ssl.TLSVersion.TLSv1
        old.maximum_version = ssl.TLSVersion.TLSv1_1
    old.set_ciphers("ALL:@SECLEVEL=0")
    new.set_alpn_protocols(["h2", "http/1.1"])

    # When
    with pytest.raises(ssl.SSLError) as refused:
        certificates.connection(old).connect()
    with closing(certificates.connection(new)) as connection:
        connection.connect()
        spoken = connection.sock.version(), connection.sock.selected_alpn_protocol()

    # Then
    assert refused.value.reason == "TLSV1_ALERT_PROTOCOL_VERSION"
    assert spoken == ("TLSv1.3", "h2")


def test_should_drop_no_connection_when_the_certificate_is_renewed(
    stack: Stack, certificates: Certificates
) -> None:
    # Given
    before = stack.stored()
    current = certificates.served()
    seen = {current}

    # When
    verify = certificates.authority
    with Visitors(certificates.url, threads=16, verify=verify) as visitors:
        visitors.come(100)
        for _ in range(RENEWALS):
            was, current = current, certificates.renew()
            with closing(certificates.connection()) as kept:
                ask_version(kept)
                succeed(stack.exec("proxy-service", "reload"))
                seen.add(certificates.served())
                # An open connection keeps its certificate.
                assert shown_on(kept) == was
                ask_version(kept)
            visitors.come(100)

    # Then
    assert visitors.counted_on_from(before)
    assert len(seen) == 1 + RENEWALS
    assert certificates.served() == current


def test_should_keep_the_certificate_when_the_new_one_is_invalid(
    stack: Stack, certificates: Certificates
) -> None:
    # Given
    current = certificates.served()
    (certificates.folder / "fullchain.pem").write_text("not a certificate")

    # When
    done = stack.exec("proxy-service", "reload")

    # Then
    assert done.returncode != 0
    assert "fullchain.pem" in done.stderr
    assert certificates.served() == current


def test_should_serve_the_proof_that_an_authority_asks_for(
    stack: Stack, certificates: Certificates
) -> None:
    # Given
    for folder in (certificates.acme, certificates.folder):
        asked = folder / ".well-known/acme-challenge"
        asked.mkdir(parents=True)
        (asked / folder.name).write_text("proof")

    # When
    shown = stack.get("/.well-known/acme-challenge/acme")
    beside_keys = f"/.well-known/acme-challenge/{certificates.folder.name}"
    hidden = stack.get(beside_keys)

    # Then
    assert (shown.status_code, shown.text) == (200, "proof")
    assert hidden.status_code == 404
