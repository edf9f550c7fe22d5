"""page-tracker import of sums of days: GoatCounter's JSON, Plausible."""

import json
import re
import zipfile
from collections.abc import Callable
from datetime import date, datetime, timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from redis import Redis

from page_tracker.tracking.keys import SiteKeys
from page_tracker.tracking.registry import Registry
from page_tracker.tracking.sites import make_site
from support.fixture_types import Command

KEYS = SiteKeys("example.org")
DAY = date.today() - timedelta(days=40)
NEXT = DAY + timedelta(days=1)

Rows = dict[str, list[dict[str, Any]]]


@pytest.fixture(autouse=True)
def in_berlin(sites: Registry) -> None:
    """Register a site whose days begin before those of UTC."""
    sites.add(make_site("example.org", time_zone="Europe/Berlin"))


@pytest.fixture
def imported(command: Command) -> Callable[..., str]:
    """Give a function that imports a file or folder, and returns the output."""

    def run(kind: str, source: Path, *options: str) -> str:
        arguments = ("import", "example.org", "--from", kind, str(source), *options)
        return re.sub(r"\s+", " ", command(*arguments).output)

    return run


def of_day(redis: Redis, day: date, name: str) -> dict[str, int]:
    """Return the numbers of a name on a day."""
    found: Any = redis.zrange(KEYS.day(day).names[name], 0, -1, withscores=True)
    return {member.decode(): int(number) for member, number in found}


def hours(redis: Redis, day: date) -> dict[int, int]:
    """Return the views of the hours of a day."""
    found = redis.hgetall(KEYS.day(day).hours)
    return {int(hour): int(views) for hour, views in found.items()}


def goatcounter_rows() -> Rows:
    """Return the files of a JSON export of GoatCounter, by their names."""
    day = str(DAY)
    late = f"{day}T23:00:00Z"
    noon = f"{day}T10:00:00Z"
    return {
        "paths": [
            {"id": 1, "path": "/", "title": "Home"},
            {"id": 2, "path": "/post/one/", "title": "One"},
            {"id": 3, "path": "signup", "title": "Signed up", "event": True},
        ],
        "refs": [
            {"id": 1, "ref": "", "ref_scheme": "o"},
            {"id": 2, "ref": "news.example.com/story", "ref_scheme": "h"},
            {"id": 3, "ref": "Google", "ref_scheme": "g"},
            {"id": 4, "ref": "www.example.org/", "ref_scheme": "h"},
        ],
        "browsers": [
            {"id": 1, "name": "Firefox", "version": "83"},
            {"id": 2, "name": "", "version": ""},
        ],
        "systems": [{"id": 1, "name": "macOS", "version": "10"}],
        "locations": [],
        "languages": [{"iso_639_3": "deu", "name": "German"}],
        "hit_stats": [
            {"hour": noon, "path_id": 1, "ref_id": 1, "count": 5},
            {"hour": noon, "path_id": 1, "ref_id": 4, "count": 1},
            {"hour": noon, "path_id": 2, "ref_id": 2, "count": 3},
            {"hour": noon, "path_id": 3, "ref_id": 1, "count": 2},
            {"hour": late, "path_id": 2, "ref_id": 3, "count": 4},
        ],
        "browser_stats": [
            {"day": day, "path_id": 1, "browser_id": 1, "count": 4},
            {"day": day, "path_id": 1, "browser_id": 2, "count": 2},
            {"day": day, "path_id": 3, "browser_id": 1, "count": 2},
        ],
        "system_stats": [
            {"day": day, "path_id": 2, "system_id": 1, "count": 70},
        ],
        "location_stats": [
            {"day": day, "path_id": 1, "location": "US-TX", "count": 3},
            {"day": day, "path_id": 1, "location": "US", "count": 1},
            {"day": day, "path_id": 1, "location": "", "count": 1},
        ],
        "size_stats": [
            {"day": day, "path_id": 1, "width": 390, "count": 3},
            {"day": day, "path_id": 1, "width": 768, "count": 1},
            {"day": day, "path_id": 1, "width": 1920, "count": 1},
            {"day": day, "path_id": 1, "width": 0, "count": 1},
        ],
        "language_stats": [
            {"day": day, "path_id": 1, "language": "deu", "count": 4},
            {"day": day, "path_id": 1, "language": "", "count": 1},
        ],
    }


