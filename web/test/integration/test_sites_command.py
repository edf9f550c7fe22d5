"""page-tracker sites, as an owner uses it."""

import json
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from redis import Redis

from page_tracker.store.server import RedisServer
from page_tracker.tracking.reasons import Reason
from page_tracker.tracking.sites import Site, start_of
from support.fixture_types import Command, Count
from support.recording import make_recorder
from support.servers import page_tracker, run_command

DAY = 24 * 60 * 60


def test_should_print_the_tag_to_paste_when_a_site_is_added(
    command: Command, redis_url: str
) -> None:
    # When
    result = command("sites", "add", "Example.org.", "--time-zone", "Europe/Berlin")

    # Then
    assert result.exit_code == 0
    assert "Registered example.org: time zone Europe/Berlin" in result.output
    assert f"Its counts are in Redis at {redis_url}.\n" in result.output
    assert (
        '<script defer src="https://YOUR-COUNTER/tracker.js" '
        'data-site="example.org"></script>\n\n'
        "Replace https://YOUR-COUNTER with the address of your server, or set "
        "PAGE_TRACKER_URL.\n"
    ) in result.output


def test_should_print_the_tag_with_the_address_of_the_server(command: Command) -> None:
    # When
    result = command(
        *("sites", "add", "a.org"), PAGE_TRACKER_URL="https://counter.example/"
    )

    # Then
    assert '<script defer src="https://counter.example/tracker.js" ' in result.output
    assert "Replace" not in result.output


@pytest.mark.parametrize(
    "address",
    [
        "https://example.org/about?x=1#top",
        "HTTPS://EXAMPLE.ORG:8443/",
        "//example.org/about",
        "example.org/about",
        " example.org. ",
        "https://somebody@example.org",
    ],
)
def test_should_take_any_address_of_a_site(command: Command, address: str) -> None:
    # When
    command("sites", "add", address, "--alias", "https://www.example.net/about")

    # Then
    for arguments in (
        ["sites", "show", address],
        ["sites", "set", address, "--private"],
        ["count", "set", address, "/about", "3"],
        ["count", "show", address],
        ["report", address],
        ["sites", "show", "http://www.example.net:80/"],
    ):
        assert "example.org" in command(*arguments).output
    assert "/about" in command("count", "log", address).output
    assert "Deleted example.org" in command("sites", "remove", address, "--yes").output


OFFSET_HINT = "use a place, for example Europe/Berlin: offsets have no summer time"


@pytest.mark.parametrize(
    ("zone", "meant"),
    [
        ("Berlin", "did you mean Europe/Berlin?"),
        ("europe/berlin", "did you mean Europe/Berlin?"),
        ("new york", "did you mean America/New_York?"),
        ("Asia/Shangai", "did you mean Asia/Shanghai?"),
        ("Mars/Olympus", "use a place, for example Europe/Berlin"),
        *(
            (offset, OFFSET_HINT)
            for offset in ("UTC+2", "GMT+1", "gmt -3", "+02:00", "5")
        ),
    ],
)
def test_should_suggest_a_time_zone(command: Command, zone: str, meant: str) -> None:
    # When
    result = command("sites", "add", "a.org", "--time-zone", zone)

    # Then
    assert result.output == f"Error: '{zone}' is not a time zone: {meant}\n"


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["no site"], "is not a valid site: use its host, for example example.org"),
        (["a.org", "--alias", "no site"], "'no site' is not a valid site"),
        (["example.org"], "example.org is registered already"),
        (["example.net"], "example.net belongs to the site example.org"),
        (["a.org", "--alias", "example.org"], "example.org belongs to the site"),
    ],
)
@pytest.mark.usefixtures("site")
def test_should_say_why_when_a_site_cannot_be_added(
    command: Command, arguments: list[str], complaint: str
) -> None:
    # When
    result = command("sites", "add", *arguments)

    # Then
    assert result.exit_code == 1
    (line,) = result.output.splitlines()
    assert line.startswith("Error: ") and complaint in line
    assert json.loads(command("sites", "list", "--json").output)[0]["site"] == (
        "example.org"
    )
    assert len(json.loads(command("sites", "list", "--json").output)) == 1


