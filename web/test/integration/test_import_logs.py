"""page-tracker import --from log: a log of a web server becomes views."""

import bz2
import gzip
import json
import os
import random
import re
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from redis import Redis

from page_tracker.store.server import RedisServer
from page_tracker.store.waiting import wait_for
from page_tracker.tracking.keys import SiteKeys
from page_tracker.tracking.registry import Registry
from page_tracker.tracking.sites import make_site
from support.fixture_types import Command
from support.import_files import ago, caddy_line, log_line
from support.reports import report_of
from support.servers import COMMAND

pytestmark = pytest.mark.usefixtures("site")

SECONDS = 30

GOOGLE = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"
PHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) AppleWebKit/605.1.15 "
    "(KHTML, like Gecko) Version/17.0 Mobile/15E148 Safari/604.1"
)


@pytest.fixture
def imported(command: Command, folder: Path) -> Callable[..., str]:
    """Give a function that imports lines, and returns the output."""

    def run(*lines: str, name: str = "access.log", **environment: str) -> str:
        path = folder / name
        path.write_text("".join(lines), encoding="utf-8")
        arguments = ("import", "example.org", "--from", "log", str(path))
        return command(*arguments, **environment).output

    return run


def wait_for_steps(redis: Redis) -> None:
    """Wait until the second step of an import is in."""
    imports, markers = SiteKeys("example.org").imports, set()

    def is_second() -> bool:
        markers.update(redis.hvals(imports))
        return len(markers) > 1

    assert wait_for(is_second, SECONDS)


def test_should_count_what_people_saw(
    command: Command, imported: Callable[..., str]
) -> None:
    # Given
    day = ago(3)
    news = "https://www.news.example/story?id=7"

    # When
    output = imported(
        log_line(day, "GET /a/?utm_campaign=spring HTTP/2.0", referrer=news),
        log_line(day, "GET /style.css?v=2 HTTP/2.0"),
        log_line(
            day, "GET /a HTTP/2.0", referrer="https://www.example.org/", status=304
        ),
        log_line(day, "GET /a HTTP/2.0", address="192.0.2.8", agent=PHONE),
        log_line(ago(2), "GET /a HTTP/1.1"),
        log_line(day, r"GET /\xe4\xbd\xa0 HTTP/1.1", referrer=r"\x22"),
        log_line(day, "HEAD /a HTTP/1.1"),
        log_line(day, "GET /gone HTTP/1.1", status=404),
        log_line(day, "GET /a HTTP/1.1", agent=GOOGLE),
        log_line(day, "GET /a HTTP/1.1", agent="-"),
        log_line(day, r"\x16\x03\x01", status=400, agent="-"),
        log_line(ago(-2), "GET /a HTTP/1.1"),
    )

    # Then
    report = report_of(command)
    assert report["pages"] == {"/a": (4, 3), "/你": (1, 1)}
    assert report["sources"] == {
        **{"(direct)": 2, "(internal)": 1, '"': 1, "news.example/story": 1}
    }
    assert report["campaigns"] == {"spring": 1}
    assert report["browsers"] == {"Firefox": 4, "Safari": 1}
    assert report["devices"] == {"desktop": 4, "phone": 1}
    assert report["languages"] == {"(unknown)": 5}
    days = {day["day"]: day for day in report["days"] if day["views"]}
    numbers = [(one["views"], one["uniques"], one["visitors"]) for one in days.values()]
    assert numbers == [(4, 3, 2), (1, 1, 1)]
    assert list(days) == [str(day.date()), str(ago(2).date())]
    for line in (
        *("views +5", "unique views +4", "pages +2", "left out +2 +bot"),
        *("left out +1 +not GET", "left out +1 +not a page", "left out +1 +status 4xx"),
        *("left out +1 +not a request of HTTP", "left out +1 +in the future"),
    ):
        assert re.search(line, output), output


def test_should_use_the_days_of_the_site(
    command: Command, imported: Callable[..., str], sites: Registry
) -> None:
    # Given
    sites.change("example.org", {"time_zone": "Asia/Shanghai"})
    evening = ago(3, "17:30:00")

    # When
    imported(log_line(evening))

    # Then
    days = [day["day"] for day in report_of(command)["days"] if day["views"]]
    assert days == [str(ago(2).date())]


