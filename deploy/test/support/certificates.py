"""Certificates for this machine, from an authority of the tests' own."""

from pathlib import Path

from support import run, succeed


def make_certificate(folder: Path, name: str, issuer: str = "") -> None:
    """Make NAME.key and NAME.pem, signed by an issuer in that folder, or by itself."""
    command = "openssl req -x509 -newkey ed25519 -nodes -days 1".split()
    command += ["-subj", f"/CN={name}", "-keyout", f"{folder}/{name}.key"]
    command += ["-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost"]
    if issuer:
        command += ["-CA", f"{folder}/{issuer}.pem", "-CAkey", f"{folder}/{issuer}.key"]
        command += ["-addext", "basicConstraints=critical,CA:FALSE"]
    succeed(run(*command, "-out", f"{folder}/{name}.pem"))
