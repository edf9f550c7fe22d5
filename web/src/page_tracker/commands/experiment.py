"""page-tracker experiment: what the looks of the counter page make visitors do."""

from typing import Any

import click
from rich.console import Console

from page_tracker.commands.opening import open_counts
from page_tracker.commands.output import (
    bars,
    json_option,
    make_bar,
    make_console,
    make_table,
    print_json,
    say,
)
from page_tracker.environment import SettingsError
from page_tracker.experiments.flag_file import FlagsError, read_flags
from page_tracker.experiments.looks import (
    FLAG,
    LOOKS,
    Experiment,
    check_flags,
    experiment_of,
    shown_page,
    went_on_page,
)
from page_tracker.experiments.proportions import (
    Proportion,
    difference_interval,
    errors_apart,
    errors_off,
    p_value,
    people_to_tell,
)
from page_tracker.settings import Settings, variable
from page_tracker.tracking.reports import Reports
from page_tracker.tracking.sites import LONGEST_RETENTION

LEAST_CHANCE = 0.05
"""What happens less often by chance is taken for a real difference."""

LEAST_CHANCE_OF_SPLIT = 0.001
"""What happens less often than that is a fault of the split: one look loses visitors.

A. Fabijan et al., "Diagnosing sample ratio mismatch in online controlled experiments",
KDD 2019.
"""

ERROR_OF_VISITORS = 0.0081
"""Relative standard error of a HyperLogLog of Redis, at most."""

LONGEST_BAR = 40
"""Columns of a terminal."""

Outcome = dict[str, Any]
"""How an experiment stands: what JSON has, and what people are shown."""


@click.command()
@click.option(
    "--days",
    metavar="N",
    type=click.IntRange(1, LONGEST_RETENTION),
    default=30,
    show_default=True,
    help="How many days to look at, today being the last.",
)
@json_option
def experiment(days: int, as_json: bool) -> None:
    """Compare the looks of the counter page.

    The file of flags (PAGE_TRACKER_FLAGS) says who is shown which. Of the visitors of
    each, those went on who came from the counter page to "Count your own pages"; a
    visitor counts once a day. Rates have intervals of 95 %.

    \b
    Examples:
      page-tracker experiment
      page-tracker experiment --days 7 --json
    """
    with open_counts() as counts:
        asked = experiment_in(counts.settings)
        reports = Reports(counts.redis, counts.sites.get(asked.site))
        outcome = outcome_of(asked.shares, reports, days)
    if as_json:
        print_json(outcome)
    else:
        print_outcome(outcome, make_console())


def experiment_in(settings: Settings) -> Experiment:
    """Return the experiment of the file of flags. Raises SettingsError."""
    name = variable("flags")
    if not settings.flags:
        raise SettingsError(
            f"{name} is not set: name the file of flags that has the experiment"
        )
    try:
        file = read_flags(settings.flags)
        check_flags(file)
    except FlagsError as error:
        raise SettingsError(f"{name} is '{settings.flags}': {error}") from error
    found = experiment_of(file)
    if not found:
        raise SettingsError(
            f"{name} is '{settings.flags}': no experiment is in it; "
            f"flags.{FLAG}.metadata.site names the site that counts one"
        )
    return found


def outcome_of(weights: dict[str, int], reports: Reports, number: int) -> Outcome:
    """Return how an experiment stands, as JSON has it: rates are from 0 to 1.

    Names stay as they are in later versions; more may come.
    """
    days = reports.last_days(number)
    pages = [page(look) for look in LOOKS for page in (shown_page, went_on_page)]
    visits = [page.visits for page in reports.pages(pages, days)]
    # A page that was left at once may not have loaded its pixel, and the numbers are
    # estimates where they are large: no more can have gone on than were there.
    usual, other = (
        Proportion(min(went_on, shown), shown)
        for shown, went_on in zip(visits[::2], visits[1::2])
    )
    split = chance_of_split(usual.people, other.people, weights)
    return {
        "site": reports.site.name,
        "first_day": days[0].isoformat(),
        "last_day": days[-1].isoformat(),
        "looks": [
            {
                "look": look,
                "weight": weights.get(look, 0),
                "visitors": of.people,
                "went_on": of.did,
                "rate": of.rate,
                **of.interval._asdict(),
            }
            for look, of in zip(LOOKS, (usual, other))
        ],
        "difference": {
            "rate": other.rate - usual.rate,
            **difference_interval(usual, other)._asdict(),
            "p_value": p_value(errors_apart(usual, other)),
        },
        "split_p_value": split,
        "conclusion": conclusion(usual, other),
        "warning": warning(weights, split),
    }


