"""Completions of the shell for Tab: sites and time zones."""

import click
from redis.exceptions import RedisError

from page_tracker.environment import load_settings
from page_tracker.store.connection import connect
from page_tracker.store.errors import RedisServerError
from page_tracker.store.server import RedisServer, find_program
from page_tracker.tracking.keys import SITES
from page_tracker.tracking.zones import time_zones

SECONDS_TO_WAIT = 1


def complete_site(
    _context: click.Context, _parameter: click.Parameter, begun: str
) -> list[str]:
    """Return the sites that begin like this; none if Redis does not run."""
    try:
        settings = load_settings()
        url = settings.redis_url or RedisServer(find_program(), settings.data).url
        with connect(url, SECONDS_TO_WAIT) as redis:
            sites = sorted(name.decode() for name in redis.hkeys(SITES))
    except (RedisError, RedisServerError, ValueError):
        return []
    return [site for site in sites if site.startswith(begun.lower())]


def complete_time_zone(
    _context: click.Context, _parameter: click.Parameter, begun: str
) -> list[str]:
    """Return the time zones that begin like this, or else those with these letters."""
    letters = begun.lower().replace(" ", "_")
    zones = sorted(zone for zone in time_zones() if letters in zone.lower())
    return [zone for zone in zones if zone.lower().startswith(letters)] or zones


site_argument = click.argument("site", shell_complete=complete_site)