def test_should_list_sites_in_order(command: Command) -> None:
    # Given
    command("sites", "add", "b.org", "--private", "--retention", "30")
    command("sites", "add", "a.org", "--time-zone", "Asia/Shanghai", "--alias", "a.cn")

    # When
    table = command("sites", "list").output.splitlines()
    document = json.loads(command("sites", "list", "--json").output)

    # Then
    assert [line.split() for line in table[1:4]] == [
        ["a.org", "Asia/Shanghai", "public", "730", "a.cn"],
        ["b.org", "UTC", "private", "30"],
        [],
    ]
    assert table[4].startswith("The counts are in Redis at ")
    assert document[1] == {
        "site": "b.org",
        "time_zone": "UTC",
        "aliases": [],
        "public": False,
        "retention": 30,
        "own_hosts": False,
        "blocked": [],
        "dashboard": "private",
        "frames": [],
        "starred": [],
    }


@pytest.mark.usefixtures("site")
def test_should_change_who_sees_the_dashboard(command: Command) -> None:
    # When
    shown = command(
        *("sites", "set", "example.org", "--dashboard", "public"),
        *("--frame", "https://blog.example:8443/"),
        *("--star", "Sign up", "--star", "/x/"),
    )
    emptied = command("sites", "set", "example.org", "--no-frames", "--no-stars")
    both = command("sites", "set", "example.org", "--no-stars", "--star", "x")

    # Then
    assert "dashboard      public" in shown.output
    assert "embedded in    blog.example:8443" in shown.output
    assert "starred        Sign up, /x" in shown.output
    assert "embedded in    no host" in emptied.output
    assert "starred        none" in emptied.output
    assert "dashboard      public" in emptied.output
    assert "Use either --star or --no-stars." in both.output


def test_should_say_how_to_add_a_site_when_none_is_registered(command: Command) -> None:
    assert "page-tracker sites add example.org" in command("sites", "list").output


@pytest.mark.usefixtures("site")
def test_should_show_a_site_by_any_of_its_hosts(command: Command, count: Count) -> None:
    # Given
    count("/a")

    # When
    shown = [
        json.loads(command("sites", "show", host, "--json").output)
        for host in ("example.org", "EXAMPLE.ORG", "www.example.org", "example.net")
    ]

    # Then
    assert all(one == shown[0] for one in shown)
    assert shown[0]["site"] == "example.org"
    assert (shown[0]["views"], shown[0]["uniques"], shown[0]["pages"]) == (1, 1, 1)


@pytest.mark.usefixtures("site")
def test_should_count_only_own_hosts_when_the_owner_asks_for_it(
    command: Command, make_count: Callable[..., Count]
) -> None:
    # When
    for option, host in (("--own-hosts", "localhost"), ("--no-own-hosts", "a.example")):
        shown = command("sites", "set", "example.org", option)
        assert shown.exit_code == 0
        make_count()("/a", host=host)

    # Then
    result = json.loads(command("report", "example.org", "--json").output)
    assert [(row["reason"], row["views"]) for row in result["filtered"]] == [
        ("other host", 1)
    ]
    assert result["totals"]["views"] == 1


@pytest.mark.usefixtures("site")
def test_should_suggest_a_site_when_the_name_is_misspelt(command: Command) -> None:
    # When
    result = command("sites", "show", "exmaple.org")

    # Then
    assert result.exit_code == 1
    assert result.output == (
        "Error: exmaple.org is not registered: did you mean example.org?\n"
    )


@pytest.mark.usefixtures("site")
def test_should_change_only_the_settings_that_are_named(command: Command) -> None:
    # When
    command("sites", "set", "example.org", "--private")
    command("sites", "set", "example.org", "--alias", "a.org", "--alias", "b.org")
    command("sites", "set", "example.org", "--time-zone", "Asia/Tokyo")
    changed = json.loads(command("sites", "show", "example.org", "--json").output)
    command("sites", "set", "example.org", "--no-aliases")
    cleared = json.loads(command("sites", "show", "example.org", "--json").output)

    # Then
    assert changed["public"] is False
    assert changed["aliases"] == ["a.org", "b.org"]
    assert changed["time_zone"] == "Asia/Tokyo"
    assert changed["retention"] == 730
    assert cleared["aliases"] == [] and cleared["time_zone"] == "Asia/Tokyo"


