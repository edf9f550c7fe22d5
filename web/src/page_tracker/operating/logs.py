"""The destination and the format of log lines: stdout, as JSON or text."""

import logging
from typing import Any

from flask import has_request_context, request

from page_tracker.http.log import request_id_of
from page_tracker.settings import Settings


class RequestId(logging.Filter):
    """Add the id of its request to a line."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Pass every line, with a `request_id` if a request caused it."""
        if has_request_context():
            record.request_id = request_id_of(request.environ)
        return True


REWRITTEN = {
    # It would hold the client's address and data.
    "Invalid request from ip=": "Refused a malformed request",
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


class TextFormatter(logging.Formatter):
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
            "in_our_words": {"()": InOurWords},
        },
        "formatters": {
            "json": {
                "()": "pythonjsonlogger.json.JsonFormatter",
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
                "()": TextFormatter,
                "format": "%(asctime)s %(levelname)-7s %(message)s%(suffix)s",
            },
        },
        "handlers": {
            "stdout": {
                "class": "logging.StreamHandler",
                "stream": "ext://sys.stdout",
                "formatter": settings.log_format,
                "filters": ["request_id"],
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
