"""One table of all routes, and of who may use each.

A route without a row is refused at the start, so nobody can forget one.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

Kind = Literal["nobody", "link", "viewer", "owner", "token"]


class Scope(StrEnum):
    """The rights of a token."""

    SEND = "send"
    READ = "read"
    MANAGE = "manage"


@dataclass(frozen=True)
class Caller:
    """The sender of a request, as far as it proved.

    A viewer, a link and a token may be for some `sites`; None is all sites.
    """

    kind: Kind = "nobody"
    name: str = ""
    sites: frozenset[str] | None = frozenset()
    scopes: frozenset[Scope] = frozenset()

    def has_site(self, site: str) -> bool:
        """Say whether the caller is for a site."""
        return self.kind != "nobody" and (self.sites is None or site in self.sites)


NOBODY = Caller()


class May(StrEnum):
    """The callers who may use a route."""

    EVERYBODY = "everybody"
    READERS = "readers of the site"
    """Owner, viewer of the site, its link, a token that reads it; all if public."""
    MEMBERS = "owner and viewers"
    """People who signed in."""
    MANAGERS = "owner, and tokens that manage"
    OWNER = "owner"


def may(
    caller: Caller, rule: May, site: str | None = None, is_public: bool = False
) -> bool:
    """Say whether a caller may use a route with a rule.

    `site` is the site of the request, None if it is about none or several: then a
    reader gets those of his sites. `is_public` tells whether everybody may see that
    site's numbers.
    """
    if rule is May.EVERYBODY or caller.kind == "owner":
        return True
    if rule is May.READERS:
        return _may_read(caller, site, is_public)
    if rule is May.MANAGERS:
        return _may_manage(caller, site)
    return rule is May.MEMBERS and caller.kind == "viewer"


def _may_read(caller: Caller, site: str | None, is_public: bool) -> bool:
    if site is not None and is_public:
        return True
    if caller.kind == "token" and Scope.READ not in caller.scopes:
        return False
    return caller.kind in ("viewer", "token") if site is None else caller.has_site(site)


def _may_manage(caller: Caller, site: str | None) -> bool:
    if caller.kind != "token" or Scope.MANAGE not in caller.scopes:
        return False
    return caller.sites is None if site is None else caller.has_site(site)


ROUTES: Mapping[str, May] = {
    **dict.fromkeys(
        (
            *("counter", "embed", "robots", "health", "ready", "version", "static"),
            *("views", "chosen views", "script", "chosen script", "pixel", "badge"),
            *("preferences", "sign in", "setup", "api", "openapi"),
            *("drop-in script", "busuanzi", "soxft", "soxft jsonp", "soxft ping"),
            *("vercount 1", "vercount 2"),
            "feed",  # a token in its address tells
            *("goatcounter", "goatcounter slash", "goatcounter api", "goatcounter me"),
            "goatcounter script",
            *("umami", "umami batch", "plausible", "waline", "waline 2"),
            *("goatcounter counter", "hits", "kept hits", "hits.sh", "komarev"),
            "visitor-badge",
        ),
        May.EVERYBODY,
    ),
    **dict.fromkeys(
        (
            *("dashboard", "site", "list", "live", "hours"),
            *("api sites", "api site", "api table", "api hours", "api live"),
        ),
        May.READERS,
    ),
    **dict.fromkeys(("sign out", "account"), May.MEMBERS),
    **dict.fromkeys(("api add site", "api change site", "export"), May.MANAGERS),
    **dict.fromkeys(
        (
            "add site",
            "install",
            "arrived",
            "settings",
            "change settings",
            "users",
            "tokens",
            "changes",
        ),
        May.OWNER,
    ),
}
