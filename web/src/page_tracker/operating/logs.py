"""The destination and the format of log lines: stdout, as JSON or text.

`http/request_log.py` writes the lines of requests there, too.

Libraries log parts of requests. So each line, also of a library, loses parameters and
control characters here.
"""

import logging
import re
import sys
from typing import Any

from pythonjsonlogger.json import JsonFormatter

from page_tracker.http.edge import request_id
from page_tracker.http.request_log import request_log
from page_tracker.log_levels import LOGGERS, LogLevels, read_levels
from page_tracker.settings import Settings


class RequestId(logging.Filter):
    """Add the id of its request to a line."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Pass every line, with a `request_id` if a request caused it."""
        if identity := request_id.get():
            record.request_id = identity
        return True


def harmless(text: str) -> str:
    """Return a text without parameters and commands; control characters are escaped.

    redis-py repeats a failed command, and Redis an unknown one. Both may contain the
    name of a page.
    """
    before, _, command = text.partition("Command # ")
    _, is_found, error = command.rpartition(" of pipeline caused error: ")
    text = before + error if is_found else text
    text = text.partition(", with args beginning with:")[0]
    if "?" in text:
        text = re.sub(r"\S+", _without_parameters, text)
    if text.isprintable():
        return text
    return "".join(
        one if one.isprintable() else one.encode("unicode_escape").decode()
        for one in text
    )


def _without_parameters(word: re.Match[str]) -> str:
    """Return a word, or the path in it."""
    path, _, parameters = word[0].partition("?")
    return path if parameters and "/" in path else word[0]


KEEPS_PARAMETERS = "keeps_parameters"
"""An attribute of our own line with the link for the first owner."""


class Harmless(logging.Filter):
    """Keep a message on one line, without parameters."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Pass every line."""
        if record.__dict__.pop(KEEPS_PARAMETERS, False):
            return True
        record.msg, record.args = harmless(record.getMessage()), None
        return True


class HarmlessTraceback(logging.Formatter):
    """Indent each line of a traceback, so that it cannot look like a record."""

    def formatException(self, ei: Any) -> str:
        """Return the traceback."""
        lines = super().formatException(ei).split("\n")
        return "\n".join(f"    {harmless(line)}" for line in lines)


REWRITTEN = {
    "Reloader is on": "This server is for development: it reloads changed code. For "
    "visitors, run page-tracker serve or docker compose up",
}
"""Our messages in place of gunicorn's, by the start of those."""


class InOurWords(logging.Filter):
    """Rewrite some of gunicorn's messages."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Pass every line."""
        for start, text in REWRITTEN.items():
            if record.getMessage().startswith(start):
                record.msg, record.args = text, None
        return True


class JsonLines(HarmlessTraceback, JsonFormatter):
    """Write a line for programs."""


class TextLines(HarmlessTraceback):
    """Write a line for people: time, level, message, and the request's id last."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line, and below it the traceback where there is one."""
        identity = getattr(record, "request_id", None)
        record.suffix = f" [{identity}]" if identity else ""
        return super().format(record)


class Stdout(logging.StreamHandler[Any]):
    """Writes lines to stdout, in their turn after those of requests."""

    def __init__(self, *, is_json: bool) -> None:
        super().__init__(sys.stdout)
        request_log.open(self.stream, is_json=is_json)

    def emit(self, record: logging.LogRecord) -> None:
        """Write a line."""
        try:
            request_log.add_now(f"{self.format(record)}\n")
        except Exception:  # pylint: disable=broad-exception-caught  # as logging has it
            self.handleError(record)


def format_of(settings: Settings) -> str:
    """Return the format of lines, `json` or `text`: the latter on a terminal."""
    if settings.log_format != "auto":
        return settings.log_format
    return "text" if sys.stdout and sys.stdout.isatty() else "json"


def level_of(logger: str, levels: LogLevels) -> str:
    """Return the level of a logger for the logging module; NOTSET is its parent's.

    At level debug, gunicorn prints its whole configuration at each start.
    """
    if logger in levels.loggers:
        return levels.loggers[logger].upper()
    is_too_much = logger == "gunicorn.error" and levels.default == "debug"
    return "INFO" if is_too_much else "NOTSET"


def logging_configuration(settings: Settings) -> dict[str, Any]:
    """Return the configuration of all processes, for `logging.config.dictConfig`."""
    log_format, levels = format_of(settings), read_levels(settings.log_level)
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "filters": {
            "request_id": {"()": RequestId},
            "harmless": {"()": Harmless},
            "in_our_words": {"()": InOurWords},
        },
        "formatters": {
            "json": {
                "()": JsonLines,
                "format": "{levelname}{name}{message}{process}",
                "style": "{",
                "timestamp": "time",
                "rename_fields": {
                    "levelname": "level",
                    "name": "logger",
                    "exc_info": "traceback",
                },
            },
            "text": {
                "()": TextLines,
                "format": "%(asctime)s %(levelname)-7s %(message)s%(suffix)s",
            },
        },
        "handlers": {
            "stdout": {
                "()": Stdout,
                "is_json": log_format == "json",
                "formatter": log_format,
                "filters": ["request_id", "harmless"],
            }
        },
        "root": {"level": levels.default.upper(), "handlers": ["stdout"]},
        "loggers": {
            name: {
                "level": level_of(name, levels),
                "propagate": True,
                "filters": ["in_our_words"] if name == "gunicorn.error" else [],
            }
            for name in LOGGERS
        },
    }