def test_should_count_the_hosts_of_the_site(
    command: Command, imported: Callable[..., str]
) -> None:
    # When
    imported(
        caddy_line(ago(2), "/a"),
        caddy_line(ago(2), "/a", host="www.example.org:443"),
        caddy_line(ago(2), "/a", host="other.example"),
        caddy_line(ago(2), "/a", agent=GOOGLE),
        f"example.net:443 {log_line(ago(1), 'GET /b HTTP/1.1')}",
        f"other.example:443 {log_line(ago(1), 'GET /b HTTP/1.1')}",
        log_line(ago(1), "GET https://other.example/b HTTP/1.1"),
    )

    # Then
    report = report_of(command)
    assert report["pages"] == {"/a": (2, 1), "/b": (1, 1)}
    assert report["languages"] == {"de": 2, "(unknown)": 1}


def test_should_follow_the_rules_of_owners(
    command: Command, imported: Callable[..., str], sites: Registry, folder: Path
) -> None:
    # Given
    sites.change("example.org", {"blocked": ("/admin*",)})
    spam = folder / "spam"
    spam.write_text("spam.example\n")

    # When
    imported(
        log_line(ago(1), "GET /admin/x HTTP/1.1"),
        log_line(ago(1), "GET /a HTTP/1.1", address="192.0.2.99"),
        log_line(ago(1), "GET /a HTTP/1.1", referrer="https://spam.example/"),
        log_line(ago(1), "GET /a HTTP/1.1"),
        PAGE_TRACKER_OWN="192.0.2.96/28",
        PAGE_TRACKER_SPAM_REFERRERS=str(spam),
    )

    # Then
    assert report_of(command)["pages"] == {"/a": (1, 1)}


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress], ids=["gzip", "bzip2"])
def test_should_add_a_log_once_in_any_form(
    command: Command,
    imported: Callable[..., str],
    folder: Path,
    pack: Callable[[bytes], bytes],
) -> None:
    # Given
    lines = [log_line(ago(2)), log_line(ago(2), address="192.0.2.8")]
    imported(*lines)
    path = folder / "packed"
    path.write_bytes(pack("".join(lines).encode()))

    # When
    result = command("import", "example.org", "--from", "log", str(path))

    # Then
    assert "Nothing new for example.org." in result.output
    assert report_of(command)["pages"] == {"/": (2, 2)}


def test_should_add_the_new_lines_of_a_log_that_has_grown(
    command: Command, imported: Callable[..., str]
) -> None:
    # Given
    lines = [log_line(ago(1)), log_line(ago(1), address="192.0.2.8")]
    cut = log_line(ago(1), address="192.0.2.9")
    imported(*lines, cut[:-20])

    # When
    output = imported(*lines, cut, log_line(ago(1), "GET /b HTTP/1.1"))

    # Then
    assert re.search("views +2", output) and re.search("in already +2", output)
    report = report_of(command)
    assert report["pages"] == {"/": (3, 3), "/b": (1, 1)}
    assert [day["visitors"] for day in report["days"] if day["views"]] == [3]


def test_should_know_a_visitor_of_two_logs(command: Command, folder: Path) -> None:
    # Given
    logs = [folder / "access.log", folder / "access.log.1"]
    logs[0].write_text(
        log_line(ago(1, "11:00:00")) + log_line(ago(1), "GET /b HTTP/1.1")
    )
    logs[1].write_text(log_line(ago(1)))
    arguments = ("import", "example.org", "--from", "log", *map(str, logs))

    # When
    command(*arguments)
    logs[0].write_text(
        logs[0].read_text() + log_line(ago(1)) + log_line(ago(1), address="192.0.2.9")
    )
    output = command(*arguments).output

    # Then
    assert re.search("in already +3", output) and re.search("views +2", output)
    report = report_of(command)
    assert report["pages"] == {"/": (4, 2), "/b": (1, 1)}
    assert [day["visitors"] for day in report["days"] if day["views"]] == [2]


@pytest.mark.parametrize(
    "later",
    [[log_line(ago(1)), log_line(ago(1), "GET /x HTTP/1.1")], [log_line(ago(1))]],
    ids=["other lines", "fewer lines"],
)
def test_should_refuse_a_log_that_only_begins_like_one_that_is_in(
    command: Command, imported: Callable[..., str], later: list[str]
) -> None:
    # Given
    imported(log_line(ago(1)), log_line(ago(1), "GET /b HTTP/1.1"))

    # When
    output = imported(*later)

    # Then
    assert output.startswith("Error: ") and "nothing was added" in output
    assert report_of(command)["totals"]["views"] == 2


