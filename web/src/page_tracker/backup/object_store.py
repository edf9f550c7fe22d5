"""The place of backups: a folder, or a bucket of S3, Alibaba Cloud OSS and the like.

obstore speaks to all of them. It sends a request that failed again. Each wait ends when
nothing came for a while, but the transfer of a large object may take hours.
"""

import os
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from datetime import datetime, timedelta
from functools import partial
from itertools import chain
from pathlib import Path
from threading import Thread
from typing import Any, NamedTuple, TypeAlias, TypeVar, cast
from urllib.parse import urlsplit

from page_tracker.backup.credentials import Credentials
from page_tracker.backup.errors import BackupError
from page_tracker.backup.store_errors import explain

try:
    import obstore
    from obstore.exceptions import BaseError
    from obstore.store import LocalStore, S3Store

    IS_INSTALLED = True
except ImportError:
    IS_INSTALLED = False

PART = 5 << 20
"""Bytes of a part. S3 takes 10,000 parts of at least so many bytes, so 52 GB."""

PARTS_AT_ONCE = 2

AT_ONCE = 1 << 20
"""Bytes that are read at once."""

SECONDS_TO_CONNECT = 10

SECONDS_TO_READ = 60.0
"""How long a store may take for the next bytes of an answer."""

SECONDS_TO_WRITE = 600.0
"""How long a store may take for a part. So a backup needs 9 kB a second."""

RETRIES = 3

SECONDS_TO_RETRY = 60
"""No request is sent again after so long."""

Answer = TypeVar("Answer")

Store: TypeAlias = "LocalStore | S3Store"


class Found(NamedTuple):
    """An object in the store: its size in bytes, and when it was written."""

    size: int
    modified: datetime


class ObjectStore:
    """Reads and writes the objects under one URL. Each method raises BackupError."""

    def __init__(self, address: str, open_: Callable[[float], Store]) -> None:
        """Take the address in words, and what opens the store with a timeout."""
        self.address = address
        self._store = open_(SECONDS_TO_READ)
        self._writable = open_(SECONDS_TO_WRITE)

    def put(self, name: str, chunks: Iterable[bytes]) -> None:
        """Write an object as its bytes come. It is there when all of it is written.

        An error of `chunks` goes on to the caller.
        """
        rest = iter(chunks)
        first = bytearray()
        for chunk in rest:
            first += chunk
            if len(first) >= PART:
                break
        else:  # one request writes a small object
            self._put(name, bytes(first))
            return
        self._put(
            name,
            chain([bytes(first)], rest),
            use_multipart=True,
            chunk_size=PART,
            max_concurrency=PARTS_AT_ONCE,
        )

    def put_text(self, name: str, text: str) -> None:
        """Write a small object."""
        self._put(name, text.encode())

    def _put(self, name: str, content: bytes | Iterator[bytes], **options: Any) -> None:
        self._run(
            "write", partial(obstore.put, self._writable, name, content, **options)
        )

    def get_text(self, name: str) -> str:
        """Return a small object."""
        content = self._run("read", lambda: obstore.get(self._store, name).bytes())
        return bytes(content).decode(errors="replace")

    def get(self, name: str) -> tuple[int, Iterator[bytes]]:
        """Return the size of an object, and its bytes as they come."""
        result = self._run("read", lambda: obstore.get(self._store, name))
        chunks = iter(result.stream(min_chunk_size=AT_ONCE))

        def read() -> Iterator[bytes]:
            while (chunk := self._run("read", lambda: next(chunks, None))) is not None:
                yield bytes(chunk)

        return result.meta["size"], read()

    def list(self) -> dict[str, Found]:
        """Return the objects by name, without those in folders below."""

        def objects() -> dict[str, Found]:
            listed = obstore.list_with_delimiter(self._store)
            return {
                one["path"]: Found(one["size"], one["last_modified"])
                for one in listed["objects"]
            }

        return self._run("list", objects)

    def delete(self, names: Iterable[str]) -> None:
        """Delete objects; one that is gone already is no error."""
        for name in names:
            with suppress(MissingObject):
                self._run("delete", partial(obstore.delete, self._store, name))

    def delete_unfinished(self, is_ours: Callable[[str], bool], before: float) -> None:
        """Delete parts of files that a killed process left in a folder.

        obstore lists no NAME#1. `before` is seconds since 1970.
        """
        prefix = getattr(self._store, "prefix", None)
        if not isinstance(prefix, Path):
            return
        for path in prefix.glob("*#*"):
            if is_ours(path.name.partition("#")[0]) and path.stat().st_mtime < before:
                path.unlink(missing_ok=True)

    def _run(self, verb: str, function: Callable[[], Answer]) -> Answer:
        """Run a function of obstore in a thread, so that a signal ends the wait."""
        outcome: list[Any] = []

        def run() -> None:
            try:
                outcome.append(function())
            except BaseException as error:  # pylint: disable=broad-exception-caught
                outcome.append(error)

        thread = Thread(target=run, daemon=True)
        thread.start()
        thread.join()
        (answer,) = outcome
        if isinstance(answer, BaseError | OSError):
            kind = (
                MissingObject if isinstance(answer, FileNotFoundError) else BackupError
            )
            seconds = SECONDS_TO_WRITE if verb == "write" else SECONDS_TO_READ
            reason = explain(answer, seconds)
            raise kind(f"cannot {verb} {self.address}: {reason}") from None
        if isinstance(answer, BaseException):
            raise answer
        return cast(Answer, answer)


