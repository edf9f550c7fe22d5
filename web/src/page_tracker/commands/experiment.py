"""page-tracker experiment: what the looks of the counter page make visitors do."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
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
    Interval,
    Proportion,
    chance_of_difference,
    chance_of_split,
    difference_interval,
    people_to_tell,
)
from page_tracker.settings import Settings, SettingsError, variable
from page_tracker.tracking.reports import Reports
from page_tracker.tracking.site import LONGEST_RETENTION, Site

LEAST_CHANCE = 0.05
"""What happens less often by chance is taken for a real difference."""

LEAST_CHANCE_OF_SPLIT = 0.001
"""And less often than that for a fault of the split, as Fabijan et al. have it."""

ERROR_OF_VISITORS = 0.0081
"""Relative standard error of a HyperLogLog of Redis, at most."""

LONGEST_BAR = 40
"""Columns of a terminal."""


@dataclass(frozen=True)
class Outcome:
    """How an experiment stands."""

    site: Site
    days: Sequence[date]
    weights: dict[str, int]
    looks: dict[str, Proportion]

    @property
    def usual(self) -> Proportion:
        """Return what those did who were shown the look that everybody had."""
        return self.looks[LOOKS[0]]

    @property
    def other(self) -> Proportion:
        """Return what those did who were shown the other look."""
        return self.looks[LOOKS[1]]

    @property
    def difference(self) -> Interval:
        """Return how much larger the other rate may be."""
        return difference_interval(self.usual, self.other)

    @property
    def chance(self) -> float:
        """Return how often chance alone makes such a difference."""
        return chance_of_difference(self.usual, self.other)

    @property
    def is_told(self) -> bool:
        """Say whether the difference is more than chance usually makes."""
        excludes_none = self.difference.low > 0 or self.difference.high < 0
        return excludes_none and self.chance < LEAST_CHANCE

    @property
    def chance_of_split(self) -> float:
        """Return how often chance alone splits visitors so far from the weights."""
        people = {look: outcome.people for look, outcome in self.looks.items()}
        return chance_of_split(people, self.weights, ERROR_OF_VISITORS)


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
        outcome = outcome_of(asked, reports, days)
    if as_json:
        print_json(as_document(outcome))
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


def outcome_of(asked: Experiment, reports: Reports, number_of_days: int) -> Outcome:
    """Ask what was counted."""
    days = reports.last_days(number_of_days)
    pages = [page(look) for look in LOOKS for page in (shown_page, went_on_page)]
    visits = [page.visits for page in reports.pages(pages, days)]
    looks = {
        # A page that was left at once may not have loaded its pixel, and the numbers
        # are estimates where they are large: no more can have gone on than were there.
        look: Proportion(min(went_on, shown), shown)
        for look, shown, went_on in zip(LOOKS, visits[::2], visits[1::2])
    }
    return Outcome(reports.site, days, asked.shares, looks)


def conclusion(outcome: Outcome) -> str:
    """Return what the numbers mean, in a sentence or two."""
    usual, other = outcome.usual, outcome.other
    if not usual.people or not other.people:
        return "There is nothing to compare until visitors were shown both looks."
    shown = f"(p = {outcome.chance:.2g})"
    if outcome.is_told:
        low, high = sorted(100 * abs(bound) for bound in outcome.difference)
        more = "more" if other.rate > usual.rate else "fewer"
        return (
            f"Of 100 visitors who are shown {LOOKS[1]}, {low:.1f} to {high:.1f} {more} "
            f"go on than of 100 who are shown {LOOKS[0]}. Chance alone would rarely "
            f"make such a difference {shown}."
        )
    if usual.rate == other.rate:
        return "Both looks make as many go on: no difference was counted."
    missing = max(1, people_to_tell(usual, other) - usual.people - other.people)
    return (
        f"The difference may be chance {shown}. If it is real and as large as this, "
        f"about {missing:,} visitors more would tell, four times out of five."
    )


def warning(outcome: Outcome) -> str:
    """Return what is wrong with the split, or an empty text."""
    if outcome.chance_of_split >= LEAST_CHANCE_OF_SPLIT:
        return ""
    split = " to ".join(str(outcome.weights[look]) for look in LOOKS)
    return (
        f"Do not trust this: the visitors are not split {split}, as the file of flags "
        f"says (p = {outcome.chance_of_split:.2g}). Were the shares changed in these "
        "days, --days asks for fewer; else one look loses visitors, or their pixels."
    )


def as_document(outcome: Outcome) -> dict[str, Any]:
    """Return an outcome as JSON has it: rates and their intervals from 0 to 1.

    Names stay as they are in later versions; more may come.
    """
    return {
        "site": outcome.site.name,
        "first_day": outcome.days[0].isoformat(),
        "last_day": outcome.days[-1].isoformat(),
        "looks": [
            {
                "look": look,
                "weight": outcome.weights.get(look, 0),
                "visitors": of.people,
                "went_on": of.did,
                "rate": of.rate,
                **of.interval._asdict(),
            }
            for look, of in outcome.looks.items()
        ],
        "difference": {
            "rate": outcome.other.rate - outcome.usual.rate,
            **outcome.difference._asdict(),
            "p_value": outcome.chance,
        },
        "split_p_value": outcome.chance_of_split,
        "conclusion": conclusion(outcome),
        "warning": warning(outcome),
    }


def print_outcome(outcome: Outcome, console: Console) -> None:
    """Print an outcome, as wide as the terminal is."""
    number = len(outcome.days)
    span = f"the last {number:,} days" if number > 1 else "today"
    full, light = bars(console)
    say(
        f"Visitors who went on to count their own pages, {span} ({outcome.site.name}; "
        f"rates are {full} at least, {light} at most)"
    )
    console.print()
    table = make_table("look", ">visitors", ">went on", ">rate", ">95 % interval", "")
    most = max(of.interval.high for of in outcome.looks.values())
    longest = min(LONGEST_BAR, max(10, console.width - 52))
    for look, of in outcome.looks.items():
        low, high = of.interval
        table.add_row(
            look,
            f"{of.people:,}",
            f"{of.did:,}",
            f"{of.rate:.1%}",
            f"{low:.1%} to {high:.1%}",
            make_bar(high, low, most, longest, console) if of.people else "",
        )
    console.print(table)
    console.print()
    if outcome.usual.people and outcome.other.people:
        low, high = outcome.difference
        difference = outcome.other.rate - outcome.usual.rate
        say(
            f"{LOOKS[1]} against {LOOKS[0]}: {100 * difference:+.1f} points, "
            f"{100 * low:+.1f} to {100 * high:+.1f} with 95 %"
        )
    console.print(conclusion(outcome))
    if said := warning(outcome):
        console.print()
        console.print(said)