def test_should_only_say_what_would_come(
    command: Command, folder: Path, redis_client: Redis
) -> None:
    # Given
    (folder / "a.log").write_text(log_line(ago(800)) + log_line(ago(1)) + "junk\n")

    # When
    result = command(
        *("import", "example.org", "--from", "log", str(folder / "a.log"), "--dry-run")
    )

    # Then
    assert re.search(rf"views +2 +1 before {ago(730).date()}", result.output)
    assert f"{ago(800).date()} to {ago(1).date()}" in result.output
    assert "Could not be read: line 3." in result.output
    assert "Nothing was changed" in result.output
    assert not redis_client.exists(SiteKeys("example.org").imports)
    assert report_of(command)["totals"]["views"] == 0


def test_should_keep_old_views_in_totals_only(
    command: Command, imported: Callable[..., str]
) -> None:
    # When
    imported(log_line(ago(800), "GET /old HTTP/1.1"), log_line(ago(1)))

    # Then
    report = report_of(command)
    assert report["since"] == str(ago(800).date())
    assert (report["totals"]["views"], report["period"]["views"]) == (2, 1)


def test_should_name_lines_that_cannot_be_read(imported: Callable[..., str]) -> None:
    # When
    output = imported(log_line(ago(1)), "a\n", log_line(ago(1)), *5 * ["b\n"])

    # Then
    assert "Could not be read: lines 2, 4, 5 and 3 more." in output
    assert re.search("views +2", output)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "is empty"),
        (b"hello\n" * 200, "is no access log"),
        (b"x" * 300_000, "is no access log"),
        (b"2Path,Title,Event\n", "use --from goatcounter"),
        (b"(\xb5/\xfd", "zstdcat"),
        (
            gzip.compress(log_line(ago(1)).encode() * 9)[:-9],
            "cannot be read to its end",
        ),
    ],
    ids=["empty", "text", "one line", "goatcounter", "zstd", "cut off"],
)
def test_should_refuse_what_is_no_log(
    command: Command, folder: Path, content: bytes, reason: str
) -> None:
    # Given
    (folder / "file").write_bytes(content)

    # When
    result = command("import", "example.org", "--from", "log", str(folder / "file"))

    # Then
    assert result.exit_code == 1
    assert result.output.startswith("Error: ") and reason in result.output


def test_should_go_on_after_it_was_killed(
    command: Command,
    folder: Path,
    redis_url: str,
    redis_client: Redis,
) -> None:
    # Given
    path = folder / "access.log"
    with path.open("w", encoding="utf-8") as log:
        for number in range(30_000):
            page = f"GET /{number % 3_000} HTTP/1.1"
            log.write(log_line(ago(3), page, address=f"192.0.2.{number % 200}"))
    arguments = ("import", "example.org", "--from", "log", str(path))

    # When
    with subprocess.Popen(
        [COMMAND, *arguments], env=os.environ | {"REDIS_URL": redis_url}
    ) as process:
        wait_for_steps(redis_client)
        process.send_signal(signal.SIGKILL)
        process.wait(SECONDS)
    before = report_of(command)["totals"]["views"]
    command(*arguments)

    # Then
    assert 0 < before < 30_000
    report = report_of(command)
    assert report["totals"]["views"] == 30_000
    assert report["totals"]["uniques"] == 3_000  # a visitor of each page
    (visitors,) = (day["visitors"] for day in report["days"] if day["views"])
    assert visitors == pytest.approx(200, rel=0.02)


