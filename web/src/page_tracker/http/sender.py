"""Who sent a request, as far as it can be believed."""

import re
from ipaddress import IPv4Address, IPv6Address, ip_address

from flask import Request

from page_tracker.settings import Networks
from page_tracker.tracking.agents import is_image_proxy
from page_tracker.tracking.visitor import Sender

AHEAD = re.compile(r"prefetch|prerender|preview", re.I)

PURPOSES = ("HTTP_SEC_PURPOSE", "HTTP_PURPOSE", "HTTP_X_PURPOSE", "HTTP_X_MOZ")

LANGUAGE = re.compile(r"\s*([A-Za-z]{2,3})\b")

LONGEST_USER_AGENT = 512


def sender_of(request: Request, proxies: Networks) -> Sender:
    """Return who sent a request. Proxies are those whose word counts."""
    # Where `request.headers` makes an exception of each that is not there.
    sent = request.environ
    user_agent = sent.get("HTTP_USER_AGENT", "")
    language = LANGUAGE.match(sent.get("HTTP_ACCEPT_LANGUAGE", ""))
    return Sender(
        address=client_address(
            request.remote_addr or "", [sent.get("HTTP_X_FORWARDED_FOR", "")], proxies
        ),
        user_agent=user_agent[:LONGEST_USER_AGENT],
        language=language[1].lower() if language else "",
        is_shared=is_image_proxy(user_agent),
        is_prefetch=any(AHEAD.search(sent.get(name, "")) for name in PURPOSES),
        wants_privacy="1" in (sent.get("HTTP_DNT"), sent.get("HTTP_SEC_GPC")),
    )


def client_address(peer: str, forwarded: list[str], proxies: Networks) -> str:
    """Return the address of the client, or an empty text where there is none.

    `X-Forwarded-For` is read from its end, where the nearest proxy wrote, and only as
    long as a proxy that is named said so: whatever stands before that, anyone may have
    sent.
    """
    address = _parse(peer)
    hops = [hop for value in forwarded for hop in value.split(",")]
    while address and hops and any(address in network for network in proxies):
        hop = _parse(hops.pop())
        if hop is None:
            break
        address = hop
    return str(address or "")


def _parse(text: str) -> IPv4Address | IPv6Address | None:
    text = text.strip()
    with_port = re.fullmatch(r"\[(.+)\](?::\d+)?|([\d.]+):\d+", text)
    if with_port:
        text = with_port[1] or with_port[2]
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address
