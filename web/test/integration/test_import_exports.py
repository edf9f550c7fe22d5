"""page-tracker import of single views that other counters export."""

import re
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from support.fixture_types import Command
from support.import_files import (
    GOATCOUNTER,
    UMAMI,
    ago,
    csv_file,
    goatcounter_row,
    umami_row,
)
from support.reports import report_of

pytestmark = pytest.mark.usefixtures("site")


@pytest.fixture
def imported(command: Command, folder: Path) -> Callable[[str, str], str]:
    """Give a function that imports a text as a kind, and returns the output."""

    def run(kind: str, text: str) -> str:
        path = folder / "export.csv"
        path.write_text(text, encoding="utf-8")
        return command("import", "example.org", "--from", kind, str(path)).output

    return run


def test_should_import_what_goatcounter_exports(
    command: Command, imported: Callable[[str, str], str]
) -> None:
    # Given
    at, later = ago(3, "23:50:00"), ago(2, "00:10:00")
    rows = [
        goatcounter_row(
            "/post/one/",
            at,
            Referrer="news.example.com/story",
            scheme="h",
            Title='A, "quoted"\ntitle',
        ),
        goatcounter_row("/post/one", later, FirstVisit="0", Event="false"),
        goatcounter_row(
            "/post/two?b=2&a=1",
            at,
            Session="b-2",
            Referrer="Newsletter",
            scheme="c",
            Browser="Safari 18.1",
            System="iOS 18.1",
            size="390,844,3",
            Location="CN-BJ",
        ),
        goatcounter_row(
            "signup",
            at,
            **{
                "Event": "1",
                "Title": "Signed up",
                "System": "macOS ",
                "Session": "b-2",
            },
        ),
        goatcounter_row("/bot", at, Bot="1"),
        goatcounter_row("/bad", at, Date="yesterday"),
        goatcounter_row("/bad", at, FirstVisit="maybe"),
    ]
    text = csv_file(GOATCOUNTER, rows)

    # When
    first, again = imported("goatcounter", text), imported("goatcounter", text)

    # Then
    report = report_of(command)
    assert report["pages"] == {"/post/one": (2, 1), "/post/two?a=1&b=2": (1, 1)}
    assert report["sources"] == {
        **{"(direct)": 1, "Newsletter": 1, "news.example.com/story": 1}
    }
    assert report["campaigns"] == {"Newsletter": 1}
    assert report["browsers"] == {"Firefox": 2, "Safari": 1}
    assert report["systems"] == {"Windows": 2, "iOS": 1}
    assert report["devices"] == {"desktop": 2, "phone": 1}
    assert report["countries"] == {"DE": 2, "CN": 1}
    assert report["languages"] == {"(unknown)": 3}
    assert report["events"] == {"signup": 1}
    assert report["titles"]["/post/one"] == 'A, "quoted" title'
    visitors = [day["visitors"] for day in report["days"] if day["views"]]
    assert visitors == [2, 1]
    assert "Could not be read: lines 8 and 9." in first
    assert re.search("left out +1 +bot", first)
    assert "Nothing new" in again


@pytest.mark.parametrize("is_zip", [False, True], ids=["csv", "zip"])
def test_should_import_what_umami_exports(
    command: Command, folder: Path, is_zip: bool
) -> None:
    # Given
    at = ago(3)
    rows = [
        umami_row("/b", ago(1), session_id="s3"),  # not in the order of time
        umami_row(
            "/a",
            at,
            url_query="x=1&utm_source=mail",
            utm_campaign="spring",
            page_title="'=One",
        ),
        umami_row("/a/", at, url_query="x=1", referrer_path="/"),
        umami_row(
            "/a",
            at,
            session_id="s2",
            browser="crios",
            os="iOS",
            device="mobile",
            language="zh-CN",
            country="CN",
            url_query="x=1",
            referrer_domain="www.news.example",
            referrer_path="/story",
        ),
        umami_row("/a", at, event_type="2", event_name="signup"),
        umami_row("/a", at, event_type="5"),
        umami_row("/a", at, created_at=""),
    ]
    path = folder / "export"
    text = csv_file(UMAMI, rows)
    if is_zip:
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("export/event_data.csv", "website_id\n")
            archive.writestr("export/website_event.csv", text)
    else:
        path.write_text(text, encoding="utf-8")

    # When
    arguments = ("import", "example.org", "--from", "umami", str(path))
    first, again = command(*arguments).output, command(*arguments).output

    # Then
    report = report_of(command)
    assert report["pages"] == {"/a?x=1": (3, 2), "/b": (1, 1)}
    assert report["sources"] == {
        **{"(direct)": 1, "(internal)": 1, "mail": 1, "news.example/story": 1}
    }
    assert report["campaigns"] == {"spring": 1}
    assert report["browsers"] == {"Edge": 3, "Chrome": 1}
    assert report["devices"] == {"desktop": 3, "phone": 1}
    assert report["languages"] == {"en": 3, "zh": 1}
    assert report["events"] == {"signup": 1}
    assert report["titles"]["/a?x=1"] == "=One"
    assert [day["visitors"] for day in report["days"] if day["views"]] == [2, 1]
    assert "Could not be read: line 8." in first
    assert "Nothing new" in again


@pytest.mark.parametrize(
    ("kind", "text", "reason"),
    [
        ("goatcounter", "1Path,Title\n", "version 1 of the format"),
        ("goatcounter", "Path,Title\n/a,b\n", "its first line must begin with 2Path"),
        ("goatcounter", f"{UMAMI}\n", "use --from umami"),
        ("umami", f"{GOATCOUNTER}\n", "use --from goatcounter"),
        ("umami", "a,b\n1,2\n", "session_id and url_path"),
        ("umami", "", "is empty"),
    ],
)
def test_should_refuse_another_file(
    imported: Callable[[str, str], str], kind: str, text: str, reason: str
) -> None:
    # When
    output = imported(kind, text)

    # Then
    assert output.startswith("Error: ") and reason in output


def test_should_count_rows_that_do_not_fit(
    command: Command, imported: Callable[[str, str], str]
) -> None:
    # Given
    text = csv_file(GOATCOUNTER, [goatcounter_row("/a", ago(1))])

    # When
    output = imported("goatcounter", f'{text}\n/b,too few\n"{"x" * 200_000}"\n/c,"open')

    # Then
    assert "Could not be read: lines 4, 5 and 6." in output
    assert report_of(command)["pages"] == {"/a": (1, 1)}


@pytest.mark.parametrize(
    "time",
    [
        *("0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00", "1969-01-01"),
        *("NaN", "Infinity", "-1e300", "", "2026-13-01T00:00:00Z", "99999999999"),
    ],
)
@pytest.mark.parametrize("kind", ["goatcounter", "umami"])
def test_should_leave_out_a_row_with_an_impossible_time(
    command: Command, imported: Callable[[str, str], str], kind: str, time: str
) -> None:
    # Given
    header, column, row = {
        "goatcounter": (GOATCOUNTER, "Date", goatcounter_row),
        "umami": (UMAMI, "created_at", umami_row),
    }[kind]
    rows = [row("/a", ago(1)) | {column: time}, row("/a", ago(1))]

    # When
    output = imported(kind, csv_file(header, rows))

    # Then
    assert "Could not be read: line 2." in output
    assert report_of(command)["pages"] == {"/a": (1, 1)}