@pytest.mark.parametrize(
    "options", [[], ["--alias", "a.org", "--no-aliases"], ["--retention", "0"]]
)
@pytest.mark.usefixtures("site")
def test_should_explain_when_the_options_of_a_change_are_invalid(
    command: Command, options: list[str]
) -> None:
    # When
    result = command("sites", "set", "example.org", *options)

    # Then
    assert result.exit_code == 2
    assert "Error: " in result.output


def test_should_keep_past_days_for_the_new_retention(
    command: Command, count: Count, redis_client: Redis, site: Site
) -> None:
    # Given
    count("/a", days_ago=2)
    count("/a")
    now = site.today()
    keys = site.keys.day(now)

    # When
    command("sites", "set", "example.org", "--retention", "10")

    # Then
    changed = site.model_copy(update={"retention": 10})
    for key in (keys.hours, keys.pages, keys.uniques, keys.dimensions["browser"]):
        assert redis_client.expiretime(key) == changed.expires(now)
    assert changed.expires(now) - start_of(now, site.zone) == 11 * DAY
    # The visitors of each page have a lifetime of their own.
    assert redis_client.ttl(f"{keys.visitors}:/a") <= 2 * DAY
    assert command("verify").exit_code == 0


@pytest.mark.usefixtures("site")
def test_should_ask_for_confirmation_before_days_are_deleted(
    command: Command, count: Count
) -> None:
    # Given
    count("/a", days_ago=20)
    count("/a", days_ago=5)

    # When
    refused = command("sites", "set", "example.org", "--retention", "10", answer="n\n")
    before = json.loads(command("report", "example.org", "--json").output)
    agreed = command("sites", "set", "example.org", "--retention", "10", answer="y\n")
    after = json.loads(command("report", "example.org", "--json").output)

    # Then
    assert refused.exit_code == 1 and "Delete the days of example.org" in refused.output
    assert sum(day["views"] for day in before["days"]) == 2
    assert agreed.exit_code == 0
    assert sum(day["views"] for day in after["days"]) == 1
    assert after["totals"]["views"] == 2
    assert command("verify").exit_code == 0


@pytest.mark.usefixtures("site")
def test_should_not_miss_days_that_were_deleted_before_the_retention_was_raised(
    command: Command, count: Count
) -> None:
    # Given
    count("/a", days_ago=20)
    count("/a", days_ago=5)
    command("sites", "set", "example.org", "--retention", "10", "--yes")

    # When
    command("sites", "set", "example.org", "--retention", "400")

    # Then
    assert "all sums agree" in command("verify").output


def test_should_delete_a_site_and_nothing_else(
    command: Command, count: Count, redis_client: Redis, site: Site
) -> None:
    # Given
    command("sites", "add", "example.organic")
    count("/a", site="example.organic")
    others = set(redis_client.keys("pt:{example.organic}:*"))
    for page in range(50):
        count(f"/{page}")

    # When
    kept = command("sites", "remove", "example.org", answer="n\n")
    held = len(redis_client.keys(f"{site.keys.prefix}*"))
    removed = command("sites", "remove", "example.org", answer="y\n")

    # Then
    assert kept.exit_code == 1
    assert "Delete example.org with 50 views of 50 pages?" in kept.output
    assert held > 50
    assert removed.exit_code == 0
    assert "Deleted example.org with 50 views of 50 pages." in removed.output
    assert not redis_client.keys(f"{site.keys.prefix}*")
    assert set(redis_client.keys("pt:{example.organic}:*")) == others
    assert command("verify").exit_code == 0


@pytest.mark.usefixtures("site")
@pytest.mark.parametrize(
    ("name", "setting", "complaint"),
    [
        ("example.net", "", "example.net belongs to example.org: use that name"),
        ("example.org", "a.org, example.org", "remove it there first"),
    ],
)
def test_should_not_delete_a_site_by_an_alias_or_while_a_setting_names_it(
    command: Command, name: str, setting: str, complaint: str
) -> None:
    # When
    result = command("sites", "remove", name, "--yes", PAGE_TRACKER_SITES=setting)

    # Then
    assert result.exit_code == 1
    assert complaint in result.output
    assert command("sites", "show", "example.org").exit_code == 0


