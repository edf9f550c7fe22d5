"""page-tracker users and tokens."""

import json
import re
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from redis import Redis

from page_tracker.tracking.keys import USERS
from support.fixture_types import Command
from support.people import PASSWORD, Person


@pytest.mark.usefixtures("site")
def test_should_manage_users(command: Command, http_client: FlaskClient) -> None:
    # Given
    someone = Person(http_client)

    # When
    none = command("users", "list")
    owner = command("users", "add", "Anna", "--owner", answer=f"{PASSWORD}\n")
    viewer = command(
        "users", "add", "ben", "--site", "www.example.org", answer=PASSWORD
    )
    listed = command("users", "list", "--json")
    again = command("users", "add", "anna", answer=PASSWORD)
    last = command("users", "remove", "anna", "--yes")
    changed = command("users", "passwd", "ben", answer="another secret")
    someone.sign_in("ben", "another secret")
    was_in = someone.is_signed_in
    removed = command("users", "remove", "ben", "--yes")

    # Then
    assert "page-tracker users setup-link" in none.output
    assert owner.output == "Added anna: owner.\n"
    assert viewer.output == "Added ben: viewer of example.org.\n"
    assert [
        (user["name"], user["role"], user["sites"])
        for user in json.loads(listed.output)
    ] == [("anna", "owner", None), ("ben", "viewer", ["example.org"])]
    assert again.exit_code == last.exit_code == 1
    assert "There is a user anna already" in again.output
    assert "anna is the last owner" in last.output
    assert changed.output == "Set the password of ben, who is signed out everywhere.\n"
    assert was_in and not someone.is_signed_in
    assert removed.output == "Removed ben.\n"


@pytest.mark.parametrize(
    ("arguments", "answer", "said"),
    [
        ("add a/b --owner", PASSWORD, "Use 1 to 64 letters"),
        ("add anna --owner", "short", "Use at least 10 characters"),
        ("add anna --owner", "", "Use at least 10 characters"),
        ("add anna --owner", "a" * 20, "Use at least 5 different characters"),
        ("add anna --owner", "ab" * 600, "Use at most 1,000 characters"),
        ("add anna --owner --site example.org", PASSWORD, "either --owner or --site"),
        ("add anna --site other.org", PASSWORD, "other.org is not registered"),
        ("passwd anna", PASSWORD, "There is no user anna"),
        ("remove anna --yes", None, "There is no user anna"),
    ],
)
def test_should_say_what_would_do_when_a_user_is_invalid(
    command: Command, redis_client: Redis, arguments: str, answer: str, said: str
) -> None:
    # When
    result = command("users", *arguments.split(), answer=answer)

    # Then
    assert result.exit_code in (1, 2)
    assert said in result.output
    assert not redis_client.exists(USERS)


def test_should_print_a_link_for_the_first_owner_only(
    command: Command, http_client: FlaskClient
) -> None:
    # When
    local, public, anywhere = (
        command("users", "setup-link", **setting).stdout.strip()
        for setting in (
            {"PAGE_TRACKER_BIND": "127.0.0.1:8001"},
            {"PAGE_TRACKER_URL": "https://counter.example/stats"},
            {"PAGE_TRACKER_BIND": "0.0.0.0:8000"},
        )
    )
    page = Person(http_client).get(anywhere)
    command("users", "add", "anna", "--owner", answer=PASSWORD)
    refused = command("users", "setup-link")

    # Then
    token = "[A-Za-z0-9_-]{43}"
    assert re.fullmatch(rf"http://127\.0\.0\.1:8001/setup\?token={token}", local)
    assert re.fullmatch(rf"https://counter\.example/stats/setup\?token={token}", public)
    assert page.status_code == 200
    assert refused.exit_code == 1 and "There are users already" in refused.output


@pytest.mark.usefixtures("site")
def test_should_manage_tokens(command: Command, http_client: FlaskClient) -> None:
    # When
    without = command("tokens", "add", "shop")
    added = command(
        *("tokens", "add", "shop", "--scope", "read", "--site", "example.org")
    )
    secret = added.stdout.strip()
    headers = {"Authorization": f"Bearer {secret}"}
    answer = http_client.get("/api/v1/sites/example.org", headers=headers)
    listed = command("tokens", "list", "--json")
    table = command("tokens", "list").output
    revoked = command("tokens", "revoke", "shop")
    again = command("tokens", "revoke", "shop")
    refused = http_client.get("/api/v1/sites/example.org", headers=headers)

    # Then
    assert without.exit_code == 2 and "--scope" in without.output
    assert re.fullmatch(r"pt_[\w-]{43}", secret)
    assert (answer.status_code, refused.status_code) == (200, 401)
    (token,) = json.loads(listed.output)
    assert (token["name"], token["scopes"]) == ("shop", ["read"])
    assert token["sites"] == ["example.org"] and token["used"]
    assert secret not in listed.output + table
    assert revoked.output == "Revoked shop.\n"
    assert again.exit_code == 1 and "There is no token shop" in again.output


@pytest.mark.usefixtures("site")
def test_should_note_who_changed_what_without_names_of_pages(
    command: Command, redis_client: Redis
) -> None:
    # When
    command("sites", "set", "example.org", "--private")
    command("count", "set", "example.org", "/users/jane", "12")
    command("pages", "forget", "example.org", "/users/jane", "--yes")

    # Then
    changes = str(redis_client.lrange("pt:changes", 0, -1))
    assert changes.count("command line (") == 3
    for what in ("changed the settings", "changed a count", "forgot pages"):
        assert what in changes
    assert "jane" not in changes


@pytest.mark.usefixtures("site")
def test_should_bring_accounts_back_but_replace_none(
    command: Command,
    backups: Path,
    redis_client: Redis,
    http_client: FlaskClient,
) -> None:
    # Given
    someone = Person(http_client)
    command("users", "add", "anna", "--owner", answer=PASSWORD)
    token = command("tokens", "add", "shop", "--scope", "read").stdout.strip()
    headers = {"Authorization": f"Bearer {token}"}
    assert command("backup", str(backups)).exit_code == 0

    # When
    redis_client.flushall()
    assert command("restore", str(backups), "--yes").exit_code == 0
    someone.sign_in("anna")
    is_in = someone.is_signed_in
    answer = http_client.get("/api/v1/sites", headers=headers)
    changes = someone.get("/changes").text
    command("tokens", "revoke", "shop")
    command("users", "passwd", "anna", answer="another secret")
    assert command("restore", str(backups), "--yes").exit_code == 0
    refused = http_client.get("/api/v1/sites", headers=headers)

    # Then
    assert is_in and answer.status_code == 200
    assert "added the token" in changes
    assert refused.status_code == 401
    assert someone.sign_in("anna", "another secret").status_code == 303
