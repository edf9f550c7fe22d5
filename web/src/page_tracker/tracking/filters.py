"""Why a view is not counted: one table, one reason each."""

from collections.abc import Callable, Iterable
from functools import lru_cache
from importlib.resources import files
from ipaddress import IPv4Network, IPv6Network, ip_address
from typing import NamedTuple

from page_tracker.tracking.agents import agent_of
from page_tracker.tracking.view import View
from page_tracker.tracking.visitor import Sender

Network = IPv4Network | IPv6Network


class Rules(NamedTuple):
    """What an operator and an owner decided about filtering."""

    own: tuple[Network, ...] = ()
    spam: frozenset[str] = frozenset()
    privacy_refuses: bool = False


class Filter(NamedTuple):
    """A reason not to count a view, what it means, and when it applies."""

    reason: str
    meaning: str
    applies: Callable[[View, Sender, Rules], bool]


@lru_cache(maxsize=4096)
def is_in(address: str, networks: tuple[Network, ...]) -> bool:
    """Say whether an address lies in one of the networks."""
    if not networks:
        return False
    try:
        ip = ip_address(address)
    except ValueError:
        return False
    return any(ip in network for network in networks)


def is_spam(referrer: str, spam: frozenset[str]) -> bool:
    """Say whether a referrer's host, or a domain that it is part of, is on the list."""
    labels = referrer.partition("/")[0].lower().split(".")
    return any(".".join(labels[i:]) in spam for i in range(len(labels) - 1))


def elsewhere(_view: View, _sender: Sender, _rules: Rules) -> bool:
    """Leave the decision to others."""
    return False


FILTERS = (
    Filter(
        "prefetch",
        "fetched ahead or for a preview, shown to nobody",
        lambda view, sender, rules: sender.is_prefetch,
    ),
    Filter(
        "own",
        "by the owner: a marked browser, or one of PAGE_TRACKER_OWN",
        lambda view, sender, rules: sender.is_own or is_in(sender.address, rules.own),
    ),
    Filter(
        "privacy signal",
        "the browser asked not to be tracked, and PAGE_TRACKER_PRIVACY_SIGNAL is skip",
        lambda view, sender, rules: rules.privacy_refuses and sender.wants_privacy,
    ),
    Filter(
        "bot",
        "by a program, as its user agent says",
        lambda view, sender, rules: sender.user_agent is not None
        and agent_of(sender.user_agent).is_bot,
    ),
    Filter(
        "spam",
        "advertising itself as the referrer",
        lambda view, sender, rules: is_spam(view.referrer, rules.spam),
    ),
    Filter("rate", "more in a minute than PAGE_TRACKER_RATE of one address", elsewhere),
    Filter(
        "invalid", "refused as it was sent, with the reason in the answer", elsewhere
    ),
    Filter("unknown site", "for a site that is not registered", elsewhere),
)
"""In the order in which they are asked. The last three are decided by Redis, by whoever
takes a view in, and by the recorder."""

MEANINGS = {entry.reason: entry.meaning for entry in FILTERS}


def reason_against(view: View, sender: Sender, rules: Rules) -> str:
    """Return why a view is not counted, or an empty text."""
    for entry in FILTERS:
        if entry.applies(view, sender, rules):
            return entry.reason
    return ""


def spam_referrers(more: Iterable[str] = ()) -> frozenset[str]:
    """Return the domains of the list that the package brings, and more of them."""
    listed = files("page_tracker.tracking").joinpath("spam_referrers.txt")
    lines = [*listed.read_text(encoding="utf-8").splitlines(), *more]
    return frozenset(
        line.strip().lower() for line in lines if line.strip() and line[0] != "#"
    )
