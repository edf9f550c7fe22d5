"""page-tracker verify: check sums and keys."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import click

from page_tracker.commands.opening import open_counts
from page_tracker.commands.output import (
    json_option,
    number_of,
    print_json,
    progress_of,
    say,
)
from page_tracker.tracking.checks.keys import check_keys
from page_tracker.tracking.checks.sums import CheckedSite, check_sums

MOST_PRINTED = 20
"""Differences that are printed of one site; JSON has all."""


class NotChecked(click.ClickException):
    """Redis could not be asked. Status 1 is a difference, and 2 a wrong argument."""

    exit_code = 3


@click.command()
@json_option
def verify(as_json: bool) -> None:
    """Check that all sums agree, and list the differences.

    Compares the totals, pages, days, hours and sources of every site, and checks the
    type and the lifetime of every key in Redis. Changes nothing, and counting goes on.
    Exits with status 1 if there is a difference, and with 3 if it could not check: for
    example because Redis does not answer.
    """
    with checking(), open_counts() as counts:
        checked: list[CheckedSite] = []
        sites = counts.sites.all()
        with progress_of("Adding up sites") as on_progress:
            for site in sites:
                checked.append(check_sums(counts.redis, site))
                on_progress(len(checked), len(sites))
        with progress_of("Checking keys") as on_progress:
            keys = check_keys(counts.redis, counts.sites, on_progress)
    if as_json:
        print_json(
            {"sites": [site._asdict() for site in checked], "keys": keys._asdict()}
        )
    else:
        for one in checked:
            views, days = number_of(one.views, "view"), number_of(one.days, "day")
            what = f"{one.site}: {views}, {days}"
            print_result(what, "all sums agree", one.differences)
        print_result(number_of(keys.checked, "key"), "all correct", keys.differences)
    if keys.differences or any(one.differences for one in checked):
        sys.exit(1)


@contextmanager
def checking() -> Iterator[None]:
    """Give each error a status of its own: it is no difference. Raises NotChecked."""
    try:
        yield
    except click.ClickException as error:
        raise NotChecked(f"not checked: {error.message}") from error


def print_result(what: str, success: str, differences: list[str]) -> None:
    """Print the success of a check, or its differences."""
    if not differences:
        say(f"{what}, {success}")
        return
    number = len(differences)
    say(f"{what}, {number_of(number, 'difference')}:")
    for difference in differences[:MOST_PRINTED]:
        say(f"  {difference}")
    if number > MOST_PRINTED:
        say(f"  and {number - MOST_PRINTED:,} more: use --json")
