"""page-tracker report --send, with receivers that really listen."""

import builtins
import re
import signal
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from redis import Redis

from page_tracker.tracking.sites import Site
from support.fixture_types import Command, Count
from support.mail_server import mail_server
from support.recording import keys_in
from support.webhook import webhook

# apprise imports it with older versions of Python.
pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated")

SECRET = "Zwiebelfisch"


@pytest.fixture
def counted(site: Site, count: Count) -> Site:
    """Give a site with views in the week before this one, and on every day since."""
    today = site.today()
    monday = today - timedelta(days=today.weekday() + 7)
    count("/last", days_ago=(today - monday).days, referrer="https://news.example/")
    count("/<b>&@everyone", days_ago=(today - monday).days)
    count("/today")
    return site


def test_should_send_the_finished_week_once_to_each_address(
    command: Command, counted: Site
) -> None:
    # Given
    with webhook() as hook, mail_server() as mail:
        addresses = (
            f"json://127.0.0.1:{hook.port}/{SECRET}, "
            f"mailto://127.0.0.1:{mail.port}?from=a@example.org&to=b@example.org"
        )

        # When
        first = command("report", "--send", "weekly", PAGE_TRACKER_NOTIFY=addresses)
        second = command("report", "--send", "weekly", PAGE_TRACKER_NOTIFY=addresses)
        again = command(
            *("report", counted.name, "--send", "weekly", "--again"),
            PAGE_TRACKER_NOTIFY=addresses,
        )

    # Then
    assert [one.exit_code for one in (first, second, again)] == [0, 0, 0], first.output
    assert "address 1 (json) sent" in first.output
    assert "address 2 (mailto) sent" in first.output
    assert "has it already" in second.output
    assert len(hook.messages) == len(mail.messages) == 2
    assert SECRET not in first.output + second.output
    message = hook.messages[0]
    assert message["title"].startswith("example.org, ")
    assert message["title"].endswith(": 2 views")
    assert (
        "/last" in message["message"]
        and "news.\N{WORD JOINER}example" in message["message"]
    )
    assert "/today" not in message["message"]
    assert "@everyone" not in message["message"]


def test_should_send_a_name_out_of_views_to_a_chat_as_no_link_and_no_call(
    command: Command, site: Site, count: Count
) -> None:
    # Given
    today = site.today()
    last_week = today.weekday() + 7
    for name in (
        "[Sign in again](https://evil.example/)",
        "<!channel>",
        "<https://evil|Sign in>",
        "`a` **b** _c_ ~~d~~",
    ):
        count(f"/{name}", days_ago=last_week, referrer=name)
    with webhook() as hook:
        address = f"mmost://127.0.0.1:{hook.port}/{'a' * 26}"

        # When
        result = command(
            *("report", site.name, "--send", "weekly"), PAGE_TRACKER_NOTIFY=address
        )

    # Then
    assert result.exit_code == 0, result.output
    [message] = hook.messages
    text = message["text"]
    assert "Sign in" in text and "channel" in text
    assert not re.search(r"\]\(|://|[<>`*~|]|evil\.example| _c_", text), text


def test_should_send_names_out_of_views_as_text_by_mail(
    command: Command, counted: Site
) -> None:
    # Given
    with mail_server() as mail:
        address = f"mailto://127.0.0.1:{mail.port}?from=a@example.org&to=b@example.org"

        # When
        command(
            *("report", counted.name, "--send", "weekly"), PAGE_TRACKER_NOTIFY=address
        )

    # Then
    [message] = mail.messages
    bodies = [
        (part.get_content_type(), part.get_payload(decode=True))
        for part in message.walk()
        if not part.is_multipart()
    ]
    assert bodies
    for kind, body in bodies:
        assert isinstance(body, bytes)
        assert kind != "text/html" or b"<b>" not in body


@pytest.mark.parametrize("status", [500, 404])
def test_should_fail_and_send_later_when_an_address_refuses(
    command: Command, counted: Site, status: int
) -> None:
    # Given
    with webhook(status) as hook, webhook() as other:
        addresses = (
            f"json://127.0.0.1:{hook.port}/{SECRET} json://localhost:{other.port}"
        )
        run = ("report", counted.name, "--send", "weekly")

        # When
        failed = command(*run, PAGE_TRACKER_NOTIFY=addresses)
        hook.status = 200
        later = command(*run, PAGE_TRACKER_NOTIFY=addresses)

    # Then
    assert (failed.exit_code, later.exit_code) == (1, 0)
    assert "address 1 (json) failed: " in failed.output
    assert "address 2 (json) sent" in failed.output
    assert SECRET not in failed.output
    assert len(other.messages) == 1


