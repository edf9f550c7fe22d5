"""Backups in a real S3 server: wrong keys, a full store, and networks that fail."""

import re
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import Result
from redis import Redis

from page_tracker.backup import object_store
from page_tracker.backup.credentials import Credentials
from page_tracker.tracking.keys import BACKUP
from support.filling import fill
from support.fixture_types import Command
from support.object_storage import (
    BUCKET,
    KEY,
    SECRET,
    NetworkTo,
    ObjectStorage,
    network_to,
    object_storage,
)
from support.older_backups import copy_as_of
from support.recording import stored

URL = f"s3://{BUCKET}/page-tracker"
SECONDS = 2.0
"""The patience of a test with a store."""

LARGE = 1 << 19
"""Bytes. An archive of a test has some parts before, and some after."""

Run = Callable[..., Result]


@pytest.fixture
def storage(folder: Path) -> Iterator[ObjectStorage]:
    """Give an S3 server."""
    with object_storage(folder / "storage") as server:
        yield server


@pytest.fixture
def network(storage: ObjectStorage) -> Iterator[NetworkTo]:
    """Give the network to the S3 server."""
    with network_to(storage) as network:
        yield network


@pytest.fixture
def run(command: Command, storage: ObjectStorage) -> Run:
    """Give a function that runs a command with the keys of the S3 server."""

    def run(*words: str, **environment: str) -> Result:
        return command(*words, **(storage.environment | environment))

    return run


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Send small parts, and wait less long for a store that does not go on."""
    monkeypatch.setattr(object_store, "PART", 1 << 16)
    monkeypatch.setattr(object_store, "AT_ONCE", 1 << 16)
    monkeypatch.setattr(object_store, "SECONDS_TO_READ", SECONDS)
    monkeypatch.setattr(object_store, "SECONDS_TO_WRITE", SECONDS)
    monkeypatch.setattr(object_store, "SECONDS_TO_RETRY", 1)


def error_of(result: Result) -> str:
    """Return the error of a command: one line, without a secret."""
    assert result.exit_code == 1, result.output
    assert SECRET not in result.output and KEY not in result.output
    assert "127.0.0.1" not in result.output
    (line,) = result.output.splitlines()
    return line.removeprefix("Error: ")


def objects_in(storage: ObjectStorage) -> list[Path]:
    """Return the files of all objects."""
    return sorted(path for path in storage.bucket.rglob("*") if path.is_file())


def test_should_bring_everything_back_from_object_storage(
    run: Run, redis_client: Redis, storage: ObjectStorage
) -> None:
    # Given
    fill(redis_client, 1_000, 20)
    run("sites", "add", "example.org")

    # When
    made = run("backup", URL)
    endpoint = storage.environment["AWS_ENDPOINT_URL"]
    store = object_store.open_store(URL, Credentials(KEY, SECRET, endpoint=endpoint))
    for hour in (1, 2):
        copy_as_of(datetime(2025, 1, 1, hour, tzinfo=UTC), store)
    again = run("backup", URL)
    listed = run("backups", URL)
    redis_client.flushall()
    restored = run("restore", URL)

    # Then
    assert made.exit_code == again.exit_code == 0
    assert "Deleted 1 older backup." in again.output
    old = objects_in(storage)[:2]
    assert all("2025-01-01T02" in path.name for path in old)
    archive = objects_in(storage)[-1]
    assert archive.parent == storage.bucket / "page-tracker"
    assert len(listed.output.splitlines()) == 4 and archive.name in listed.output
    newest = [line.split()[-1] for line in listed.output.splitlines()[1:3]]
    assert restored.exit_code == 0
    assert any(name in restored.output for name in newest)  # of one second, maybe
    assert run("verify").exit_code == 0


@pytest.mark.parametrize("words", [["backup"], ["backups"], ["restore"]])
def test_should_say_in_one_line_what_the_store_said(
    run: Run, redis_client: Redis, words: list[str]
) -> None:
    # When
    wrong_secret = run(*words, URL, AWS_SECRET_ACCESS_KEY="wrong")
    wrong_key = run(*words, URL, AWS_ACCESS_KEY_ID="wrong")
    no_bucket = run(*words, "s3://no-such-bucket/page-tracker")
    no_server = run(*words, URL, AWS_ENDPOINT_URL="http://127.0.0.1:1")
    no_host = run(*words, URL, AWS_ENDPOINT_URL="http://no-such-host.invalid")

    # Then
    for result, said in (
        (wrong_secret, "SignatureDoesNotMatch: The request signature we"),
        (wrong_key, "InvalidAccessKeyId: The Access Key Id"),
        (no_bucket, "NoSuchBucket: The specified bucket does not exist"),
        (no_server, "Connection refused"),
        (no_host, "its host name is unknown"),
    ):
        assert re.match(f"cannot (list|write) s3://[a-z/-]+: {said}", error_of(result))
    if words == ["backup"]:
        assert redis_client.hget(BACKUP, "reason") == error_of(no_host).encode()


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("fault", ["cut_after", "hang_after"])
def test_should_say_that_the_network_failed_and_leave_no_backup(
    run: Run, redis_client: Redis, network: NetworkTo, fault: str
) -> None:
    # Given
    fill(redis_client, 2_000, 20)
    setattr(network, fault, LARGE)

    # When
    began = time.monotonic()
    failed = run("backup", URL)
    took = time.monotonic() - began
    setattr(network, fault, None)
    listed = run("backups", URL)
    whole = run("backup", URL)
    before = stored(redis_client)
    setattr(network, fault, network.passed + LARGE // 2)
    not_restored = run("restore", URL, "--yes")
    after = stored(redis_client)
    setattr(network, fault, None)
    restored = run("restore", URL, "--yes")

    # Then
    cause = {
        "cut_after": "(the connection was cut|Connection reset by peer)",
        "hang_after": "nothing came for 2 s",
    }[fault]
    assert re.fullmatch(f"cannot write {URL}: {cause}", error_of(failed))
    assert took < 20
    assert f"There is no backup at {URL}." in listed.output
    assert whole.exit_code == 0
    assert re.fullmatch(f"cannot read {URL}: {cause}", error_of(not_restored))
    assert after == before
    assert restored.exit_code == 0


@pytest.mark.usefixtures("impatient")
def test_should_wait_for_a_slow_store_as_long_as_it_goes_on(
    run: Run, redis_client: Redis, network: NetworkTo
) -> None:
    # Given
    fill(redis_client, 1_000, 20)
    network.bytes_a_second = 1 << 16

    # When
    began = time.monotonic()
    made = run("backup", URL)
    restored = run("restore", URL, "--yes")

    # Then
    assert made.exit_code == restored.exit_code == 0, made.output + restored.output
    assert time.monotonic() - began > 2 * SECONDS


def test_should_say_that_the_store_is_full(
    command: Command, redis_client: Redis, folder: Path
) -> None:
    # Given
    fill(redis_client, 1_000, 5)
    with object_storage(folder / "full", largest_file=1 << 14) as storage:
        # When
        failed = command("backup", URL, **storage.environment)
        listed = command("backups", URL, **storage.environment)

    # Then
    assert re.match(f"cannot write {URL}: InternalError: ", error_of(failed))
    assert f"There is no backup at {URL}." in listed.output


def test_should_refuse_an_object_that_was_changed(
    run: Run, redis_client: Redis, storage: ObjectStorage
) -> None:
    # Given
    fill(redis_client, 10, 3)
    run("backup", URL)
    _, archive = objects_in(storage)
    content = bytearray(archive.read_bytes())
    content[len(content) // 2] ^= 1
    archive.write_bytes(content)
    before = stored(redis_client)

    # When
    refused = run("restore", URL, "--yes")

    # Then
    reason = "it was changed: its SHA-256 is not that of its note"
    assert error_of(refused) == f"cannot restore {archive.name}: {reason}"
    assert stored(redis_client) == before


def test_should_take_keys_from_a_file_for_each_profile_and_show_none(
    command: Command, redis_client: Redis, storage: ObjectStorage, folder: Path
) -> None:
    # Given
    fill(redis_client, 10, 3)
    keys = folder / "credentials"
    keys.write_text(
        f"[testing]\naccess_key_id = {KEY}\nsecret_access_key = {SECRET}\n"
        f"endpoint = {storage.environment['AWS_ENDPOINT_URL']}\n"
        f"[production]\naccess_key_id = {KEY}\nsecret_access_key = wrong-{SECRET}\n"
        f"endpoint = {storage.environment['AWS_ENDPOINT_URL']}\n"
    )
    of_file = {"PAGE_TRACKER_BACKUP_CREDENTIALS_FILE": str(keys)}

    # When
    made = command("backup", URL, PAGE_TRACKER_PROFILE="testing", **of_file)
    wrong = command("backups", URL, PAGE_TRACKER_PROFILE="production", **of_file)
    missing = command("backups", URL, PAGE_TRACKER_PROFILE="development", **of_file)
    keys.write_text(f"secret_access_key = {SECRET}")
    invalid = command("backups", URL, **of_file)
    in_url = command("backups", f"s3://{KEY}:{SECRET}@{BUCKET}/")

    # Then
    assert made.exit_code == 0, made.output
    assert "SignatureDoesNotMatch" in error_of(wrong)
    assert "has no section [development]" in error_of(missing)
    assert "not an INI file" in error_of(invalid)
    assert error_of(in_url) == "write s3://BUCKET/PREFIX, without keys or options"
