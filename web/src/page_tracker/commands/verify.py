"""page-tracker verify: whether every sum agrees."""

import sys

import click

from page_tracker.commands.opening import open_counts
from page_tracker.commands.output import json_option, print_json, progress_of, say
from page_tracker.tracking.inventory import verify_keys
from page_tracker.tracking.verification import Verified, verify_site

MOST_SHOWN = 20
"""Differences of one site; JSON has all of them."""


@click.command()
@json_option
def verify(as_json: bool) -> None:
    """Check that every sum agrees, and say what differs.

    Totals, pages, days and hours of every site are added up, and every key in Redis is
    checked for its type and how long it stays. Nothing is changed, and counting goes
    on. The exit status is 1 when something differs.
    """
    with open_counts() as counts:
        verified: list[Verified] = []
        sites = counts.sites.all()
        with progress_of("Adding up sites") as on_progress:
            for site in sites:
                verified.append(verify_site(counts.redis, site))
                on_progress(len(verified), len(sites))
        with progress_of("Looking at keys") as on_progress:
            keys = verify_keys(counts.redis, counts.sites, on_progress)
    if as_json:
        print_json(
            {"sites": [site._asdict() for site in verified], "keys": keys._asdict()}
        )
    else:
        for one in verified:
            days = f"{one.days:,} day" if one.days == 1 else f"{one.days:,} days"
            what = f"{one.site}: {one.views:,} views, {days}"
            tell(what, "all sums agree", one.differences)
        tell(f"{keys.checked:,} keys", "all as they should be", keys.differences)
    if keys.differences or any(one.differences for one in verified):
        sys.exit(1)


def tell(what: str, praise: str, differences: list[str]) -> None:
    """Print that all is well, or what differs."""
    if not differences:
        say(f"{what}, {praise}")
        return
    number = len(differences)
    say(f"{what}, {number:,} difference{'s' if number > 1 else ''}:")
    for difference in differences[:MOST_SHOWN]:
        say(f"  {difference}")
    if number > MOST_SHOWN:
        say(f"  and {number - MOST_SHOWN:,} more, with --json")