class MissingObject(BackupError):
    """The store has no such object, or no such bucket."""


def open_store(url: str, credentials: Credentials, create: bool = False) -> ObjectStore:
    """Open the store at a URL. Raises BackupError.

    With `create`, a missing folder is made.
    """
    if not IS_INSTALLED:
        raise BackupError('this needs: pip install "page-tracker[backup]"')
    scheme, sign, _ = url.partition("://")
    if not sign and re.match(r"\w+:/", url):
        raise BackupError(
            "write s3://BUCKET/PREFIX with two slashes, or the path of a folder"
        )
    if not sign:
        return _folder(Path(url), create)
    if scheme not in ("s3", "oss"):
        raise BackupError(
            f"a backup cannot go to {scheme}://; use the path of a folder, "
            "s3://BUCKET/PREFIX or oss://BUCKET/PREFIX"
        )
    parts = urlsplit(url)
    if not re.fullmatch(r"[a-z0-9][a-z0-9._-]+", parts.netloc) or parts.query:
        # The text before an @ may be a secret.
        raise BackupError(f"write {scheme}://BUCKET/PREFIX, without keys or options")
    return _bucket(scheme, parts.netloc, parts.path.strip("/"), credentials)


def _folder(path: Path, create: bool) -> ObjectStore:
    try:
        if create:
            path.mkdir(parents=True, exist_ok=True)
        os.listdir(path)
    except OSError as error:
        raise BackupError(
            f"cannot open the folder '{path}': {error.strerror}"
        ) from None
    return ObjectStore(str(path), lambda _: LocalStore(path.absolute()))


def _bucket(
    scheme: str, bucket: str, prefix: str, credentials: Credentials
) -> ObjectStore:
    environ = os.environ.get
    endpoint = credentials.endpoint or environ("AWS_ENDPOINT_URL_S3", "")
    endpoint = endpoint or environ("AWS_ENDPOINT_URL", "")
    region = credentials.region or environ("AWS_REGION", "")
    region = region or environ("AWS_DEFAULT_REGION", "")
    if scheme == "oss":
        region = region.removeprefix("oss-")
        if not endpoint and not region:
            raise BackupError(
                "oss:// needs a region, for example cn-hangzhou: set AWS_REGION, or "
                "region in PAGE_TRACKER_BACKUP_CREDENTIALS_FILE"
            )
        endpoint = endpoint or f"https://s3.oss-{region}.aliyuncs.com"
    options: dict[str, Any] = {"region": region or "us-east-1"}
    if endpoint:
        options["endpoint"] = _checked_endpoint(endpoint)
    if scheme == "oss":  # it answers only at the host of the bucket
        host_at = endpoint.index("://") + 3
        options["endpoint"] = f"{endpoint[:host_at]}{bucket}.{endpoint[host_at:]}"
        options["virtual_hosted_style_request"] = True
    if credentials.access_key_id:
        options["access_key_id"] = credentials.access_key_id
        options["secret_access_key"] = credentials.secret_access_key
        if credentials.session_token:
            options["session_token"] = credentials.session_token
    address = f"{scheme}://{bucket}/{prefix}".rstrip("/")

    def open_(seconds: float) -> S3Store:
        return S3Store(
            bucket,
            prefix=prefix or None,
            client_options={
                "allow_http": endpoint.startswith("http://"),
                "connect_timeout": timedelta(seconds=SECONDS_TO_CONNECT),
                "read_timeout": timedelta(seconds=seconds),
                "timeout": timedelta(days=1),
            },
            retry_config={
                "max_retries": RETRIES,
                "retry_timeout": timedelta(seconds=SECONDS_TO_RETRY),
            },
            **options,
        )

    try:
        return ObjectStore(address, open_)
    except (BaseError, ValueError) as error:
        raise BackupError(f"cannot open {address}: {explain(error, 0)}") from None


def _checked_endpoint(endpoint: str) -> str:
    if not re.fullmatch(r"https?://[^/@\s?#]+/?", endpoint):
        raise BackupError("the endpoint must be an address: https://s3.example.com")
    return endpoint.rstrip("/")
