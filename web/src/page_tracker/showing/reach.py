"""Tells whether everybody, one network or one computer can reach an address."""

from ipaddress import ip_address
from urllib.parse import urlsplit

ONE_COMPUTER = "this computer"
ONE_NETWORK = "your own network"

LOCAL_ENDINGS = (".home.arpa", ".internal", ".lan", ".local")


def reached_by(url: str) -> str:
    """Return the only one that can reach a URL; empty if everybody may."""
    host = (urlsplit(url).hostname or "").rstrip(".")
    try:
        address = ip_address(host)
    except ValueError:
        if host == "localhost" or host.endswith(".localhost"):
            return ONE_COMPUTER
        is_local = "." not in host or host.endswith(LOCAL_ENDINGS)
        return ONE_NETWORK if is_local else ""
    if address.is_loopback:
        return ONE_COMPUTER
    return "" if address.is_global else ONE_NETWORK
