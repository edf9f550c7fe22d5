"""Encrypts and decrypts archives with age: https://age-encryption.org/v1"""

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from threading import Thread
from typing import IO

from page_tracker.backup.errors import BackupError

with suppress(ImportError):  # a store cannot be opened then
    from pyrage import (
        DecryptError,
        IdentityError,
        RecipientError,
        decrypt_io,
        encrypt_io,
        x25519,
    )

AT_ONCE = 1 << 16


def check_recipient(recipient: str) -> None:
    """Check the public key. Raises BackupError."""
    try:
        x25519.Recipient.from_str(recipient)
    except RecipientError:
        raise BackupError(
            "recipient is no public key of age: it begins with age1; make one with "
            "age-keygen"
        ) from None


def encrypted(chunks: Iterable[bytes], recipient: str) -> Iterator[bytes]:
    """Encrypt bytes as they come. An error of `chunks` goes on to the caller."""
    key = x25519.Recipient.from_str(recipient)
    source = _Source(chunks)
    try:
        yield from _through_pipe(lambda into: encrypt_io(source, into, [key]))
    except Exception:
        if source.error:
            raise source.error from None
        raise


def decrypted(file: IO[bytes], identity: str) -> Iterator[bytes]:
    """Decrypt a file piece by piece. Raises BackupError if it is not as it was.

    After the key was replaced, `identity` has the new one and, after a blank, old ones.
    """
    if not identity:
        raise BackupError(
            "it is encrypted: set identity, the secret key of age, in "
            "PAGE_TRACKER_BACKUP_CREDENTIALS_FILE"
        )
    try:
        keys = [x25519.Identity.from_str(one) for one in identity.split()]
    except IdentityError:
        raise BackupError(
            "identity is no secret key of age: it begins with AGE-SECRET-KEY-1"
        ) from None
    try:
        yield from _through_pipe(lambda into: decrypt_io(file, into, keys))
    except DecryptError as error:
        if "keys" in str(error):
            raise BackupError("it is encrypted for another key than identity") from None
        raise BackupError("it is damaged: not what age wrote") from None
    except OSError:
        raise BackupError("it is damaged: age refuses it") from None


class _Source:
    """A file that gives chunks, and remembers their error."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks = iter(chunks)
        self._rest = b""
        self.error: Exception | None = None

    def read(self, size: int) -> bytes:
        """Return at most so many bytes; none at the end."""
        try:
            while not self._rest:
                self._rest = next(self._chunks)
        except StopIteration:
            return b""
        except Exception as error:
            self.error = error
            raise
        some, self._rest = self._rest[:size], self._rest[size:]
        return some


def _through_pipe(write: Callable[[IO[bytes]], None]) -> Iterator[bytes]:
    """Give the bytes that a function writes into a file, while it writes them."""
    readable, writable = os.pipe()
    errors: list[Exception] = []

    def run() -> None:
        try:
            with os.fdopen(writable, "wb") as into:
                write(into)
        except Exception as error:  # pylint: disable=broad-exception-caught
            errors.append(error)

    thread = Thread(target=run, daemon=True)
    thread.start()
    try:
        while chunk := os.read(readable, AT_ONCE):
            yield chunk
        thread.join()
    finally:
        os.close(readable)  # ends the thread if nobody reads on
        with suppress(RuntimeError):
            thread.join()
    if errors:
        raise errors[0]