def zip_of(path: Path, files: dict[str, str], folder: str = "export/") -> Path:
    """Write a zip of files in one folder."""
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in files.items():
            archive.writestr(f"{folder}{name}", text)
    return path


def goatcounter_zip(folder: Path, rows: Rows, extra: str = "") -> Path:
    """Write a JSON export of GoatCounter."""
    info = {"export_version": "1.0", "created_for": "stats.example.org"}
    files = {
        f"{name}.jsonl": "".join(json.dumps(row) + "\n" for row in of_file)
        for name, of_file in rows.items()
    }
    files["hit_stats.jsonl"] = extra + files["hit_stats.jsonl"]
    return zip_of(folder / "gc.zip", {"info.json": json.dumps(info), **files})


def test_should_import_the_visits_of_goatcounter(
    imported: Callable[..., str], folder: Path, command: Command, redis_client: Redis
) -> None:
    # Given
    source = goatcounter_zip(folder, goatcounter_rows())

    # When
    output = imported("goatcounter-json", source)
    again = imported("goatcounter-json", source)

    # Then
    assert of_day(redis_client, DAY, "pages") == {"/": 6, "/post/one": 3}
    assert of_day(redis_client, DAY, "uniques") == {"/": 6, "/post/one": 3}
    assert of_day(redis_client, NEXT, "pages") == {"/post/one": 4}
    noon = datetime.fromisoformat(f"{DAY}T10:00:00+00:00").timestamp()
    site = make_site("example.org", time_zone="Europe/Berlin")
    assert hours(redis_client, DAY) == {site.moment(noon).hour: 9}
    assert of_day(redis_client, DAY, "referrer") == {
        "(direct)": 5,
        "(internal)": 1,
        "news.example.com/story": 3,
    }
    assert of_day(redis_client, DAY, "page-sources") == {
        "/post/one\tnews.example.com/story": 3
    }
    assert of_day(redis_client, NEXT, "referrer") == {"Google": 4}
    assert of_day(redis_client, DAY, "browser") == {"Firefox": 4, "(unknown)": 5}
    assert of_day(redis_client, DAY, "system") == {"Mac OS X": 9}
    assert of_day(redis_client, DAY, "country") == {"US": 4}
    assert of_day(redis_client, DAY, "device") == {
        "phone": 3,
        "tablet": 1,
        "desktop": 1,
        "(unknown)": 4,
    }
    assert of_day(redis_client, DAY, "language") == {"de": 4, "(unknown)": 5}
    assert of_day(redis_client, DAY, "events") == {"signup": 2}
    assert redis_client.hget(KEYS.titles, "/post/one") == b"One"
    assert redis_client.pfcount(KEYS.day(DAY).visitors) == 6
    assert "views 13" in output
    assert "Nothing new for example.org" in again
    assert command("verify").exit_code == 0
    assert '"views": 13' in command("report", "example.org", "--json").output


def test_should_add_only_new_days_and_name_those_that_changed(
    imported: Callable[..., str], folder: Path, redis_client: Redis
) -> None:
    # Given
    rows = goatcounter_rows()
    imported("goatcounter-json", goatcounter_zip(folder, rows))
    later = str(DAY + timedelta(days=3))
    rows["hit_stats"][0]["count"] += 1
    rows["hit_stats"] += [
        {"hour": f"{later}T10:00:00Z", "path_id": 1, "ref_id": 1, "count": 2}
    ]

    # When
    output = imported("goatcounter-json", goatcounter_zip(folder, rows))

    # Then
    assert "views 2" in output
    assert f"earlier import had other numbers of the same days: {DAY}" in output
    assert redis_client.hget(KEYS.totals, "views") == b"15"


def test_should_count_invalid_lines_and_import_the_others(
    imported: Callable[..., str], folder: Path, redis_client: Redis
) -> None:
    # Given
    row = {"hour": f"{DAY}T10:00:00Z", "path_id": 1, "ref_id": 1, "count": 2}
    invalid = [
        {**row, "count": -1},
        {**row, "count": "2"},
        {**row, "hour": "yesterday"},
        {**row, "hour": "0001-01-01T00:00:00+14:00"},
        {**row, "hour": "9999-12-31T23:00:00-12:00"},
        {**row, "path_id": None},
        [],
    ]
    extra = "{\n" + "".join(json.dumps(one) + "\n" for one in invalid)

    # When
    output = imported(
        "goatcounter-json", goatcounter_zip(folder, goatcounter_rows(), extra)
    )

    # Then
    assert "8 lines of hit_stats.jsonl that cannot be read, the first is 1" in output
    assert redis_client.hget(KEYS.totals, "views") == b"13"


