"""Sends the report of a finished period, once to each address."""

import logging
import logging.config
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

import click
from redis import Redis

from page_tracker.commands.addresses import Address, read_addresses, send
from page_tracker.commands.opening import Counts, open_counts
from page_tracker.commands.output import say
from page_tracker.environment import load_settings
from page_tracker.numbers.finished import Finished, Kind, last_finished
from page_tracker.numbers.overview import overview
from page_tracker.numbers.query import QueryError
from page_tracker.operating.logs import logging_configuration
from page_tracker.showing.digest import Digest, digest_of
from page_tracker.showing.language import speaking
from page_tracker.tracking.keys import DAY
from page_tracker.tracking.sites import Site

SECONDS_TO_REMEMBER = 62 * DAY
"""Longer than the longest period: what was sent of an older one does not matter."""

logger = logging.getLogger(__name__)


class Outcome(NamedTuple):
    """The result for an address; `is_new` tells whether something was tried."""

    line: str
    is_good: bool
    is_new: bool


def send_reports(names: Sequence[str], kind: Kind, language: str, again: bool) -> bool:
    """Send the last finished period of sites; of all without a name.

    Prints a line for each address. Returns whether all have it now.
    """
    with open_counts() as counts:
        outcomes = list(_outcomes(counts, names, kind, language, again))
    for outcome in outcomes:
        say(outcome.line)
    return all(outcome.is_good for outcome in outcomes)


def print_reports(names: Sequence[str], kind: Kind, language: str) -> None:
    """Print what would be sent."""
    with open_counts() as counts:
        for site, period, digest in _digests(counts, names, kind, language):
            if digest:
                click.echo(f"{digest.title}\n\n{digest.text}\n")
            else:
                say(f"{site.name}: no views yet from {period.first} to {period.last}")


def send_on(names: Sequence[str], kind: Kind, language: str, every: int) -> None:
    """Look at intervals whether a period has ended, and send it; a signal ends it."""
    for one in (signal.SIGTERM, signal.SIGINT):
        signal.signal(one, lambda *_: sys.exit())
    settings = load_settings()
    logging.config.dictConfig(logging_configuration(settings))
    read_addresses(settings)
    while True:
        try:
            with open_counts() as counts:
                for outcome in _outcomes(counts, names, kind, language):
                    if outcome.is_new:
                        level = logging.INFO if outcome.is_good else logging.ERROR
                        logger.log(level, "%s", outcome.line)
        except click.ClickException as error:
            logger.error("No report: %s", error)
        time.sleep(every)


def _outcomes(
    counts: Counts,
    names: Sequence[str],
    kind: Kind,
    language: str,
    again: bool = False,
) -> Iterator[Outcome]:
    """Send the reports, and give what became of each."""
    addresses = read_addresses(counts.settings)
    for site, period, digest in _digests(counts, names, kind, language):
        if not digest:
            line = f"{site.name}: no views yet from {period.first} to {period.last}"
            yield Outcome(line, True, False)
            continue
        key = site.keys.sent(period.kind, period.first)
        yield from _send(counts.redis, key, digest, addresses, again)


def _digests(
    counts: Counts, names: Sequence[str], kind: Kind, language: str
) -> Iterator[tuple[Site, Finished, Digest | None]]:
    """Give each site's last finished period, and what there is to say about it."""
    now = datetime.now(UTC)
    url = counts.settings.url
    sites = [counts.sites.get(name) for name in names] or counts.sites.all()
    for site in sites:
        period = last_finished(kind, now.astimezone(site.zone).date())
        try:
            numbers = overview(counts.redis, site, period.query, now)
        except QueryError:
            yield site, period, None
            continue
        address = period.query.address(f"{url}/dashboard/{site.name}") if url else ""
        with speaking(language):
            yield site, period, digest_of(numbers, address)


def _send(
    redis: Redis,
    key: str,
    digest: Digest,
    addresses: Sequence[Address],
    again: bool,
) -> Iterator[Outcome]:
    """Send to the addresses that do not have it, and note them in Redis.

    The note comes first: of two commands at a time, one sends.
    """
    due = []
    for address in addresses:
        if redis.hsetnx(key, address.identity, int(time.time())) or again:
            due.append(address)
        else:
            line = f"{digest.title}: {address.name} has it already"
            yield Outcome(line, True, False)
    redis.expire(key, SECONDS_TO_REMEMBER)
    for address, failure in send(due, digest.title, digest.text).items():
        if failure:
            redis.hdel(key, address.identity)
        what = f"failed: {failure}" if failure else "sent"
        yield Outcome(f"{digest.title}: {address.name} {what}", not failure, True)
