"""Certificates for the servers of a test."""

import subprocess
from pathlib import Path

NEW = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes".split()
AUTHORITY = ["basicConstraints=critical,CA:TRUE", "keyUsage=critical,keyCertSign"]
SERVER = ["basicConstraints=critical,CA:FALSE", "authorityKeyIdentifier=keyid"]


def make_certificate(folder: Path, *hosts: str) -> None:
    """Write server.crt and server.key for some hosts, and ca.crt, which signed it."""
    folder.mkdir(exist_ok=True)
    names = ",".join(f"DNS:{host}" for host in hosts)
    _make(folder, "ca", "/CN=Authority", *_extensions(*AUTHORITY))
    _make(
        *(folder, "server", "/CN=Server", "-CA", "ca.crt", "-CAkey", "ca.key"),
        *_extensions(*SERVER, f"subjectAltName={names}"),
    )


def _extensions(*extensions: str) -> list[str]:
    return [word for one in extensions for word in ("-addext", one)]


def _make(folder: Path, name: str, subject: str, *options: str) -> None:
    files = ["-keyout", f"{name}.key", "-out", f"{name}.crt"]
    subprocess.run(
        ["openssl", *NEW, "-subj", subject, *files, *options],
        cwd=folder,
        check=True,
        capture_output=True,
        timeout=20,
    )
