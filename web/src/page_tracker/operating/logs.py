"""The destination and the format of log lines: stdout, as JSON or text.

Libraries log parts of requests. So each line, also of a library, loses parameters and
control characters here.
"""

import logging
import re
from typing import Any

from pythonjsonlogger.json import JsonFormatter

from page_tracker.http.edge import request_id
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


class Harmless(logging.Filter):
    """Keep a message on one line, without parameters."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Pass every line."""
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


def logging_configuration(settings: Settings) -> dict[str, Any]:
    """Return the configuration of all processes, for `logging.config.dictConfig`."""
    level = settings.log_level.upper()
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
                "class": "logging.StreamHandler",
                "stream": "ext://sys.stdout",
                "formatter": settings.log_format,
                "filters": ["request_id", "harmless"],
            }
        },
        "root": {"level": level, "handlers": ["stdout"]},
        "loggers": {
            # At level debug gunicorn prints its whole configuration at each start.
            "gunicorn.error": {
                "level": "INFO" if level == "DEBUG" else level,
                "propagate": True,
                "filters": ["in_our_words"],
            },
        },
    }
