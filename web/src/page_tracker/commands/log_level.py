"""page-tracker log-level: the levels of a running server's loggers."""

import click

from page_tracker.commands.output import add_row, make_console, make_table, say
from page_tracker.environment import SettingsError, load_settings
from page_tracker.log_levels import (
    LEVELS,
    LOGGERS,
    LogLevels,
    check_logger,
    read_levels,
)
from page_tracker.operating.levels import LevelsFile

DEFAULT = "default"

WIDE = 1_000
"""Columns without a terminal: no line of the table wraps."""

LEVEL = click.Choice([*LEVELS, DEFAULT], case_sensitive=False)


@click.command("log-level")
@click.argument("logger", required=False)
@click.argument("level", required=False, type=LEVEL)
@click.option("--bind", metavar="HOST:PORT", help="Address of the server.")
def log_level(logger: str | None, level: str | None, bind: str | None) -> None:
    """Set the level of LOGGER in the running server, or list all levels.

    The server uses the level within a second, until it ends. LEVEL default takes it
    back. Without a LEVEL, the command changes nothing.
    """
    try:
        settings = load_settings()
        file = LevelsFile(bind or settings.bind)
        levels = file.read()
        if logger:
            check_logger(logger)
    except FileNotFoundError:
        raise click.ClickException(
            f"no server listens on {bind or settings.bind} here; name its address "
            "with --bind or PAGE_TRACKER_BIND"
        ) from None
    except (OSError, SettingsError, ValueError) as error:
        raise click.ClickException(str(error)) from error
    if logger and level:
        levels.pop(logger, None)
        if level != DEFAULT:
            levels[logger] = level
        file.write(levels)
        say(f"{logger} {level}")
        return
    _print(levels, read_levels(settings.log_level), logger)


def _print(levels: dict[str, str], by_settings: LogLevels, only: str | None) -> None:
    table = make_table("logger", "level", "set by", "writes", folds="writes")
    for name, meaning in LOGGERS.items():
        level, by = _level_of(name, levels, by_settings)
        if only in (None, name):
            add_row(table, name, level, by, meaning)
    console = make_console()
    if console.is_terminal:
        console.print(table)
        return
    console.width = WIDE
    with console.capture() as printed:
        console.print(table)
    for line in printed.get().splitlines():
        say(line.rstrip())


def _level_of(
    name: str, levels: dict[str, str], by_settings: LogLevels
) -> tuple[str, str]:
    """Return the level of a logger, and what set it."""
    for one in (name, name.partition(".")[0]):
        if one in levels:
            return levels[one], "log-level"
        if one in by_settings.loggers:
            return by_settings.loggers[one], "settings"
    return by_settings.default, "settings"
