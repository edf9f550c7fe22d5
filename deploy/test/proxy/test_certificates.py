"""HTTPS, and certificates that are renewed while visitors are there."""

import http.client
import socket
import ssl
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests
from support import succeed
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
        """Return the file with the certificate of the authority."""
        return str(self.folder / "authority.pem")

    @property
    def url(self) -> str:
        """Return where visitors come to by HTTPS."""
        return f"https://localhost:{self.port}"

    def renew(self) -> int:
        """Put another certificate in the place of the one there; return its number."""
        new = self.folder / "new"
        new.mkdir(exist_ok=True)
        self._openssl("req", "-new", "-keyout", f"{new}/privkey.pem", "-out", "request")
        self._openssl(
            *["x509", "-req", "-in", "request", "-days", "2", "-CA", "authority.pem"],
            *["-CAkey", "authority.key", "-out", f"{new}/fullchain.pem"],
            *["-copy_extensions", "copy"],
        )
        (new / "privkey.pem").chmod(0o644)  # the proxy is another user
        for file in new.iterdir():
            file.rename(self.folder / file.name)
        told = self._openssl("x509", "-noout", "-serial", "-in", "fullchain.pem")
        return int(told.partition("=")[2], 16)

    def served(self) -> int:
        """Return the number of the certificate that a new visitor is shown."""
        with self.connect(self.context()) as connection:
            return number_of(connection)

    def connect(self, context: ssl.SSLContext) -> ssl.SSLSocket:
        """Return a new connection."""
        plain = socket.create_connection(("127.0.0.1", self.port), 10)
        try:
            return context.wrap_socket(plain, server_hostname="localhost")
        except ssl.SSLError:
            plain.close()
            raise

    def context(self) -> ssl.SSLContext:
        """Return what trusts the authority."""
        return ssl.create_default_context(cafile=self.authority)

    def make_authority(self) -> None:
        """Make what all of these certificates are signed by."""
        self._openssl("req", "-x509", "-keyout", "authority.key", "-days", "2")

    def _openssl(self, command: str, *arguments: str) -> str:
        if command == "req":
            name = "authority" if "-x509" in arguments else "localhost"
            arguments += ("-newkey", "rsa:2048", "-nodes", "-subj", f"/CN={name}")
            if name == "authority":
                arguments += ("-out", "authority.pem")
            else:
                arguments += ("-addext", "subjectAltName=DNS:localhost")
        return subprocess.run(
            ["openssl", command, *arguments],
            cwd=self.folder,
            capture_output=True,
            text=True,
            check=True,
            timeout=30,
        ).stdout


def number_of(secure: object) -> int:
    """Return the serial number of the certificate of a connection's other end."""
    assert isinstance(secure, ssl.SSLSocket)
    certificate = secure.getpeercert()
    assert certificate
    return int(str(certificate["serialNumber"]), 16)


def ask_version(connection: http.client.HTTPSConnection) -> None:
    """Send a request on a connection, which is made where there is none."""
    connection.request("GET", "/version")
    answer = connection.getresponse()
    answer.read()
    assert answer.status == 200


@pytest.fixture
def certificates(stack: Stack, tmp_path: Path) -> Iterator[Certificates]:
    """Give the certificates of a stack that is reached by HTTPS."""
    tmp_path.chmod(0o755)
    made = Certificates(tmp_path, stack.tls_port)
    made.make_authority()
    made.renew()
    with stack.set(
        {
            "services": {
                "proxy-service": {
                    "environment": {"PROXY_TLS": "."},
                    "ports": [f"{made.port}:8443"],
                    "volumes": [f"{tmp_path}:/certificates:ro"],
                }
            }
        }
    ):
        yield made


def test_should_send_visitors_to_https(
    stack: Stack, certificates: Certificates
) -> None:
    # When
    sent_on = stack.get("/embed?site=example.org", Host="example.net")
    page = requests.get(
        f"{certificates.url}/embed", verify=certificates.authority, timeout=10
    )

    # Then
    assert sent_on.status_code == 308
    assert sent_on.headers["Location"] == "https://example.net/embed?site=example.org"
    assert f"src=&#34;{certificates.url}/tracker.js&#34;" in page.text
    assert page.headers["Strict-Transport-Security"] == "max-age=15768000"


def test_should_answer_errors_as_always_when_there_is_https(
    stack: Stack, certificates: Certificates
) -> None:
    # When
    by_https = requests.get(
        f"{certificates.url}/",
        headers={"Cookie": "x" * 9000},
        verify=certificates.authority,
        timeout=10,
    )
    by_http = stack.get("/.well-known/acme-challenge/no-such-token")

    # Then
    assert by_https.status_code == 431
    assert by_https.headers["Strict-Transport-Security"] == "max-age=15768000"
    assert by_http.status_code == 404
    assert by_http.text.startswith("There is nothing here.\nRequest ")
    assert "Strict-Transport-Security" not in by_http.headers


@pytest.mark.usefixtures("stack")
def test_should_speak_modern_protocols_alone(certificates: Certificates) -> None:
    # Given: an old browser, and one of today
    old, new = certificates.context(), certificates.context()
    with pytest.warns(DeprecationWarning):
        old.minimum_version = ssl.TLSVersion.TLSv1
        old.maximum_version = ssl.TLSVersion.TLSv1_1
    old.set_ciphers("ALL:@SECLEVEL=0")
    new.set_alpn_protocols(["h2", "http/1.1"])

    # When
    with pytest.raises(ssl.SSLError) as refused:
        certificates.connect(old).close()
    with certificates.connect(new) as connection:
        spoken = connection.version(), connection.selected_alpn_protocol()

    # Then
    assert refused.value.reason == "TLSV1_ALERT_PROTOCOL_VERSION"
    assert spoken == ("TLSv1.3", "h2")


def test_should_drop_no_connection_when_the_certificate_is_renewed(
    stack: Stack, certificates: Certificates
) -> None:
    # Given
    before = stack.stored()
    number = certificates.served()
    numbers = {number}
    kept = http.client.HTTPSConnection(
        "localhost", certificates.port, context=certificates.context(), timeout=10
    )

    # When
    with Visitors(
        certificates.url, threads=16, verify=certificates.authority
    ) as visitors:
        visitors.come(100)
        for _ in range(RENEWALS):
            was, number = number, certificates.renew()
            ask_version(kept)
            succeed(stack.exec("proxy-service", "reload"))
            numbers.add(certificates.served())
            # What was connected before goes on, with the certificate of then.
            assert number_of(kept.sock) == was
            ask_version(kept)
            kept.close()
            visitors.come(100)

    # Then
    assert visitors.counted_on_from(before)
    assert len(numbers) == 1 + RENEWALS
    assert certificates.served() == number


def test_should_keep_the_certificate_when_the_new_one_is_invalid(
    stack: Stack, certificates: Certificates
) -> None:
    # Given
    number = certificates.served()
    (certificates.folder / "fullchain.pem").write_text("not a certificate")

    # When
    done = stack.exec("proxy-service", "reload")

    # Then
    assert done.returncode != 0
    assert "fullchain.pem" in done.stderr
    assert certificates.served() == number


def test_should_show_an_authority_what_it_asks_for(
    stack: Stack, certificates: Certificates
) -> None:
    # Given
    asked = certificates.folder / ".well-known/acme-challenge"
    asked.mkdir(parents=True)
    (asked / "token").write_text("proof")

    # When
    answers = [
        stack.get(path)
        for path in ("/.well-known/acme-challenge/token", "/privkey.pem")
    ]

    # Then
    assert [answer.status_code for answer in answers] == [200, 308]
    assert answers[0].text == "proof"
