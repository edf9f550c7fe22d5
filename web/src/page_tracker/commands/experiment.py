"""page-tracker experiment: compare the looks of the counter page."""

from math import sqrt
from statistics import NormalDist
from typing import Any

import click

from page_tracker.commands.opening import open_counts
from page_tracker.commands.output import json_option, print_json, say
from page_tracker.flags.file import FlagsError
from page_tracker.flags.looks import Look
from page_tracker.tracking.reports import Reports
from page_tracker.tracking.sites import LONGEST_RETENTION


@click.command(hidden=True)  # It is not about an owner's sites: see docs/flags.md.
@click.option(
    "--days",
    metavar="N",
    type=click.IntRange(1, LONGEST_RETENTION),
    default=30,
    show_default=True,
    help="Number of days, up to today.",
)
@json_option
def experiment(days: int, as_json: bool) -> None:
    """Compare the two looks of the counter page: see docs/flags.md."""
    with open_counts() as counts:
        flags = counts.settings.flags
        site = flags.file.look.metadata.get("site") if flags else None
        if not site:
            raise FlagsError("PAGE_TRACKER_FLAGS: name a file that has metadata.site")
        outcome = outcome_of(Reports(counts.redis, counts.sites.get(site)), days)
    if as_json:
        print_json(outcome)
        return
    say("look   visitors  went on   rate")
    for look, visitors, went_on, rate in map(dict.values, outcome["looks"]):
        say(f"{look} {visitors:9,} {went_on:8,} {rate:6.1%}")
    say(outcome["conclusion"])


def outcome_of(reports: Reports, number: int) -> dict[str, Any]:
    """Return the outcome of the last days. Rates are from 0 to 1."""
    days = reports.last_days(number)
    looks, estimates = [], []
    for look in (Look("tiles"), Look("plain")):
        pages = reports.pages([look.page, look.went_on_page], days)
        visitors, went_on = (page.uniques for page in pages)
        # Some visitors leave the counter page before its pixel is loaded.
        went_on = min(went_on, visitors)
        numbers = {"visitors": visitors, "went_on": went_on}
        looks.append({"look": look.name, **numbers, "rate": went_on / max(1, visitors)})
        estimates.append(rate_of(**numbers))
    difference = estimates[1] - estimates[0]
    low, high = difference.inv_cdf(0.025), difference.inv_cdf(0.975)
    chance = 2 * min(difference.cdf(0), 1 - difference.cdf(0))
    verdict = "may be" if chance > 0.05 else "is probably not"
    return {
        "site": reports.site.name,
        "first_day": f"{days[0]}",
        "last_day": f"{days[-1]}",
        "looks": looks,
        "difference": {"low": low, "high": high, "p_value": chance},
        "conclusion": f"plain against tiles, {days[0]} to {days[-1]}: {100 * low:+.1f} "
        f"to {100 * high:+.1f} points with 95 % confidence. "
        f"The difference {verdict} chance (p = {chance:.2g}).",
    }


def rate_of(visitors: int, went_on: int) -> NormalDist:
    """Return the rate of visitors who went on, with its uncertainty.

    One more visitor who went on, and one more who did not, make it right for few
    visitors too: A. Agresti and B. Caffo, The American Statistician 54 (2000).
    """
    rate = (went_on + 1) / (visitors + 2)
    return NormalDist(rate, sqrt(rate * (1 - rate) / (visitors + 2)))