def chance_of_split(usual: int, other: int, weights: dict[str, int]) -> float:
    """Return how often chance alone splits visitors so far from the weights."""
    if not weights:
        return 1.0
    share = weights[LOOKS[0]] / sum(weights.values())
    return p_value(errors_off(usual, other, share, ERROR_OF_VISITORS))


def conclusion(usual: Proportion, other: Proportion) -> str:
    """Return what the numbers mean, in a sentence or two."""
    if not usual.people or not other.people:
        return "There is nothing to compare until visitors were shown both looks."
    if usual.rate == other.rate:
        return "Both looks make as many go on: no difference was counted."
    errors = errors_apart(usual, other)
    chance = f"(p = {p_value(errors):.2g})"
    interval = difference_interval(usual, other)
    if p_value(errors) < LEAST_CHANCE and not interval.low <= 0 <= interval.high:
        low, high = sorted(100 * abs(bound) for bound in interval)
        more = "more" if errors > 0 else "fewer"
        return (
            f"Of 100 visitors who are shown {LOOKS[1]}, {low:.1f} to {high:.1f} {more} "
            f"go on than of 100 who are shown {LOOKS[0]}. Chance alone would rarely "
            f"make such a difference {chance}."
        )
    people = usual.people + other.people
    missing = max(1, people_to_tell(people, errors) - people)
    return (
        f"The difference may be chance {chance}. If it is real and as large as this, "
        f"about {missing:,} visitors more would tell, four times out of five."
    )


def warning(weights: dict[str, int], chance: float) -> str:
    """Return what is wrong with the split, or an empty text."""
    if chance >= LEAST_CHANCE_OF_SPLIT:
        return ""
    split = " to ".join(str(weights[look]) for look in LOOKS)
    return (
        f"Do not trust this: the visitors are not split {split}, as the file of flags "
        f"says (p = {chance:.2g}). If the shares were changed in these days, --days "
        "asks for fewer; else one look loses visitors, or their pixels."
    )


def print_outcome(outcome: Outcome, console: Console) -> None:
    """Print an outcome, as wide as the terminal is."""
    looks, difference = outcome["looks"], outcome["difference"]
    full, light = bars(console)
    say(
        f"Visitors who went on to count their own pages, {outcome['first_day']} to "
        f"{outcome['last_day']} ({outcome['site']}; rates are {full} at least, {light} "
        "at most)"
    )
    console.print()
    table = make_table("look", ">visitors", ">went on", ">rate", ">95 % interval", "")
    most = max(look["high"] for look in looks)
    longest = min(LONGEST_BAR, max(10, console.width - 52))
    for look in looks:
        low, high = look["low"], look["high"]
        table.add_row(
            look["look"],
            f"{look['visitors']:,}",
            f"{look['went_on']:,}",
            f"{look['rate']:.1%}",
            f"{low:.1%} to {high:.1%}",
            make_bar(high, low, most, longest, console) if look["visitors"] else "",
        )
    console.print(table)
    console.print()
    if all(look["visitors"] for look in looks):
        rate, low, high = (100 * difference[of] for of in ("rate", "low", "high"))
        say(
            f"{LOOKS[1]} against {LOOKS[0]}: {rate:+.1f} points, "
            f"{low:+.1f} to {high:+.1f} with 95 %"
        )
    console.print(outcome["conclusion"])
    if outcome["warning"]:
        console.print()
        console.print(outcome["warning"])
