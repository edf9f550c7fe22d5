"""page-tracker import: add the numbers of another counter, or of a log, to a site."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import click
from redis.exceptions import RedisError

from page_tracker.accounts.errors import marked
from page_tracker.commands.completion import site_argument
from page_tracker.commands.opening import Counts, open_counts
from page_tracker.commands.output import (
    add_row,
    make_console,
    make_table,
    number_of,
    progress_of,
    say,
)
from page_tracker.commands.taking_in import OWN, take_in_export
from page_tracker.importing.busuanzi import KIND as BUSUANZI
from page_tracker.importing.kinds import KINDS
from page_tracker.importing.models import MOST_PAGES, ImportRefused, Tally
from page_tracker.importing.running import Import
from page_tracker.importing.writing import Writer
from page_tracker.tracking.keys import OTHER
from page_tracker.tracking.recorder import Rules
from page_tracker.tracking.sites import Site
from page_tracker.tracking.spam import spam_domains
from page_tracker.tracking.wire import Limits

AGAIN = "What was added so far is in. Run the command again: it goes on from there."


@click.command("import")
@site_argument
@click.option(
    "--from",
    "kind",
    required=True,
    type=click.Choice([OWN, *KINDS]),
    help="The kind of SOURCE: see docs/importing.md.",
)
@click.argument("sources", metavar="SOURCE...", nargs=-1, required=True)
@click.option(
    "--pages",
    multiple=True,
    metavar="FILE",
    help="For busuanzi: a list of paths, or a sitemap.xml. Can be repeated.",
)
@click.option("--prefix", default="", help="For busuanzi: the prefix of its keys.")
@click.option("--dry-run", is_flag=True, help="Only say what would be added.")
def import_(  # pylint: disable=too-many-arguments  # by name, from the command line
    *,
    site: str,
    kind: str,
    sources: tuple[str, ...],
    pages: tuple[str, ...],
    prefix: str,
    dry_run: bool,
) -> None:
    """Add the numbers in SOURCE, or in several ones, to SITE.

    SOURCE is a file, which may be compressed, or - for the standard input. It may be
    the URL of a Redis (busuanzi, vercount), or a folder (plausible, goatcounter-json).
    Days are those of the site's time zone. Nothing is added twice: run it again after
    an interruption, or with a log that has grown. Views go on being counted.

    An export of page-tracker replaces all counts, so it needs a site without views.

    \b
    Examples:
      page-tracker import example.org --from log /var/log/nginx/access.log --dry-run
      page-tracker import example.org --from log access.log*
    """
    if kind != BUSUANZI and (pages or prefix):
        option = "--pages" if pages else "--prefix"
        raise click.UsageError(f"{option} is for --from {BUSUANZI} only")
    if kind == OWN:
        if len(sources) > 1:
            raise click.UsageError("an export is one file: name one SOURCE")
        take_in_export(site, sources[0], dry_run)
        return
    with open_counts() as counts:
        found = counts.sites.get(site)
        limits = Limits(counts.settings.max_pages, counts.settings.max_values)
        writer = Writer(counts.redis, found, limits)
        importing = Import(
            *(found, "", writer.marker),
            rules=Rules(
                own=counts.settings.own,
                spam=spam_domains(counts.settings.spam_referrers),
            ),
            lists=pages,
            prefix=prefix,
            known_pages=lambda: _known_pages(counts, found),
        )
        if counts.settings.country_file:
            importing.country_of = counts.settings.country_file.country_of
        with _explaining(importing.tally, dry_run):
            with progress_of("Reading") as importing.on_progress:
                for importing.source in sources:
                    for step in KINDS[kind].read(importing):
                        if dry_run or writer.add(step):
                            importing.tally.add(step, writer.oldest)
        _print(found, importing.tally, dry_run)
        if not dry_run:
            _note(counts, found, kind, importing.tally)


def _known_pages(counts: Counts, site: Site) -> Iterator[str]:
    for page, _ in counts.redis.zscan_iter(site.keys.pages, count=1000):
        if page != OTHER.encode():
            yield page.decode(errors="replace")


@contextmanager
def _explaining(tally: Tally, dry_run: bool) -> Iterator[None]:
    """Say after an error what is in, and that it can go on."""
    try:
        yield
    except ImportRefused as error:
        if tally.views and not dry_run:
            say(f"Added {number_of(tally.views, 'new view')} before the error.")
        raise click.ClickException(str(error)) from error
    except (KeyboardInterrupt, RedisError):
        if not dry_run:
            say(f"Interrupted after {number_of(tally.views, 'new view')}. {AGAIN}")
        raise


def _print(site: Site, tally: Tally, dry_run: bool) -> None:
    table = make_table("", ">number", "")
    for name, number, remark in _rows(site, tally):
        add_row(table, name, number, remark)
    make_console().print(table)
    if tally.bad:
        say(f"Could not be read: {_bad_lines(tally)}.")
    for sentence in tally.notes:
        say(f"{sentence}.")
    if dry_run:
        say(f"Nothing was changed: this would be added to {site.name}.")
    elif tally.views or tally.events:
        say(f"Added to {site.name}.")
    else:
        say(f"Nothing new for {site.name}.")


def _rows(site: Site, tally: Tally) -> Iterator[tuple[str, int | str, str]]:
    old = ""
    if tally.too_old:
        first = site.today() - timedelta(days=site.retention)
        old = f"{tally.too_old:,} before {first}: in totals, not in days"
    yield "views", tally.views, old
    yield "unique views", tally.uniques, ""
    if tally.undated:
        yield "views without a day", tally.undated, "in totals, not in days"
    is_more = len(tally.pages) >= MOST_PAGES
    yield "pages", len(tally.pages), "or more" if is_more else ""
    if tally.events:
        yield "events", tally.events, ""
    span = f"{min(tally.days)} to {max(tally.days)}" if tally.days else ""
    yield "days", len(tally.days), span
    if tally.known:
        yield "in already", tally.known, ""
    for reason, number in tally.left_out.most_common():
        yield "left out", number, reason


def _bad_lines(tally: Tally) -> str:
    """Return for example `line 3`, or `lines 3, 17, 18 and 40 more`."""
    numbers = [f"{number:,}" for number in tally.bad_lines]
    if tally.bad > len(numbers):
        numbers.append(f"{tally.bad - len(numbers):,} more")
    if len(numbers) == 1:
        return f"line {numbers[0]}"
    return f"lines {', '.join(numbers[:-1])} and {numbers[-1]}"


def _note(counts: Counts, site: Site, kind: str, tally: Tally) -> None:
    if tally.views or tally.events:
        details = f"{kind}: {number_of(tally.views, 'view')}"
        counts.note(marked("imported counts into the site"), site.name, details)
