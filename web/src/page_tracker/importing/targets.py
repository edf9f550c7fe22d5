"""Reads addresses of pages and referrers as the recorder does, and remembers them."""

from typing import NamedTuple, TypeVar

from page_tracker.tracking.agents import LONGEST_USER_AGENT, agent_of
from page_tracker.tracking.canonical import (
    canonical_referrer,
    canonical_site,
    canonical_view,
)
from page_tracker.tracking.keys import DIRECT, INTERNAL, UNKNOWN
from page_tracker.tracking.reasons import Reason
from page_tracker.tracking.recorder import Rules
from page_tracker.tracking.sites import Site
from page_tracker.tracking.view import InvalidView, SentView, View
from page_tracker.tracking.visitor import Sender

MOST_REMEMBERED = 16_384
"""Addresses of each kind that are remembered: sources repeat them."""


K = TypeVar("K")
V = TypeVar("V")


class Target(NamedTuple):
    """A page as it counts, with the source and the campaign that its address names.

    `reason` says why it does not count.
    """

    page: str = ""
    source: str = ""
    campaign: str = ""
    reason: str = ""


class Told(NamedTuple):
    """Browser, system and device that a user agent tells; or the reason against it."""

    browser: str = UNKNOWN
    system: str = UNKNOWN
    device: str = UNKNOWN
    reason: str = ""


class Targets:
    """Reads pages, referrers, user agents and addresses of visitors of one site."""

    def __init__(self, site: Site, rules: Rules) -> None:
        self._site = site
        self._rules = rules
        self._pages: dict[str, Target] = {}
        self._sources: dict[tuple[str, str], tuple[str, str]] = {}
        self._agents: dict[str, Told] = {}
        self._own: dict[str, bool] = {}
        self._hosts: dict[str, bool] = {}

    def page(self, address: str) -> Target:
        """Return the page of an address, which is a path or a whole address."""
        found = self._pages.get(address)
        if found is None:
            found = remember(self._pages, address, self._page(address))
        return found

    def source(self, referrer: str, named: str = "") -> tuple[str, str]:
        """Return the source of a view, and the reason against it.

        `named` is the source in the address of the page, if it names one.
        """
        found = self._sources.get((referrer, named))
        if found is None:
            made = self._source(referrer, named)
            found = remember(self._sources, (referrer, named), made)
        return found

    def agent(self, user_agent: str) -> Told:
        """Return what a user agent tells, also of a program."""
        found = self._agents.get(user_agent)
        if found is None:
            made = self._agent(user_agent[:LONGEST_USER_AGENT])
            found = remember(self._agents, user_agent, made)
        return found

    def is_own(self, address: str) -> bool:
        """Say whether an address is one of the owner."""
        if not self._rules.own:
            return False
        found = self._own.get(address)
        if found is None:
            reason = self._reason(Sender(address))
            found = remember(self._own, address, reason == Reason.OWN)
        return found

    def is_of_site(self, host: str) -> bool:
        """Say whether a host is one of the site."""
        found = self._hosts.get(host)
        if found is None:
            known = self._site.has_host(canonical_site(host))
            found = remember(self._hosts, host, known)
        return found

    def _page(self, address: str) -> Target:
        try:
            view = canonical_view(SentView(self._site.name, address))
        except InvalidView:
            return Target(reason="not a page")
        blocked = self._site.blocks(view.page)
        return Target(
            *(view.page, view.referrer, view.campaign),
            reason=Reason.BLOCKED if blocked else "",
        )

    def _source(self, referrer: str, named: str) -> tuple[str, str]:
        source = (referrer and canonical_referrer(referrer)) or named
        if not source:
            return DIRECT, ""
        if self._site.has_host(source.partition("/")[0]):
            return INTERNAL, ""
        return source, self._reason(Sender(), source) or ""

    def _agent(self, user_agent: str) -> Told:
        reason = self._reason(Sender(user_agent=user_agent)) or ""
        browser, system, device, _ = agent_of(user_agent)
        return Told(browser or UNKNOWN, system or UNKNOWN, device or UNKNOWN, reason)

    def _reason(self, sender: Sender, referrer: str = "") -> Reason | None:
        return self._rules.reason_against(
            View(self._site.name, "/", referrer=referrer), sender
        )


def remember(known: dict[K, V], key: K, value: V) -> V:
    """Remember a value, unless there are too many: then only this one. Returns it."""
    if len(known) >= MOST_REMEMBERED:
        known.clear()
    known[key] = value
    return value