def test_should_say_what_is_in_after_ctrl_c(
    folder: Path, redis_url: str, redis_client: Redis, command: Command
) -> None:
    # Given
    path = folder / "access.log"
    path.write_text(
        "".join(log_line(ago(3), f"GET /{n} HTTP/1.1") for n in range(40_000)),
        encoding="utf-8",
    )

    # When
    with subprocess.Popen(
        [COMMAND, "import", "example.org", "--from", "log", path],
        env=os.environ | {"REDIS_URL": redis_url, "PAGE_TRACKER_MAX_PAGES": "50000"},
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        wait_for_steps(redis_client)
        process.send_signal(signal.SIGINT)
        output, _ = process.communicate(timeout=SECONDS)

    # Then
    assert process.returncode == 1
    found = re.search(r"Interrupted after ([\d,]+) new views", output)
    assert found and "Run the command again" in output
    views = report_of(command)["totals"]["views"]
    assert 0 < int(found[1].replace(",", "")) <= views < 40_000


def test_should_say_that_redis_is_gone(
    folder: Path, redis_server: RedisServer, redis_client: Redis
) -> None:
    # Given
    path = folder / "access.log"
    path.write_text(
        "".join(log_line(ago(3), f"GET /{n} HTTP/1.1") for n in range(40_000))
    )

    # When
    with subprocess.Popen(
        [COMMAND, "import", "example.org", "--from", "log", path],
        env=os.environ | {"REDIS_URL": redis_server.url},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        wait_for_steps(redis_client)
        redis_server.stop()
        output, _ = process.communicate(timeout=SECONDS)

    # Then
    assert process.returncode == 1
    assert "Run the command again" in output and "does not answer" in output


def test_should_read_the_standard_input(command: Command) -> None:
    # When
    text = log_line(ago(1))
    result = command("import", "example.org", "--from", "log", "-", answer=text)

    # Then
    assert re.search("views +1", result.output)


@pytest.mark.parametrize(
    "time",
    [
        *("NaN", "Infinity", "1e999", "-1e300", "1e300", "-62135604000", "true"),
        *("1" * 400, '"0001-01-01T00:00:00+14:00"', '"9999-12-31T23:59:59-12:00"'),
    ],
)
def test_should_go_on_after_an_impossible_time_of_caddy(
    imported: Callable[..., str], time: str
) -> None:
    # Given
    line = (
        f'{{"ts":{time},"status":200,"request":{{"method":"GET","uri":"/","host":'
        '"example.org","remote_ip":"192.0.2.7","headers":{"User-Agent":["Mozilla/5.0 '
        '(X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"]}}}\n'
    )

    # When
    output = imported(line + log_line(ago(1)))

    # Then
    assert re.search("views +1", output), output


def test_should_not_stop_a_log_that_was_copied_while_a_line_was_written(
    imported: Callable[..., str],
) -> None:
    # Given
    first, second = log_line(ago(1)), log_line(ago(1), "GET /b HTTP/2.0")
    half = second[: second.index(' "-"')]

    # When
    before = imported(first + half)
    after = imported(first + second)

    # Then
    assert re.search("views +1", before)
    assert "Line 2 has no line break, so it may be half written" in before
    assert re.search("views +1", after) and "Error" not in after


def test_should_explain_a_damaged_file(command: Command, folder: Path) -> None:
    # Given
    packed = bytearray(gzip.compress(random.Random(1).randbytes(3_000)))
    packed[10:60] = b"\xff" * 50
    path = str(folder / "log.gz")
    Path(path).write_bytes(packed)

    # When
    output = command("import", "example.org", "--from", "log", path).output

    # Then
    assert output.startswith(f"Error: '{path}' cannot be read to its end: ")
    assert output.endswith("get the whole file, and run the command again\n")


def test_should_say_that_a_site_is_unknown(command: Command) -> None:
    # When
    result = command("import", "exmaple.org", "--from", "log", "-", answer="x")

    # Then
    assert result.output == (
        "Error: exmaple.org is not registered: did you mean example.org?\n"
    )


def test_should_note_who_imported(
    imported: Callable[..., str], redis_client: Redis
) -> None:
    # When
    imported(log_line(ago(1)))

    # Then
    (entry,) = redis_client.lrange("pt:changes", 0, 0)
    assert json.loads(entry)[2:] == [
        *("imported counts into the site", "example.org", "log: 1 view")
    ]


def test_should_survive_a_backup_and_a_restore(
    command: Command, imported: Callable[..., str], backups: Path
) -> None:
    # Given
    imported(log_line(ago(1)))
    command("backup", str(backups))
    command("sites", "remove", "--yes", "example.org")
    command("restore", str(backups), "--yes")

    # When
    output = imported(log_line(ago(1)))

    # Then
    assert "Nothing new" in output
    assert report_of(command)["totals"]["views"] == 1


def test_should_remember_no_import_of_a_removed_site(
    command: Command, imported: Callable[..., str], sites: Registry
) -> None:
    # Given
    imported(log_line(ago(1)))
    command("sites", "remove", "--yes", "example.org")
    sites.add(make_site("example.org"))

    # When
    output = imported(log_line(ago(1)))

    # Then
    assert re.search("views +1", output)