def test_should_list_the_other_sites_when_one_cannot_be_read(
    command: Command, redis_client: Redis, site: Site
) -> None:
    # Given
    redis_client.hset("pt:sites", "broken.org", '{"time_zone": "Mars/Olympus"}')

    # When
    result = command("sites", "list")

    # Then
    assert result.exit_code == 0
    assert site.name in result.output


@pytest.mark.parametrize(
    "arguments",
    [
        ["sites", "list"],
        ["sites", "add", "example.org"],
        ["count", "set", "example.org", "/", "1"],
        ["report", "example.org"],
    ],
)
def test_should_end_with_one_line_when_redis_is_unavailable(
    redis_server: RedisServer, command: Command, arguments: list[str]
) -> None:
    # Given
    redis_server.stop()

    # When
    started = time.monotonic()
    result = command(*arguments)

    # Then
    assert result.exit_code == 1
    (line,) = result.output.splitlines()
    assert line.startswith(f"Error: Redis at {redis_server.url} does not answer: ")
    assert time.monotonic() - started < 5


def test_should_end_with_one_line_when_redis_rejects_writes(
    command: Command, redis_client: Redis
) -> None:
    # Given
    redis_client.config_set("maxmemory", 1)

    # When
    result = command("sites", "add", "example.org")

    # Then
    assert result.exit_code == 1
    (line,) = result.output.splitlines()
    assert "rejects the command: " in line


def test_should_use_the_folder_of_a_server_whether_it_runs_or_not(folder: Path) -> None:
    # When
    not_yet = run_command(folder, "sites", "list")
    added = run_command(folder, "sites", "add", "example.org", answer="y")
    with page_tracker(folder):
        while_serving = run_command(folder, "sites", "add", "example.net")
    afterwards = run_command(folder, "sites", "list", "--json")

    # Then
    assert not_yet.returncode == 1
    assert f"There are no counts in '{folder}/page-tracker-data'" in not_yet.stderr
    for done in (added, while_serving):
        assert (done.returncode, done.stderr) == (0, "")
    names = [site["site"] for site in json.loads(afterwards.stdout)]
    assert names == ["example.net", "example.org"]


@pytest.mark.parametrize("answer", ["", "n"], ids=["no terminal", "no"])
@pytest.mark.parametrize("is_there", [True, False], ids=["empty folder", "no folder"])
def test_should_start_no_new_counts_when_nobody_agrees(
    folder: Path, answer: str, is_there: bool
) -> None:
    # Given
    if is_there:
        (folder / "page-tracker-data").mkdir()

    # When
    ended = run_command(folder, "sites", "add", "example.org", answer=answer)

    # Then
    assert ended.returncode == 1
    assert (
        "Run this in the folder of your server, or set PAGE_TRACKER_DATA"
        in ended.stderr
    )
    assert not list(folder.glob("page-tracker-data/*"))


def test_should_say_how_to_get_redis_when_there_is_none(folder: Path) -> None:
    # When
    ended = run_command(folder, "sites", "list", PATH=str(folder))

    # Then
    assert ended.returncode == 1
    assert "apt install redis-server" in ended.stderr


def test_should_list_refused_views_that_belong_to_no_site(
    command: Command, redis_client: Redis
) -> None:
    # Given
    command("sites", "add", "example.org")
    recorder = make_recorder(redis_client)
    recorder.refuse({(Reason.UNKNOWN_SITE, "nothing.like.it"): 1})
    recorder.refuse({(Reason.UNKNOWN_SITE, "exmaple.org"): 3, (Reason.INVALID, ""): 1})

    # When
    listed = command("sites", "list")
    command("sites", "add", "nothing.like.it")
    afterwards = command("sites", "list")

    # Then
    assert "for nothing.like.it" not in afterwards.output
    assert "\n  3 views for exmaple.org: did you mean example.org?\n" in listed.output
    assert "\n  1 view for nothing.like.it\n" in listed.output
    assert listed.output.endswith(
        "Refused in the last 30 days: 4 views for unknown sites, 1 invalid view\n"
    )
