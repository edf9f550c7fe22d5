"""The addresses that reports are sent to, by apprise, which knows a hundred services.

An address holds a secret as a rule: a password, a token, the path of a webhook. No
message shows more of it than its number and its service.
"""

import logging
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import scrypt
from threading import Thread, get_ident
from typing import Any

import click

from page_tracker.settings import Settings, read_text

SECONDS_TO_SEND = 60

BETWEEN = re.compile(r"[\s,]+(?=[A-Za-z][A-Za-z0-9+.-]*://)")
"""Separators of addresses. One address may hold commas."""

PARTS = re.compile(r"[^\w.%-]+")


@dataclass(frozen=True)
class Address:
    """An address to send to. No representation shows it."""

    number: int
    url: str = field(repr=False)
    service: Any = field(repr=False)

    @property
    def name(self) -> str:
        """Return the address without its secret, for example `address 2 (mailto)`."""
        return f"address {self.number} ({self.url.partition('://')[0]})"

    @property
    def identity(self) -> str:
        """Return a text that tells addresses apart.

        It takes long to compute, so that nobody tries all passwords with it.
        """
        return scrypt(
            self.url.encode(), salt=b"page-tracker", n=1 << 14, r=8, p=1, dklen=8
        ).hex()


def read_addresses(settings: Settings) -> list[Address]:
    """Return the addresses that reports are sent to. Raises ClickException."""
    try:
        # pylint: disable-next=import-outside-toplevel  # an extra
        from apprise import Apprise, AppriseAsset
    except ImportError as error:
        raise click.ClickException(
            "Reports are sent by apprise, which is not installed: "
            "pip install 'page-tracker[notify]', or use the Docker image. The single "
            "executable cannot send reports"
        ) from error
    urls = [url for url in BETWEEN.split(_text_of(settings).strip(" \t\n,")) if url]
    if not urls:
        raise click.ClickException(
            "PAGE_TRACKER_NOTIFY has no address to send to. For example: "
            "mailto://user:password@example.org; or see with --dry-run what would be "
            "sent"
        )
    asset = AppriseAsset(app_id="Page Tracker", app_desc="Page Tracker", app_url="")
    addresses = []
    for number, url in enumerate(dict.fromkeys(urls), 1):
        service = Apprise(asset=asset)
        with _Reasons():
            is_valid = service.add(url)
        if not is_valid:
            raise click.ClickException(
                f"PAGE_TRACKER_NOTIFY: address {number} is invalid; use an address of "
                "apprise, for example mailto://user:password@example.org"
            )
        addresses.append(Address(number, url, service))
    return addresses


def _text_of(settings: Settings) -> str:
    """Return what the setting holds, or its file."""
    if not settings.notify_file:
        return settings.notify or ""
    if settings.notify:
        raise click.ClickException(
            "PAGE_TRACKER_NOTIFY and PAGE_TRACKER_NOTIFY_FILE are both set: unset one"
        )
    try:
        return read_text(settings.notify_file, "holds the addresses")
    except ValueError as error:
        raise click.ClickException(
            f"PAGE_TRACKER_NOTIFY_FILE is '{settings.notify_file}': {error}"
        ) from error


def send(addresses: Sequence[Address], title: str, text: str) -> dict[Address, str]:
    """Send a message to addresses at once; return why it failed, empty if it did not.

    An address gets `SECONDS_TO_SEND`.
    """
    failures = {address: "no answer in time" for address in addresses}

    def send_to(address: Address) -> None:
        with _Reasons() as reasons:
            try:
                is_sent = address.service.notify(text, title, body_format="text")
            except Exception as error:  # pylint: disable=broad-exception-caught
                is_sent = False
                reasons.said.append(type(error).__name__)
        said = reasons.said[-1] if reasons.said else "the service refused it"
        failures[address] = "" if is_sent else _without(address.url, said)

    threads = [
        Thread(target=send_to, args=(address,), daemon=True) for address in addresses
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(SECONDS_TO_SEND)
    return dict(failures)


def _without(url: str, text: str) -> str:
    """Return a text without any part of an address."""
    for part in sorted(PARTS.split(url), key=len, reverse=True):
        if len(part) > 2:
            text = text.replace(part, "…")
    return text


class _Reasons(logging.Handler):
    """Keeps what apprise logs in this thread, instead of printing it."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.said: list[str] = []
        self._thread = get_ident()

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a line of this thread."""
        if record.thread == self._thread:
            self.said.append(record.getMessage())

    def __enter__(self) -> "_Reasons":
        logger = logging.getLogger("apprise")
        logger.propagate = False  # nothing else prints them
        logger.addHandler(self)
        return self

    def __exit__(self, *_: object) -> None:
        logging.getLogger("apprise").removeHandler(self)