def test_should_change_nothing_when_it_only_says_what_would_come(
    imported: Callable[..., str], folder: Path, redis_client: Redis
) -> None:
    # Given
    source = goatcounter_zip(folder, goatcounter_rows())

    # When
    output = imported("goatcounter-json", source, "--dry-run")

    # Then
    assert "views 13" in output and "Nothing was changed" in output
    assert not redis_client.exists(KEYS.pages, KEYS.imports)


@pytest.mark.parametrize(
    ("files", "error"),
    [
        (
            {"info.json": '{"export_version": 2}', "paths.jsonl": ""},
            "has no refs.jsonl",
        ),
        (
            {
                "info.json": '{"export_version": 2}',
                "paths.jsonl": "",
                "refs.jsonl": "",
                "hit_stats.jsonl": "",
            },
            "has version 2.0 of the format",
        ),
        ({}, "is no JSON export of GoatCounter"),
        (None, "use --from goatcounter"),
    ],
)
def test_should_explain_what_is_no_json_export_of_goatcounter(
    files: dict[str, str] | None, error: str, imported: Callable[..., str], folder: Path
) -> None:
    # Given
    path = folder / "gc.zip"
    if files is None:
        path.write_text("2Path,Title\n", encoding="utf-8")
    else:
        zip_of(path, files)

    # When
    output = imported("goatcounter-json", path)

    # Then
    assert output.startswith("Error: ") and error in output


def plausible_files() -> dict[str, str]:
    """Return the files of an export of Plausible, by their names."""
    span, day, after = f"{DAY:%Y%m%d}_{NEXT:%Y%m%d}", DAY, NEXT
    return {
        f"imported_visitors_{span}.csv": (
            '"date","visitors","pageviews","bounces","visits","visit_duration"\n'
            f'"{day}",5,12,1,6,40\n"{after}",1,2,0,1,4\n'
        ),
        f"imported_pages_{span}.csv": (
            '"date","hostname","page","visits","visitors","pageviews","x"\n'
            f'"{day}","example.org","/",4,4,7,\\N\n'
            f'"{day}","example.org","/post/one/",3,3,2,\\N\n'
            f'"{day}","example.org","/post/one",1,1,1,\\N\n'
            f'"{after}","example.org","/, ""x""",1,1,2,\\N\n'
            '"no day","example.org","/",1,1,2,\\N\n'
        ),
        f"imported_sources_{span}.csv": (
            '"date","source","referrer","utm_source","utm_medium","utm_campaign",'
            '"utm_content","utm_term","pageviews","visitors","visits"\n'
            f'"{day}","","","","","","","",3,2,2\n'
            f'"{day}","Google","google.com","","","","","",4,2,2\n'
            f'"{day}","Hacker News","news.ycombinator.com/item","","","spring","","",'
            "2,1,1\n"
            f'"{day}","newsletter","","newsletter","","","","",1,1,1\n'
        ),
        f"imported_browsers_{span}.csv": (
            '"date","browser","browser_version","visitors","visits","visit_duration",'
            '"bounces","pageviews"\n'
            f'"{day}","Chrome","140",4,5,0,0,8\n'
            f'"{day}","Microsoft Edge","1",1,1,0,0,1\n'
            f'"{day}","(not set)","",1,1,0,0,1\n'
        ),
        f"imported_operating_systems_{span}.csv": (
            '"date","operating_system","visitors","visits","visit_duration","bounces"\n'
            f'"{day}","Mac",3,4,0,0\n"{day}","GNU/Linux",1,2,0,0\n'
        ),
        f"imported_devices_{span}.csv": (
            '"date","device","visitors","visits","visit_duration","bounces",'
            '"pageviews"\n'
            f'"{day}","Desktop",3,4,0,0,8\n"{day}","Mobile",1,2,0,0,8\n'
        ),
        f"imported_locations_{span}.csv": (
            '"date","country","region","city","visitors","visits","pageviews"\n'
            f'"{day}","DE","DE-BE",1,2,2,3\n"{day}","DE","",0,1,1,1\n'
        ),
        f"imported_custom_events_{span}.csv": (
            '"date","name","link_url","path","visitors","events"\n'
            f'"{day}","Signup","","",2,3\n"{day}","engagement","","",2,30\n'
        ),
        f"imported_entry_pages_{span}.csv": '"date","entry_page"\n',
    }


