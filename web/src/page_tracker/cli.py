"""The page-tracker command."""

import errno
import logging.config
import os
import platform
import socket
import sys
import textwrap
from contextlib import ExitStack
from importlib.metadata import version
from typing import Any

import click
from gunicorn.app.wsgiapp import WSGIApplication

from page_tracker.commands.backup import backup
from page_tracker.commands.backups import backups
from page_tracker.commands.counts import count
from page_tracker.commands.experiment import experiment
from page_tracker.commands.export import export
from page_tracker.commands.import_ import import_
from page_tracker.commands.log_level import log_level
from page_tracker.commands.output import forgive_encoding
from page_tracker.commands.pages import pages
from page_tracker.commands.report import report
from page_tracker.commands.restore import restore
from page_tracker.commands.sites import sites
from page_tracker.commands.smoke import smoke
from page_tracker.commands.tokens import tokens
from page_tracker.commands.users import users
from page_tracker.commands.verify import verify
from page_tracker.environment import SettingsError, load_settings
from page_tracker.operating.logs import logging_configuration
from page_tracker.operating.master import Master, exit_at_signal
from page_tracker.settings import FIELDS, variable
from page_tracker.store.errors import RedisServerError
from page_tracker.store.keeper import Keeper, embedded_redis
from page_tracker.store.waiting import wait_for

SECONDS_TO_FREE_ADDRESS = 2

OUTPUT_ERRORS = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)


class Server(WSGIApplication):  # type: ignore[misc]  # gunicorn ships no types
    """gunicorn with the configuration of the package, without its own arguments."""

    def __init__(self, keeper: Keeper | None) -> None:
        """Take the keeper of its Redis, if it has one, to watch it."""
        super().__init__()
        self._keeper = keeper

    def load_config(self) -> None:
        """Load the configuration of the package."""
        self.load_config_from_module_name_or_filename(
            "python:page_tracker.gunicorn_config"
        )
        # pylint: disable-next=attribute-defined-outside-init  # `init`, called late
        self.app_uri = self.cfg.wsgi_app

    def run(self) -> None:
        """Serve until a signal."""
        Master(self, self._keeper).run()


class Program(click.Group):
    """The command, which explains output that cannot be written."""

    def main(self, *args: Any, **options: Any) -> Any:
        """Run the command; the end of the output is written here, too."""
        try:
            try:
                return super().main(*args, **options)
            finally:
                if sys.stdout:
                    sys.stdout.flush()
        except OSError as error:
            if error.errno not in OUTPUT_ERRORS:
                raise
            # Python writes what is left once more at its end.
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
            sys.exit(f"Error: the output cannot be written: {error.strerror}")


def settings_help() -> str:
    """Return the name, default and meaning of each environment variable."""
    lines = ["\b", "Environment:"]
    for name, field in FIELDS.items():
        default = "no" if field.default is False else field.default
        suffix = f" [{default}]" if default not in (None, ()) else ""
        lines.append(f"  {variable(name)}{suffix}")
        meaning = textwrap.fill((field.description or "").replace("`", ""), 70)
        lines.append(textwrap.indent(meaning, " " * 6))
    return "\n".join(lines)


def check_address(bind: str) -> None:
    """Check that the address is free, before anything starts. Raises SettingsError.

    gunicorn itself would retry.
    """
    host, _, port = bind.rpartition(":")
    is_ipv6 = host.startswith("[")
    reason = ""

    def is_free() -> bool:
        nonlocal reason
        try:
            socket.create_server(
                (host.strip("[]"), int(port)),
                family=socket.AF_INET6 if is_ipv6 else socket.AF_INET,
                dualstack_ipv6=is_ipv6 and socket.has_dualstack_ipv6(),
            ).close()
        except OSError as error:
            reason = (error.strerror or str(error)).partition(" (while")[0]
            return False
        return True

    # Workers of a master that was killed stop listening within a second.
    if not wait_for(is_free, SECONDS_TO_FREE_ADDRESS):
        raise SettingsError(
            f"{variable('bind')} is '{bind}': {reason}; "
            "use another address or port, for example 127.0.0.1:8001"
        )


COMPLETION = """\b
Let Tab complete commands, sites and time zones, in bash (zsh_source, fish_source):
  eval "$(_PAGE_TRACKER_COMPLETE=bash_source page-tracker)"
"""


@click.group(
    cls=Program, context_settings={"max_content_width": 100}, epilog=COMPLETION
)
@click.version_option(
    package_name="page-tracker",
    message=f"Python {platform.python_version()}, redis-py {version('redis')}\n"
    "%(prog)s, version %(version)s",
)
def main() -> None:
    """Count the page views of your sites, and show them."""
    forgive_encoding()


for command in (
    *(sites, pages, count, report, experiment, verify, smoke),
    *(users, tokens, import_, export, backup, restore, backups),
):
    main.add_command(command)
main.add_command(log_level)


@main.command(epilog=settings_help())
@click.option("--bind", metavar="HOST:PORT", help="Address and port to listen on.")
def serve(bind: str | None) -> None:
    """Serve Page Tracker with gunicorn.

    If REDIS_URL is unset, the command starts its own Redis, which keeps the counts in
    PAGE_TRACKER_DATA.
    """
    if bind:
        os.environ[variable("bind")] = bind
    exit_at_signal()
    try:
        settings = load_settings()
        logging.config.dictConfig(logging_configuration(settings))
        check_address(settings.bind)
        with ExitStack() as stack:
            keeper = None
            if settings.redis_url is None:
                keeper = stack.enter_context(
                    embedded_redis(settings.data, settings.redis_memory)
                )
                os.environ[variable("redis_url")] = keeper.url
            Server(keeper).run()
    except (SettingsError, RedisServerError) as error:
        raise click.ClickException(str(error)) from error
