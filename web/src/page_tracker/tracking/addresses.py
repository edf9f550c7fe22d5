"""Reads IP addresses and networks: one address has one form everywhere.

Settings, proxies and programs all write addresses. An IPv4 address can also be written
as IPv6 (`::ffff:192.0.2.7`); it is the IPv4 address here.
"""

import re
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_interface,
    ip_network,
)

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

WITH_PORT = re.compile(r"\[(.+)\](?::\d+)?|([\d.]+):\d+")

BITS_BEFORE_IPV4 = 96
"""Bits of an IPv6 address before the IPv4 address in it."""


def read_address(text: str) -> Address | None:
    """Return an address without its port and its zone, or None if it is invalid."""
    text = text.strip()
    with_port = WITH_PORT.fullmatch(text)
    if with_port:
        text = with_port[1] or with_port[2]
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


def read_network(text: str) -> Network:
    """Return a network, or the network of one address. Raises ValueError."""
    text = re.sub("%[^/]*", "", text.strip())
    if address := read_address(text):
        return ip_network(address)
    try:
        written = ip_interface(text)
    except ValueError:
        raise ValueError(f"{text!r} is neither an address nor a range") from None
    ip, network = written.ip, written.network
    if ip != network.network_address:
        raise ValueError(
            f"{text!r} is neither the address {ip} nor the range {network}"
        )
    if ipv4 := getattr(ip, "ipv4_mapped", None):
        return ip_network(f"{ipv4}/{network.prefixlen - BITS_BEFORE_IPV4}")
    return network


def forms_of(network: Network) -> list[str]:
    """Return the ways to write a network: that of IPv4, also as IPv6."""
    if isinstance(network, IPv6Network):
        return [str(network)]
    bits = BITS_BEFORE_IPV4 + network.prefixlen
    return [str(network), f"::ffff:{network.network_address}/{bits}"]
