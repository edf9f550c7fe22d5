"""`make secrets` writes each file once, and lists what is missing or invalid."""

from io import BytesIO
from pathlib import Path

import pytest
from page_tracker.backup import encryption
from page_tracker.backup.credentials import read_credentials
from page_tracker.backup.errors import BackupError
from support.secret_files import check_secrets, make_secrets, password_in, users_in

OF_REDIS = {"redis-ca.crt", "redis.crt", "redis.key"}
OF_BACKUPS = "backup-credentials"
FILES = OF_REDIS | {"redis-operator", "redis-url", "redis-users.acl", "token"}
REDIS_AGAIN = (
    "remove redis-ca.crt, redis.crt and redis.key, and make secrets writes them again"
)
FOR_A_TRY = {"PAGE_TRACKER_DOMAIN": "localhost", "SELF_SIGNED": "yes"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Give a folder of secrets with all that a production on localhost needs."""
    made = make_secrets(tmp_path / "secrets", **FOR_A_TRY)
    assert made.returncode == 0, made.stderr
    return tmp_path / "secrets"


def contents(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): path.read_text("utf-8")
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_should_write_everything_that_a_production_needs(
    folder: Path,
) -> None:
    # When
    checked = check_secrets(folder, "localhost")

    # Then
    assert checked.returncode == 0, checked.stderr
    others = {OF_BACKUPS, "acme", "certificates"}
    assert {path.name for path in folder.iterdir()} == FILES | others
    assert len(password_in(folder)) == 64
    assert password_in(folder) not in (folder / "redis-users.acl").read_text("utf-8")
    assert set(users_in(folder)) == {"default", "health", "operator", "page-tracker"}
    assert folder.stat().st_mode & 0o777 == 0o700
    for path in folder.rglob("*"):
        assert path.stat().st_mode & 0o777 == (0o755 if path.is_dir() else 0o644)


def test_should_write_only_what_is_missing_for_the_same_passwords(
    folder: Path,
) -> None:
    # Given
    before = contents(folder)
    (folder / "redis-users.acl").unlink()
    (folder / "token").unlink()

    # When
    made = make_secrets(folder, given="one of ours #1\n", TOKEN="-", **FOR_A_TRY)

    # Then
    assert contents(folder) == before | {"token": "one of ours #1\n"}
    assert made.stdout.count("exists, and stays as it is.") == len(before) - 2


@pytest.mark.parametrize(
    ("token", "given", "why"),
    [
        ("-", "", "there is no token in the standard input"),
        ("a-secret-of-16-and-more", "", "other users see what a command line has"),
    ],
)
def test_should_write_no_token_when_none_is_given_in_secret(
    tmp_path: Path, token: str, given: str, why: str
) -> None:
    # When
    made = make_secrets(tmp_path / "secrets", given=given, TOKEN=token)

    # Then
    assert made.returncode
    assert why in made.stderr and "16-and-more" not in made.stderr
    assert not (tmp_path / "secrets/token").exists()


def test_should_write_different_secrets_each_time(folder: Path, tmp_path: Path) -> None:
    # When
    make_secrets(tmp_path / "others", **FOR_A_TRY)

    # Then
    others = contents(tmp_path / "others")
    assert not [name for name, text in contents(folder).items() if others[name] == text]


def test_should_ask_for_no_certificate_when_there_is_no_domain(tmp_path: Path) -> None:
    # When
    made = make_secrets(tmp_path / "secrets")

    # Then
    assert made.returncode == 0
    assert OF_BACKUPS in made.stdout and "DOMAIN" not in made.stdout
    assert not list((tmp_path / "secrets" / "certificates").iterdir())


def test_should_write_no_secret_into_a_folder_that_others_can_enter(
    tmp_path: Path,
) -> None:
    # Given
    tmp_path.chmod(0o755)

    # When
    made = make_secrets(tmp_path)

    # Then
    assert made.returncode == 1
    assert "other users can enter it: run chmod 700" in made.stderr
    assert not list(tmp_path.iterdir())


def test_should_list_everything_that_is_missing(folder: Path) -> None:
    # Given
    for name in FILES:
        (folder / name).unlink()
    folder.chmod(0o750)

    # When
    checked = check_secrets(folder, "counter.example.org")

    # Then
    assert checked.returncode == 1
    first, *lines = checked.stderr.splitlines()
    assert first == f"{folder}: other users can enter it: run chmod 700 {folder}"
    advice = dict(line.split(": is missing or empty: ") for line in lines)
    of_host = folder / "certificates/counter.example.org"
    assert advice == {
        f"{folder}/{name}": (
            REDIS_AGAIN if name in OF_REDIS else "make secrets writes what is missing"
        )
        for name in FILES
    } | {
        f"{of_host}/{name}.pem": "put the one of your domain there"
        " (to try it out: make secrets PAGE_TRACKER_DOMAIN=counter.example.org"
        " SELF_SIGNED=yes)"
        for name in ("fullchain", "privkey")
    }


@pytest.mark.parametrize(
    ("name", "before", "after", "complaint"),
    [
        ("redis-users.acl", " +incrby", "", "has other users or passwords"),
        ("redis-users.acl", "#", "#0", "has other users or passwords"),
        ("redis-url", "rediss://page-tracker", "redis://me", "is not a URL of"),
        ("redis.crt", "BEGIN", "END", "is not a certificate, or has expired"),
        ("redis-ca.crt", "BEGIN", "END", "is not a certificate, or has expired"),
        ("certificates/localhost/fullchain.pem", "BEGIN", "", "is not a certificate"),
        ("certificates/localhost/privkey.pem", "BEGIN", "", "is not the key"),
    ],
)
def test_should_report_what_is_invalid(
    folder: Path, name: str, before: str, after: str, complaint: str
) -> None:
    # Given
    text = (folder / name).read_text("utf-8")
    (folder / name).write_text(text.replace(before, after), "utf-8")

    # When
    checked = check_secrets(folder, "localhost")

    # Then
    assert checked.returncode == 1
    assert f"{folder}/{name}: {complaint}" in checked.stderr


def test_should_let_the_operator_have_more_users_and_passwords(folder: Path) -> None:
    # Given
    users = (folder / "redis-users.acl").read_text("utf-8")
    old = f"on #{64 * 'a'} "
    more = "user exporter on nopass -@all +info\n"
    (folder / "redis-users.acl").write_text(
        users.replace("on ", old, 2) + more, "utf-8"
    )

    # When
    checked = check_secrets(folder, "localhost")

    # Then
    assert checked.returncode == 0, checked.stderr


def test_should_refuse_a_certificate_and_a_key_of_another_host(folder: Path) -> None:
    # Given
    (folder / "certificates" / "localhost").rename(
        folder / "certificates" / "a.example"
    )
    key = (folder / "redis.key").read_text("utf-8")
    (folder / "certificates" / "a.example" / "privkey.pem").write_text(key, "utf-8")

    # When
    checked = check_secrets(folder, "a.example")

    # Then
    certificate, key = checked.stderr.splitlines()
    assert "fullchain.pem: is not for a.example" in certificate
    assert "privkey.pem: is not the key of fullchain.pem" in key


@pytest.fixture
def managed(tmp_path: Path) -> Path:
    """Give a folder of secrets for a managed Redis."""
    secrets = tmp_path / "secrets"
    secrets.mkdir(0o700)
    url = secrets / "redis-url"
    url.write_text("rediss+cluster://app:swordfish@redis.example.com:6379\n", "utf-8")
    url.chmod(0o644)
    return secrets


def test_should_write_nothing_for_a_managed_redis(
    managed: Path,
) -> None:
    # When
    made = make_secrets(managed, **FOR_A_TRY)
    checked = check_secrets(managed, "localhost", "managed")

    # Then
    assert made.returncode == 0, made.stderr
    assert checked.returncode == 0, checked.stderr
    written = {OF_BACKUPS, "acme", "certificates", "redis-ca.crt", "redis-url", "token"}
    assert {path.name for path in managed.iterdir()} == written
    assert (managed / "redis-ca.crt").read_text("utf-8") == ""


@pytest.mark.parametrize(
    "url",
    [
        "rediss://app:swordfish@redis.example.com:6380",
        "rediss://page-tracker:swordfish@redis.example.com",
        "redis+sentinel://app:swordfish@one.example.com,two.example.com/counter",
    ],
)
def test_should_tell_another_redis_from_redis_service(folder: Path, url: str) -> None:
    # Given
    of_redis_service = check_secrets(folder, "localhost", "managed")
    (folder / "redis-url").write_text(url, "utf-8")

    # When
    checked = check_secrets(folder, "localhost")
    as_managed = check_secrets(folder, "localhost", "managed")

    # Then
    (line,) = checked.stderr.splitlines()
    assert line.startswith(f"{folder}/redis-url: is not a URL of redis-service")
    assert "put deploy/managed-redis.yml last in COMPOSE_FILE" in line
    assert as_managed.returncode == 0, as_managed.stderr
    (line,) = of_redis_service.stderr.splitlines()
    assert line.startswith(f"{folder}/redis-url: names redis-service, which deploy/")


def test_should_list_everything_that_is_missing_for_a_managed_redis(
    managed: Path,
) -> None:
    # Given
    (managed / "redis-url").chmod(0o600)

    # When
    checked = check_secrets(managed, "localhost", "managed")

    # Then
    url, token, authority, *_ = checked.stderr.splitlines()
    assert url == (
        f"{managed}/redis-url: the users of containers cannot read it:"
        " run chmod 644 on it"
    )
    assert token.startswith(f"{managed}/token: is missing")
    assert authority.startswith(f"{managed}/redis-ca.crt: is missing")


def test_should_write_a_key_that_decrypts_what_was_encrypted_for_it(
    folder: Path, tmp_path: Path
) -> None:
    # Given
    make_secrets(tmp_path / "others", **FOR_A_TRY)
    ours, others = (
        read_credentials(one / OF_BACKUPS, "production")
        for one in (folder, tmp_path / "others")
    )

    # When
    encrypted = b"".join(encryption.encrypted([b"counts"], ours.recipient))
    identities = f"{others.identity} {ours.identity}"  # after a replacement
    decrypted = b"".join(encryption.decrypted(BytesIO(encrypted), identities))

    # Then
    assert decrypted == b"counts"
    with pytest.raises(BackupError, match="encrypted for another key"):
        list(encryption.decrypted(BytesIO(encrypted), others.identity))


def test_should_ask_for_the_keys_of_backups_only_when_backups_run(folder: Path) -> None:
    # Given
    (folder / OF_BACKUPS).unlink()

    # When
    without = check_secrets(folder, "localhost")
    settings = {
        "PAGE_TRACKER_DOMAIN": "localhost",
        "COMPOSE_PROFILES": "logging,backup",
    }
    checked = make_secrets(folder, "check", **settings)

    # Then
    assert without.returncode == 0
    assert checked.stderr.startswith(f"{folder}/{OF_BACKUPS}: is missing")


@pytest.mark.parametrize("quote", ["", '"', "'"])
def test_should_read_settings_as_compose_does(tmp_path: Path, quote: str) -> None:
    # Given
    one, two = tmp_path / "one.env", tmp_path / "two.env"
    one.write_text("PAGE_TRACKER_DOMAIN=counter.example.com\n")
    two.write_text(
        f"export PAGE_TRACKER_DOMAIN={quote}counter.example.org{quote} # ours\n"
    )

    # When
    made = make_secrets(tmp_path / "secrets", COMPOSE_ENV_FILES=f"{one},{two}")

    # Then
    assert made.returncode == 0, made.stderr
    assert "certificates/counter.example.org/: put fullchain.pem" in made.stdout
