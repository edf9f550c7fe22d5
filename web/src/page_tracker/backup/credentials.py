"""The keys of the object store, and those that encrypt archives.

A file can hold them, for example a Docker secret, with a section for each profile:

    [production]
    access_key_id = …
    secret_access_key = …
    endpoint = https://s3.example.com
    region = eu-central-1
    recipient = age1…
    identity = AGE-SECRET-KEY-1…

The environment gives the rest: `AWS_ACCESS_KEY_ID` and the other variables that every
client of S3 knows.
"""

import configparser
from dataclasses import dataclass, field, fields
from pathlib import Path

from page_tracker.backup.errors import BackupError


@dataclass(frozen=True)
class Credentials:
    """The keys and the place of a store, and the keys of archives.

    `recipient` is the public key of age to encrypt for, and `identity` the secret key
    to decrypt with. A text is empty if it is not given. No representation shows one.
    """

    access_key_id: str = field(default="", repr=False)
    secret_access_key: str = field(default="", repr=False)
    session_token: str = field(default="", repr=False)
    endpoint: str = field(default="", repr=False)
    region: str = field(default="", repr=False)
    recipient: str = field(default="", repr=False)
    identity: str = field(default="", repr=False)


NAMES = frozenset(one.name for one in fields(Credentials))


def read_credentials(path: Path | None, profile: str) -> Credentials:
    """Read the credentials of a profile; without a file there are none.

    Raises BackupError, which shows no value.
    """
    if path is None:
        return Credentials()
    parser = configparser.ConfigParser(interpolation=None)
    try:
        parser.read_string(path.read_text(encoding="utf-8-sig"))
    except (OSError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or "not UTF-8 text"
        raise _invalid(path, f"{reason}; name a readable file") from error
    except configparser.Error as error:
        # Its text may show a line with a secret.
        kind = type(error).__name__.removesuffix("Error")
        raise _invalid(path, f"not an INI file ({kind})") from None
    if not parser.has_section(profile):
        found = ", ".join(f"[{name}]" for name in parser.sections()) or "none"
        raise _invalid(path, f"has no section [{profile}]; it has {found}")
    given = {name: text.strip() for name, text in parser[profile].items() if text}
    if unknown := sorted(given.keys() - NAMES):
        known = ", ".join(sorted(NAMES))
        raise _invalid(path, f"[{profile}] has '{unknown[0]}'; it can have {known}")
    if bool(given.get("access_key_id")) != bool(given.get("secret_access_key")):
        raise _invalid(
            path, f"[{profile}] needs both access_key_id and secret_access_key"
        )
    return Credentials(**given)


def _invalid(path: Path, reason: str) -> BackupError:
    return BackupError(f"PAGE_TRACKER_BACKUP_CREDENTIALS_FILE '{path}': {reason}")