def test_should_go_on_with_others_when_a_mail_server_refuses(
    command: Command, counted: Site
) -> None:
    # Given
    with mail_server(refuses=True) as mail, webhook() as hook:
        addresses = (
            f"mailto://u:{SECRET}@127.0.0.1:{mail.port}"
            "?from=a@example.org&to=b@example.org "
            f"json://127.0.0.1:{hook.port}"
        )

        # When
        result = command(
            *("report", counted.name, "--send", "weekly"), PAGE_TRACKER_NOTIFY=addresses
        )

    # Then
    assert result.exit_code == 1
    assert "address 1 (mailto) failed" in result.output
    assert SECRET not in result.output
    assert len(hook.messages) == 1


def test_should_print_and_send_nothing_when_it_is_a_dry_run(
    command: Command, counted: Site, redis_client: Redis
) -> None:
    # When
    result = command("report", counted.name, "--send", "weekly", "--dry-run")
    chinese = command(
        *("report", counted.name, "--send", "weekly", "--dry-run", "--language", "zh")
    )

    # Then
    assert result.exit_code == 0
    assert "2 views" in result.output and "/last" in result.output
    assert "浏览量" in chinese.output
    assert not keys_in(redis_client, "pt:*sent*")


@pytest.mark.parametrize(
    ("addresses", "message"),
    [
        ("", "PAGE_TRACKER_NOTIFY has no address"),
        (" , ", "PAGE_TRACKER_NOTIFY has no address"),
        (f"nothing://{SECRET}", "address 1 is invalid"),
        (f"json://localhost {SECRET}://x", "address 2 is invalid"),
        (SECRET, "address 1 is invalid"),
    ],
)
def test_should_say_what_is_invalid_without_the_secret(
    command: Command, counted: Site, addresses: str, message: str
) -> None:
    # When
    result = command(
        *("report", counted.name, "--send", "weekly"), PAGE_TRACKER_NOTIFY=addresses
    )

    # Then
    assert result.exit_code == 1
    assert message in result.output
    assert SECRET not in result.output


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ({"_FILE": "none"}, "No such file or directory; name a readable file"),
        ({"_FILE": "file", "": "json://localhost"}, "are both set: unset one"),
    ],
)
def test_should_say_what_is_wrong_with_the_file_of_addresses(
    command: Command, counted: Site, variables: dict[str, str], message: str
) -> None:
    # When
    result = command(
        *("report", counted.name, "--send", "weekly"),
        **{f"PAGE_TRACKER_NOTIFY{name}": text for name, text in variables.items()},
    )

    # Then
    assert result.exit_code == 1
    assert message in result.output
    assert SECRET not in result.output


def test_should_name_the_extra_when_apprise_is_missing(
    command: Command, counted: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given
    real_import = builtins.__import__

    def refuse(name: str, *rest: Any) -> Any:
        if name == "apprise":
            raise ImportError(name)
        return real_import(name, *rest)

    monkeypatch.setattr(builtins, "__import__", refuse)

    # When
    result = command(
        *("report", counted.name, "--send", "weekly"),
        PAGE_TRACKER_NOTIFY="json://localhost",
    )

    # Then
    assert result.exit_code == 1
    assert "pip install 'page-tracker[notify]', or use the Docker image" in (
        result.output
    )


@pytest.mark.parametrize(
    "arguments",
    [
        ("report",),
        ("report", "a.example", "b.example"),
        ("report", "example.org", "--dry-run"),
        ("report", "example.org", "--send", "hourly"),
        ("report", "example.org", "--send", "weekly", "--every", "often"),
    ],
)
def test_should_refuse_arguments_that_do_not_fit(
    command: Command, arguments: tuple[str, ...]
) -> None:
    # When
    result = command(*arguments)

    # Then
    assert result.exit_code == 2
    assert "Error: " in result.output


def test_should_send_by_itself_until_a_signal(
    redis_url: str, counted: Site, tmp_path: Path
) -> None:
    # Given
    file = tmp_path / "notify"
    with webhook() as hook:
        file.write_text(f"json://127.0.0.1:{hook.port}/{SECRET}\n", encoding="utf-8")

        # When
        with subprocess.Popen(
            [
                *(sys.executable, "-c", "from page_tracker.cli import main; main()"),
                *("report", counted.name, "--send", "weekly", "--every", "1h"),
            ],
            env={"REDIS_URL": redis_url, "PAGE_TRACKER_NOTIFY_FILE": str(file)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        ) as running:
            assert running.stdout
            said = ""
            while "sent" not in said and (line := running.stdout.readline()):
                said += line
            running.send_signal(signal.SIGTERM)
            running.wait(timeout=10)

    # Then
    assert "address 1 (json) sent" in said and running.returncode == 0, said
    assert len(hook.messages) == 1
    assert SECRET not in said
