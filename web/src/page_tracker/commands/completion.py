"""Completions of the shell for Tab: sites, time zones, users and tokens."""

from collections.abc import Callable
from typing import cast

import click
from redis import Redis
from redis.exceptions import RedisError

from page_tracker.accounts.tokens import list_tokens
from page_tracker.environment import load_settings
from page_tracker.store.connection import connect
from page_tracker.store.errors import RedisServerError
from page_tracker.store.server import RedisServer, find_program
from page_tracker.tracking.keys import SITES, USERS
from page_tracker.tracking.zones import time_zones

SECONDS_TO_WAIT = 1


def complete_site(
    _context: click.Context, _parameter: click.Parameter, begun: str
) -> list[str]:
    """Return the sites that begin like this; none if Redis does not run."""
    return _beginning(begun.lower(), lambda redis: _names(redis, SITES))


def complete_user(
    _context: click.Context, _parameter: click.Parameter, begun: str
) -> list[str]:
    """Return the users that begin like this; none if Redis does not run."""
    return _beginning(begun.lower(), lambda redis: _names(redis, USERS))


def complete_token(
    _context: click.Context, _parameter: click.Parameter, begun: str
) -> list[str]:
    """Return the tokens that begin like this; none if Redis does not run."""
    return _beginning(begun, lambda redis: [token.name for token in list_tokens(redis)])


def _beginning(begun: str, names_in: Callable[[Redis], list[str]]) -> list[str]:
    try:
        settings = load_settings()
        url = settings.redis_url or RedisServer(find_program(), settings.data).url
        with connect(url, SECONDS_TO_WAIT) as redis:
            names = sorted(names_in(redis))
    except (RedisError, RedisServerError, ValueError):
        return []
    return [name for name in names if name.startswith(begun)]


def _names(redis: Redis, key: str) -> list[str]:
    return [name.decode() for name in cast(dict[bytes, bytes], redis.hgetall(key))]


def complete_time_zone(
    _context: click.Context, _parameter: click.Parameter, begun: str
) -> list[str]:
    """Return the time zones that begin like this, or else those with these letters."""
    letters = begun.lower().replace(" ", "_")
    zones = sorted(zone for zone in time_zones() if letters in zone.lower())
    return [zone for zone in zones if zone.lower().startswith(letters)] or zones


site_argument = click.argument("site", shell_complete=complete_site)
user_argument = click.argument("name", shell_complete=complete_user)
