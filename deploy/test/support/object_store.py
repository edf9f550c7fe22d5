"""A real S3 server that containers reach, and the keys that it knows."""

import json
import os
import socket
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from secrets import token_hex

from support import docker, free_port, succeed, wait_for

RCLONE = Path(sys.executable).with_name("rclone")


@dataclass(frozen=True)
class Keys:
    """An access key, with its secret."""

    name: str = field(default_factory=lambda: f"key{token_hex(6)}")
    secret: str = field(default_factory=lambda: token_hex(16))


class ObjectStore:
    """A server of a folder's buckets, on the address of the engine's host."""

    def __init__(self, folder: Path, *keys: Keys) -> None:
        self.folder = folder
        self.url = "s3://backups/page-tracker"
        (folder / "backups").mkdir(parents=True)
        self.keys, self._port = keys, free_port()
        form = ("--format", "{{json .IPAM.Config}}")
        network = json.loads(succeed(docker("network", "inspect", "bridge", *form)))
        self._host: str = network[0]["Gateway"]
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def endpoint(self) -> str:
        return f"http://{self._host}:{self._port}"

    def start(self) -> None:
        """Serve, and wait until clients can connect."""
        pairs = ",".join(f'"{keys.name},{keys.secret}"' for keys in self.keys)
        # pylint: disable-next=consider-using-with  # `stop` waits for its end
        self._process = subprocess.Popen(
            [
                RCLONE,
                "serve",
                "s3",
                "--addr",
                f"{self._host}:{self._port}",
                self.folder,
            ],
            env=os.environ | {"RCLONE_AUTH_KEY": pairs},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        assert wait_for(self._answers), "the store did not start"

    def stop(self) -> None:
        if self._process:
            self._process.kill()
            self._process.wait()

    def _answers(self) -> bool:
        with suppress(OSError):
            socket.create_connection((self._host, self._port), 1).close()
            return True
        return False


def write_keys(credentials: Path, store: ObjectStore, keys: Keys) -> None:
    """Fill in the template that `make secrets` wrote."""
    values = {"access_key_id": keys.name, "secret_access_key": keys.secret}
    values |= {"endpoint": store.endpoint, "region": "us-east-1"}
    lines = []
    for line in credentials.read_text("utf-8").splitlines():
        name = line.partition(" =")[0]
        lines.append(f"{name} = {values[name]}" if name in values else line)
    credentials.write_text("\n".join([*lines, ""]), "utf-8")
