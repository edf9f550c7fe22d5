"""The CSV for GoatCounter: its rows are invented, their sums are those of each day."""

import csv
import gzip
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from redis import Redis

from page_tracker.numbers.overview import overview
from page_tracker.numbers.query import Query
from page_tracker.store.store import Store
from page_tracker.tracking.registry import Registry
from page_tracker.tracking.sites import Site, make_site
from page_tracker.tracking.wire import Limits
from sample.filling import Filling, Plan
from support.fixture_types import Command
from support.recording import make_recorder, person, sorted_set, table, view

HEADER = (
    b"2Path,Title,Event,UserAgent,Browser,System,Session,Bot,Referrer,"
    b"Referrer scheme,Screen size,Location,FirstVisit,Date\n"
)

BERLIN = ZoneInfo("Europe/Berlin")

Rows = list[dict[str, str]]


@pytest.fixture
def sample(redis_client: Redis) -> Site:
    """Give a site with some hundred views on each of some days."""
    site = make_site("sample.example", time_zone="Europe/Berlin")
    Registry(Store(lambda: redis_client)).add(site)
    plan = Plan(pages=40, days=12, views=3_000)
    Filling(redis_client, site, plan, datetime.now(UTC)).run()
    return site


@pytest.fixture
def exported(command: Command, folder: Path, sample: Site) -> bytes:
    """Give the file of the site, unpacked."""
    file = folder / "all.csv.gz"
    done = command("export", sample.name, "--as", "goatcounter", str(file))
    assert done.exit_code == 0
    return gzip.decompress(file.read_bytes())


@pytest.fixture
def rows(exported: bytes) -> Rows:
    """Give its rows."""
    lines = exported.decode().splitlines(keepends=True)
    return list(csv.DictReader(lines))


def day_of(row: dict[str, str]) -> str:
    """Return the day of a row in the time zone of the site."""
    moment = datetime.fromisoformat(row["Date"]).astimezone(BERLIN)
    return str(moment.date())


def test_should_have_the_sums_of_each_day(
    sample: Site, exported: bytes, rows: Rows, redis_client: Redis
) -> None:
    # Given
    views = [row for row in rows if row["Event"] == "0"]
    events = [row for row in rows if row["Event"] == "1"]
    path = "2Path"

    # Then
    assert exported.startswith(HEADER)
    days = sorted({day_of(row) for row in views})
    assert len(days) == 12
    for day in days:
        of_day = [row for row in views if day_of(row) == day]
        firsts = [row for row in of_day if row["FirstVisit"] == "1"]
        of_events = [row for row in events if day_of(row) == day]
        keys = sample.keys.day(datetime.fromisoformat(day).date())

        def stored(key: str) -> dict[str, int]:
            return sorted_set(redis_client, key)

        assert Counter(row[path] for row in of_day) == stored(keys.pages)
        assert Counter(row[path] for row in firsts) == stored(keys.uniques)
        assert Counter(row[path] for row in of_events) == stored(keys.events)
        in_hours = Counter(str(hour_of(row)) for row in of_day)
        assert in_hours == table(redis_client, keys.hours)
        for column, name in (("Browser", "browser"), ("System", "system")):
            found = Counter(row[column].rstrip() or "(unknown)" for row in of_day)
            assert found == stored(keys.dimensions[name])
        sources = stored(keys.dimensions["referrer"])
        sources[""] = sources.pop("(direct)", 0) + sources.pop("(internal)", 0)
        assert Counter(row["Referrer"] for row in of_day) == sources
        pairs = Counter(f"{row[path]}\t{row['Referrer']}" for row in of_day)
        assert stored(keys.page_sources).items() <= pairs.items()


def hour_of(row: dict[str, str]) -> int:
    """Return the hour of a row. No clock is changed on these days, or once a year."""
    moment = datetime.fromisoformat(row["Date"]).astimezone(BERLIN)
    midnight = moment.replace(hour=0, minute=0, second=0)
    return int(moment.timestamp() - midnight.timestamp()) // 3600


def test_should_have_visitors_who_see_a_page_for_the_first_time_once(
    rows: Rows,
) -> None:
    # When
    firsts = Counter(
        (row["Session"], row["2Path"], row["Event"])
        for row in rows
        if row["FirstVisit"] == "1"
    )

    # Then
    assert set(firsts.values()) == {1}
    assert len({row["Session"] for row in rows}) < len(rows) / 1.2
    assert all(len(row["Session"]) == 33 for row in rows)


def test_should_be_the_same_file_when_nothing_was_counted_between(
    sample: Site, exported: bytes, command: Command, folder: Path
) -> None:
    # When
    command("export", sample.name, "--as", "goatcounter", str(folder / "again"))

    # Then
    assert gzip.decompress((folder / "again").read_bytes()) == exported


def test_should_export_a_day_with_more_pairs_than_its_limit(
    command: Command, site: Site, redis_client: Redis, folder: Path
) -> None:
    # Given
    recorder = make_recorder(redis_client, limits=Limits(values=2, rate=0))
    for number in range(9):
        seen = view(f"/{number}", site.name, referrer=f"https://{number}.example/")
        recorder.count(seen, person(number))

    # When
    done = command("export", site.name, "--as", "goatcounter", str(folder / "all.gz"))

    # Then
    assert done.exit_code == 0, done.output


def test_should_bring_the_same_numbers_back_when_it_is_imported(
    sample: Site, command: Command, folder: Path, redis_client: Redis
) -> None:
    # Given
    recorder = make_recorder(redis_client)
    title = 'A, "quoted"\ntitle'
    recorder.count(view("/odd", sample.name, title=title), person())
    recorder.count(view("/odd", sample.name, event="=1+1, or two"), person())
    file = folder / "all.csv.gz"
    command("export", sample.name, "--as", "goatcounter", str(file))
    command("sites", "add", "back.example", "--time-zone", "Europe/Berlin")

    # When
    done = command("import", "back.example", "--from", "goatcounter", str(file))

    # Then
    assert done.exit_code == 0, done.output
    assert command("verify").exit_code == 0
    now, sites = datetime.now(UTC), Registry(Store(lambda: redis_client))
    before, after = (
        overview(redis_client, sites.get(name), Query(period="all"), now).model_dump()
        for name in (sample.name, "back.example")
    )
    for bucket, again in zip(before["buckets"], after["buckets"], strict=True):
        for name in ("views", "uniques"):
            assert again[name] == bucket[name], bucket
    for name in ("pages", "browsers", "systems", "devices", "countries", "events"):
        assert rows_in(after, name) == rows_in(before, name)


def rows_in(numbers: dict[str, object], name: str) -> list[tuple[str, int]]:
    """Return names and views of a table of an overview."""
    tables = numbers["tables"]
    assert isinstance(tables, dict)
    return [(row["name"], row["views"]) for row in tables[name]["rows"]]
