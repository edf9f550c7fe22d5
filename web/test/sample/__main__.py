"""Fill a Redis with a site of invented numbers: to look at, and to measure."""

import time
from datetime import UTC, datetime

import click
from redis import Redis

from page_tracker.commands.opening import Counts, open_counts
from page_tracker.commands.output import number_of, progress_of, size_of
from page_tracker.store.nodes import masters_of
from page_tracker.tracking.sites import LONGEST_RETENTION, Site, SiteError, make_site
from sample.filling import Filling, Plan

MOST_PAGES = 1_000_000
MOST_VIEWS = 1_000_000_000


@click.command()
@click.argument("site")
@click.option("--pages", type=click.IntRange(1, MOST_PAGES), default=100_000)
@click.option("--days", type=click.IntRange(1, LONGEST_RETENTION), default=730)
@click.option("--views", type=click.IntRange(1, MOST_VIEWS), default=10_000_000)
@click.option("--seed", type=int, default=1, help="Another one invents others.")
@click.option("--time-zone", default="Europe/Berlin")
def main(site: str, time_zone: str, **numbers: int) -> None:
    """Fill the Redis of REDIS_URL, or of PAGE_TRACKER_DATA, with a site."""
    plan = Plan(**numbers)
    began = time.monotonic()
    with open_counts(create=True) as counts:
        new = make_site(site, time_zone=time_zone, retention=max(plan.days, 730))
        before = _memory(counts.redis)
        _fill(counts, new, plan)
        used = _memory(counts.redis) - before
    views, pages = number_of(plan.views, "view"), number_of(plan.pages, "page")
    click.echo(
        f"{new.name} has {views} of {pages} in {number_of(plan.days, 'day')}: "
        f"{size_of(used)} of Redis, after {time.monotonic() - began:.0f} s."
    )
    if plan.pages > counts.settings.max_pages:
        click.echo(
            f"Start the server with PAGE_TRACKER_MAX_PAGES={plan.pages * 2}: otherwise "
            "new views move pages to (other)."
        )


def _fill(counts: Counts, site: Site, plan: Plan) -> None:
    """Register the site and fill it. Remove it again if that is interrupted."""
    if site.name in {known.name for known in counts.sites.all()}:
        raise SiteError(
            f"{site.name} is in {counts.where} already: use another SITE, or remove it "
            f"with page-tracker sites remove {site.name}"
        )
    counts.sites.add(site)
    try:
        with progress_of(f"Inventing {site.name}") as on_progress:
            Filling(counts.redis, site, plan, datetime.now(UTC)).run(on_progress)
    except BaseException:
        counts.sites.remove(site, lambda done, all_: None)
        raise


def _memory(redis: Redis) -> int:
    """Return the bytes that Redis uses."""
    return sum(one.info("memory")["used_memory"] for one in masters_of(redis))


if __name__ == "__main__":
    main()  # pylint: disable=no-value-for-parameter
