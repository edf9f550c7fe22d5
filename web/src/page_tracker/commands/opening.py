"""Opens the counts for a command, and explains every error in one line."""

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from getpass import getuser
from pathlib import Path

import click
from redis import Redis
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError

from page_tracker.accounts.changes import note_change
from page_tracker.accounts.errors import AccountError
from page_tracker.commands.output import progress_of
from page_tracker.environment import SettingsError, load_settings
from page_tracker.flags.file import FlagsError
from page_tracker.operating.readiness import NotReady, check_fit
from page_tracker.settings import Settings
from page_tracker.store.connection import connect
from page_tracker.store.errors import RedisServerError
from page_tracker.store.explaining import explain, has_answered
from page_tracker.store.folder import has_data
from page_tracker.store.keeper import embedded_redis
from page_tracker.store.lost_data import check_data
from page_tracker.store.server import RedisServer, find_program
from page_tracker.store.store import Store
from page_tracker.tracking.adjustments import AdjustmentError
from page_tracker.tracking.migration import (
    migrate,
    refuses_writes,
    sites_to_migrate,
)
from page_tracker.tracking.registry import Registry
from page_tracker.tracking.sites import SiteError
from page_tracker.tracking.view import InvalidView


@dataclass(frozen=True)
class Counts:
    """The Redis, the sites and the settings that a command works with."""

    redis: Redis
    sites: Registry
    settings: Settings
    where: str
    """The Redis in words, without its password."""

    def note(self, what: str, about: str, details: str = "") -> None:
        """Note a change in the list of changes, with the user of this machine."""
        note_change(self.redis, f"command line ({_user()})", what, about, details)


@contextmanager
def open_counts(create: bool = False) -> Iterator[Counts]:
    """Open the counts of the server, whether it runs or not.

    They are in the Redis of REDIS_URL, or else in the folder PAGE_TRACKER_DATA. If the
    folder has none, a command that may `create` them asks first. An error ends the
    command with one line.
    """
    where = ""
    try:
        settings = load_settings()
        where = f"Redis at {settings.redis_address}"
        if settings.redis_url is None:
            where = f"Redis in {settings.data.absolute()}"
        with ExitStack() as stack:
            if settings.redis_url is None:
                url = stack.enter_context(_redis_in(settings, create))
                settings = settings.model_copy(update={"redis_url": url})
            redis = stack.enter_context(connect(settings.counting_url))
            check_fit(redis)
            _migrate(redis)
            sites = Registry(Store(lambda: redis), settings.sites)
            yield Counts(redis, sites, settings, where)
    except (
        AccountError,
        AdjustmentError,
        FlagsError,
        InvalidView,
        RedisServerError,
        SettingsError,
        SiteError,
    ) as error:
        raise click.ClickException(str(error)) from error
    except NotReady as error:
        raise click.ClickException(f"{where} is {error}") from error
    except RedisError as error:
        verb = "rejects the command" if has_answered(error) else "does not answer"
        raise click.ClickException(f"{where} {verb}: {explain(error)}") from error


def _user() -> str:
    """Return the name of the user of this machine, or the number of one without."""
    try:
        return getuser()
    except (KeyError, OSError):  # a container may have no list of users
        return str(os.getuid())


def _migrate(redis: Redis) -> None:
    """Migrate older data. If Redis refuses all writes, print a note and go on."""
    try:
        if older := sites_to_migrate(redis):
            with progress_of("Migrating the counts") as on_progress:
                migrate(redis, older, on_progress)
    except RedisError as error:
        if not refuses_writes(error):
            raise
        click.echo(
            "Note: Redis cannot migrate the counts of an older version now, so unique "
            f"views may be missing: {explain(error)}",
            err=True,
        )


@contextmanager
def _redis_in(settings: Settings, create: bool) -> Iterator[str]:
    """Yield the URL of the server's own Redis; start it for a while if none runs."""
    folder = settings.data
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
    elif has_data(folder) or (create and _may_create(folder)):
        with embedded_redis(folder, settings.redis_memory) as keeper:
            yield keeper.url
    else:
        check_data(folder)
        raise SettingsError(
            f"There are no counts in '{folder.absolute()}'. Run this in the folder of "
            "your server, or set PAGE_TRACKER_DATA or REDIS_URL. To start new counts: "
            "page-tracker serve."
        )


def _may_create(folder: Path) -> bool:
    """Ask whether new counts may start in a folder; no answer is a no."""
    question = f"There are no counts in '{folder.absolute()}'. Start new ones there?"
    try:
        return click.confirm(question)
    except click.Abort:
        click.echo()  # ends the line of the question
        return False