@pytest.mark.parametrize("is_zip", [True, False])
def test_should_import_the_days_of_plausible(
    is_zip: bool,
    imported: Callable[..., str],
    folder: Path,
    command: Command,
    redis_client: Redis,
) -> None:
    # Given
    source = zip_of(folder / "p.zip", plausible_files(), "")
    if not is_zip:
        with zipfile.ZipFile(source) as archive:
            archive.extractall(folder / "unpacked")
        source = folder / "unpacked"

    # When
    output = imported("plausible", source)
    again = imported("plausible", source)

    # Then
    assert of_day(redis_client, DAY, "pages") == {"/": 7, "/post/one": 3, "(other)": 2}
    assert of_day(redis_client, DAY, "uniques") == {"/": 4, "/post/one": 3}
    assert of_day(redis_client, NEXT, "pages") == {"/,%20%22x%22": 2}
    assert sorted(hours(redis_client, DAY).values()) == [1] * 12
    assert redis_client.pfcount(KEYS.day(DAY).visitors) == 5
    assert of_day(redis_client, DAY, "referrer") == {
        "(direct)": 3,
        "google.com": 4,
        "news.ycombinator.com/item": 2,
        "newsletter": 1,
        "(unknown)": 2,
    }
    assert of_day(redis_client, DAY, "campaign") == {"spring": 2}
    assert of_day(redis_client, DAY, "browser") == {
        "Chrome": 8,
        "Edge": 1,
        "(unknown)": 3,
    }
    assert of_day(redis_client, DAY, "system") == {
        "Mac OS X": 4,
        "Linux": 2,
        "(unknown)": 6,
    }
    assert of_day(redis_client, DAY, "device") == {"desktop": 6, "phone": 6}
    assert of_day(redis_client, DAY, "country") == {"DE": 4}
    assert of_day(redis_client, DAY, "events") == {"Signup": 3}
    assert of_day(redis_client, DAY, "events:visitors") == {"Signup": 2}
    assert "views 14" in output and "no hours" in output
    assert "that cannot be read, the first is 6" in output
    assert "Nothing new for example.org" in again
    assert command("verify").exit_code == 0


def test_should_count_a_day_once_when_two_files_of_plausible_have_it(
    imported: Callable[..., str], folder: Path, redis_client: Redis
) -> None:
    # Given
    files = plausible_files()
    longer = f"{DAY:%Y%m%d}_{NEXT + timedelta(days=1):%Y%m%d}"
    twice = {re.sub(r"\d{8}_\d{8}", longer, name): text for name, text in files.items()}

    # When
    imported("plausible", zip_of(folder / "p.zip", files | twice, ""))

    # Then
    assert redis_client.hget(KEYS.totals, "views") == b"14"


@pytest.mark.parametrize(
    ("change", "error"),
    [
        (
            lambda files: files.clear(),
            "is no export of Plausible: it has no imported_v",
        ),
        (
            lambda files: files.update({name: "a,b\n" for name in files}),
            "has no column",
        ),
    ],
)
def test_should_explain_what_is_no_export_of_plausible(
    change: Callable[[dict[str, str]], None],
    error: str,
    imported: Callable[..., str],
    folder: Path,
) -> None:
    # Given
    files = plausible_files()
    change(files)

    # When
    output = imported("plausible", zip_of(folder / "p.zip", files, ""))

    # Then
    assert output.startswith("Error: ") and error in output


@pytest.mark.parametrize("kind", ["goatcounter-json", "plausible"])
def test_should_explain_a_damaged_zip(
    kind: str, imported: Callable[..., str], folder: Path
) -> None:
    # Given
    packed = BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.csv", "x" * 1000)
    (folder / "a.zip").write_bytes(packed.getvalue()[:-30])

    # When
    output = imported(kind, folder / "a.zip")

    # Then
    assert "is a damaged zip" in output
