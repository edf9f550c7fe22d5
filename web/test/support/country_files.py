"""Small files in MaxMind's format.

The format: https://maxmind.github.io/MaxMind-DB/
"""

from collections.abc import Mapping
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Any

TREE, SEPARATOR = 3, bytes(16)
"""Bytes of half a node, and what follows the tree."""

MARK = b"\xab\xcd\xefMaxMind.com"

Node = list[Any]
"""Two halves: each is another node, a record, or None."""


def write_country_file(path: Path, countries: Mapping[str, Any]) -> Path:
    """Write a file with a record for each network: a country, or a whole record."""
    root: Node = [None, None]
    for text, country in countries.items():
        record = country
        if isinstance(country, str):
            record = {"country": {"iso_code": country}}
        _insert(root, ip_network(text), _encoded(record))
    nodes, data, tree = [root], b"", b""
    for node in nodes:  # it grows
        nodes += [half for half in node if isinstance(half, list)]
    places = {id(node): number for number, node in enumerate(nodes)}
    for node in nodes:
        for half in node:
            if isinstance(half, list):
                number = places[id(half)]
            else:
                number = len(nodes)
                if half is not None:
                    number += len(SEPARATOR) + len(data)
                    data += half
            tree += number.to_bytes(TREE)
    metadata = {
        **{"node_count": len(nodes), "record_size": 8 * TREE, "ip_version": 6},
        **{"database_type": "Test", "languages": [], "description": {}},
        **{"binary_format_major_version": 2, "binary_format_minor_version": 0},
        "build_epoch": 1,
    }
    path.write_bytes(tree + SEPARATOR + data + MARK + _encoded(metadata))
    return path


def _insert(root: Node, network: IPv4Network | IPv6Network, record: bytes) -> None:
    # An IPv4 address is the end of an IPv6 address of zeros.
    length = network.prefixlen + (96 if network.version == 4 else 0)
    bits = f"{int(network.network_address):0128b}"[:length]
    for bit in map(int, bits[:-1]):
        root[bit] = root = root[bit] or [None, None]
    root[int(bits[-1])] = record


def _encoded(value: Any) -> bytes:
    """Return a value in the format: short texts, numbers, lists and maps."""
    if isinstance(value, str):
        text = value.encode()
        return bytes([2 << 5 | len(text)]) + text
    if isinstance(value, int):
        return bytes([6 << 5 | 4]) + value.to_bytes(4)
    if isinstance(value, list):
        return bytes([len(value), 11 - 7]) + b"".join(map(_encoded, value))
    pairs = (_encoded(name) + _encoded(of) for name, of in value.items())
    return bytes([7 << 5 | len(value)]) + b"".join(pairs)
