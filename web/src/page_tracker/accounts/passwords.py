"""Passwords: their rules, and their hashes by Argon2."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from threading import BoundedSemaphore, Lock

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from page_tracker.accounts.errors import AccountError, marked

SHORTEST = 10
LONGEST = 1_000
DIFFERENT = 5
"""Characters."""

MOST_WAITING = 4
"""Passwords that wait for their turn in a process. More are refused at once, so that no
flood takes all threads, which answer pages too."""

HASHER = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
"""The least cost that OWASP recommends: about 20 MB and 30 ms of one core. One password
at a time in a process leaves memory and cores to counting."""

_turn = Lock()
_places = BoundedSemaphore(MOST_WAITING)


class TooManyAtOnce(Exception):
    """Other passwords are checked now: try again in a second."""


def checked_password(password: str) -> str:
    """Return a new password. Raises AccountError if it is too easy or too long."""
    if len(password) < SHORTEST:
        text = marked("Use at least %(number)s characters")
        raise AccountError("password", text, number=SHORTEST)
    if len(password) > LONGEST:
        text = marked("Use at most %(number)s characters")
        raise AccountError("password", text, number=f"{LONGEST:,}")
    if len(set(password)) < DIFFERENT:
        text = marked("Use at least %(number)s different characters")
        raise AccountError("password", text, number=DIFFERENT)
    return password


def hash_password(password: str) -> str:
    """Return the hash of a password. Raises TooManyAtOnce."""
    with _own_turn():
        return HASHER.hash(_bytes_of(password))


def is_right(password: str, stored: str) -> bool:
    """Say whether a password has a stored hash. Raises TooManyAtOnce.

    An empty hash, for a user that does not exist, takes the same time.
    """
    with _own_turn():
        try:
            HASHER.verify(stored or _nobody(), _bytes_of(password))
        except (VerificationError, InvalidHashError):
            return False
    return bool(stored)


def is_outdated(stored: str) -> bool:
    """Say whether a hash has another cost than new ones."""
    return HASHER.check_needs_rehash(stored)


@contextmanager
def _own_turn() -> Iterator[None]:
    if not _places.acquire(blocking=False):  # pylint: disable=consider-using-with
        raise TooManyAtOnce
    try:
        with _turn:
            yield
    finally:
        _places.release()


@cache
def _nobody() -> str:
    """Return the hash of a password that nobody has."""
    return HASHER.hash(b"")


def _bytes_of(password: str) -> bytes:
    # A longer one is never right, and must not cost more.
    return password[: LONGEST + 1].encode(errors="replace")
