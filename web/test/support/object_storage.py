"""A real server of object storage, rclone, and a way to it that a test can break."""

import resource
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from page_tracker.store.waiting import wait_for
from support.port import Port
from support.servers import free_port

RCLONE = Path(sys.executable).with_name("rclone")
KEY, SECRET = "a-key-of-these-tests", "a-secret-of-these-tests"
BUCKET = "bucket"
SECONDS = 20
AT_ONCE = 1 << 14


class ObjectStorage:
    """An S3 server that keeps its objects in a folder."""

    def __init__(self, folder: Path, largest_file: int | None) -> None:
        self.port = free_port()
        self.bucket = folder / BUCKET
        self.bucket.mkdir(parents=True)
        self.log = folder.with_suffix(".log")
        self.environment = {
            "AWS_ACCESS_KEY_ID": KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET,
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{self.port}",
        }

        def limit() -> None:
            if largest_file:
                signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
                resource.setrlimit(resource.RLIMIT_FSIZE, (largest_file, largest_file))

        with self.log.open("wb") as log:
            # pylint: disable-next=consider-using-with,subprocess-popen-preexec-fn
            self.process = subprocess.Popen(
                [
                    *(RCLONE, "serve", "s3", "--auth-key", f"{KEY},{SECRET}"),
                    *("--addr", f"127.0.0.1:{self.port}", "--config", "/dev/null"),
                    folder,
                ],
                stderr=log,
                preexec_fn=limit,
            )

    def answers(self) -> bool:
        """Return whether it accepts connections."""
        with suppress(OSError):
            socket.create_connection(("127.0.0.1", self.port), 1).close()
            return True
        return False


@contextmanager
def object_storage(
    folder: Path, largest_file: int | None = None
) -> Iterator[ObjectStorage]:
    """Run a server over a folder. It has room for files of so many bytes."""
    server = ObjectStorage(folder, largest_file)
    try:
        assert wait_for(server.answers, SECONDS), server.log.read_text()
        yield server
    finally:
        server.process.kill()
        server.process.wait()


class NetworkTo(Port):
    """A port that leads to a server, as a network does that can fail.

    `cut_after` is the number of bytes, in either direction, after which connections are
    cut, `hang_after` the number after which nothing arrives any more, and
    `bytes_a_second` the speed.
    """

    def __init__(self, port: int) -> None:
        self.cut_after: int | None = None
        self.hang_after: int | None = None
        self.bytes_a_second: int | None = None
        self.passed = 0
        self._leads_to = port
        super().__init__()
        self.url = f"http://127.0.0.1:{self.number}"

    def handle(self, client: socket.socket) -> None:
        """Forward both ways until one side closes, or the network fails."""
        with client, socket.socket() as server, suppress(OSError):
            server.connect(("127.0.0.1", self._leads_to))
            while True:
                ready, _, _ = select.select([client, server], [], [])
                source = client if client in ready else server
                data = source.recv(AT_ONCE)
                if not data or self._is_over(self.cut_after):
                    return
                if self._is_over(self.hang_after):
                    continue
                self.passed += len(data)
                if self.bytes_a_second:
                    time.sleep(len(data) / self.bytes_a_second)
                (server if source is client else client).sendall(data)

    def _is_over(self, limit: int | None) -> bool:
        return limit is not None and self.passed >= limit


@contextmanager
def network_to(server: ObjectStorage) -> Iterator[NetworkTo]:
    """Put a network in front of a server."""
    network = NetworkTo(server.port)
    server.environment["AWS_ENDPOINT_URL"] = network.url
    try:
        yield network
    finally:
        network.close()
