"""Opens the counts for a command, and explains every error in one line."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import click
from redis import Redis
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError, ResponseError
from redis.exceptions import TimeoutError as RedisTimeoutError

from page_tracker.commands.output import progress_of
from page_tracker.environment import SettingsError, load_settings
from page_tracker.flags.file import FlagsError
from page_tracker.settings import Settings
from page_tracker.store.connection import connect
from page_tracker.store.keeper import embedded_redis
from page_tracker.store.server import (
    RedisServer,
    RedisServerError,
    find_program,
)
from page_tracker.store.store import Store
from page_tracker.tracking.adjustments import AdjustmentError
from page_tracker.tracking.migration import migrate, sites_to_migrate
from page_tracker.tracking.registry import Registry
from page_tracker.tracking.sites import SiteError
from page_tracker.tracking.view import InvalidView


@dataclass(frozen=True)
class Counts:
    """The Redis, the sites and the settings that a command works with."""

    redis: Redis
    sites: Registry
    settings: Settings


@contextmanager
def open_counts(create: bool = False) -> Iterator[Counts]:
    """Open the counts of the server, whether it runs or not.

    They are in the Redis of REDIS_URL, or else in the folder PAGE_TRACKER_DATA. The
    folder must exist, unless the command may `create` it. An error ends the command
    with one line.
    """
    address = ""
    try:
        settings = load_settings()
        address = settings.redis_address if settings.redis_url else str(settings.data)
        with ExitStack() as stack:
            if settings.redis_url is None:
                url = stack.enter_context(_redis_in(settings.data, create))
                settings = settings.model_copy(update={"redis_url": url})
            redis = stack.enter_context(connect(settings.redis_url or ""))
            if older := sites_to_migrate(redis):
                with progress_of("Migrating the counts") as on_progress:
                    migrate(redis, older, on_progress)
            sites = Registry(Store(lambda: redis), settings.sites)
            yield Counts(redis, sites, settings)
    except (
        AdjustmentError,
        FlagsError,
        InvalidView,
        RedisServerError,
        SettingsError,
        SiteError,
    ) as error:
        raise click.ClickException(str(error)) from error
    except (RedisConnectionError, RedisTimeoutError) as error:
        raise click.ClickException(
            f"Redis at {address} does not answer: {_one_line(error)}"
        ) from error
    except ResponseError as error:
        raise click.ClickException(
            f"Redis at {address} rejects the command: {_one_line(error)}"
        ) from error
    except RedisError as error:
        raise click.ClickException(f"Redis at {address}: {_one_line(error)}") from error


@contextmanager
def _redis_in(folder: Path, create: bool) -> Iterator[str]:
    """Yield the URL of the server's own Redis; start it for a while if none runs."""
    server = RedisServer(find_program(), folder)
    with connect(server.url) as redis:
        try:
            redis.ping()
        except RedisConnectionError:
            is_running = False
        else:
            is_running = True
    if is_running:
        yield server.url
    elif create or folder.is_dir():
        with embedded_redis(folder) as url:
            yield url
    else:
        raise SettingsError(
            f"There are no counts in '{folder}': set PAGE_TRACKER_DATA to the folder "
            "of your server, or REDIS_URL to its Redis"
        )


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())
