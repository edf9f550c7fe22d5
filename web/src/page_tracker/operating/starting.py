"""Checks, at the start of a server, the Redis that it counts in."""

import logging

from redis import Redis
from redis.exceptions import RedisError

from page_tracker.accounts.setup import new_setup_token, setup_address
from page_tracker.operating.readiness import NotReady, check_ready
from page_tracker.settings import Settings
from page_tracker.store.connection import connect
from page_tracker.store.explaining import explain
from page_tracker.store.store import Store
from page_tracker.tracking.registry import Registry

SECONDS = 0.5

logger = logging.getLogger("page_tracker")


def check_start(settings: Settings) -> None:
    """Register the sites of the settings, and warn of what keeps views from counting.

    A Redis that is unavailable may come later. Raises NotReady for one that will never
    count.
    """
    _warn_of_proxies(settings)
    with connect(settings.counting_url, SECONDS) as redis:
        try:
            check_ready(redis)
            _warn_of_time_zones(redis, settings)
        except NotReady as error:
            raise NotReady(f"Redis at {settings.redis_address} is {error}") from error
        except RedisError as error:
            logger.warning(
                "Redis at %s cannot count now: %s",
                settings.redis_address,
                explain(error),
            )


def setup_link(settings: Settings) -> str | None:
    """Return a link with which the first owner signs up; None if there are users.

    Redis may be unavailable: then `page-tracker users setup-link` gives one later.
    """
    try:
        with connect(settings.counting_url, SECONDS) as redis:
            token = new_setup_token(redis)
    except RedisError:
        return None
    return setup_address(settings.url, settings.bind, token) if token else None


def _warn_of_proxies(settings: Settings) -> None:
    if (settings.url or "").startswith("https:") and not settings.proxies:
        logger.warning(
            "PAGE_TRACKER_URL begins with https, but no proxy is named. If a proxy is "
            "in front, all visitors seem to have its address: set PAGE_TRACKER_PROXIES."
        )


def _warn_of_time_zones(redis: Redis, settings: Settings) -> None:
    registered = {
        site.name: site for site in Registry(Store(lambda: redis), settings.sites).all()
    }
    for site in settings.sites:
        known = registered.get(site.name, site)
        if "time_zone" in site.model_fields_set and known.time_zone != site.time_zone:
            logger.warning(
                "PAGE_TRACKER_SITES names the time zone %s for %s, which keeps %s. "
                "To change it: page-tracker sites set %s --time-zone %s",
                *(site.time_zone, site.name, known.time_zone),
                *(site.name, site.time_zone),
            )
