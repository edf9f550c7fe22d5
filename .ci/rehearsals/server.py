"""A server for a rehearsal to deploy to, which it reaches by ssh.

Its engine is this machine's, whose socket it has. On it runs a stack of its own; before
the deployment it has the image that comes, of another commit as it says.

    server.py NAME PORT IMAGE    sets up that stack: what a person does who has approved
"""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import requests
from rehearsal import ROOT, Stage, run

BEFORE = "0" * 40
HOST_KEY = "/etc/ssh/ssh_host_ed25519_key.pub"


@dataclass(frozen=True)
class Server:
    """How it is reached, and what its stack is called."""

    name: str
    address: str
    key: Path
    host_key: str
    port: int

    @property
    def target(self) -> dict[str, str]:
        """Return what names it to a deployment. The key comes on top."""
        gateway = run(
            *("docker", "network", "inspect", "bridge"),
            *("--format", "{{(index .IPAM.Config 0).Gateway}}"),
        )
        return {
            "DEPLOY_HOST": f"ssh://deploy@{self.address}",
            "DEPLOY_KNOWN_HOSTS": f"{self.address} {self.host_key}",
            # As containers reach what this machine publishes, and this machine too.
            "DEPLOY_URL": f"http://{gateway}:{self.port}",
        }

    @property
    def settings(self) -> dict[str, str]:
        """Return what a deployment to it goes by besides: here it has little time."""
        return {
            "COMPOSE_PROJECT_NAME": self.name,
            "CANARY_SECONDS": "4",
            "WATCH_SECONDS": "4",
        }

    def approval(self, image: str) -> list[str]:
        """Return the command that sets up the stack which the image is deployed to."""
        return [sys.executable, __file__, self.name, str(self.port), image]

    def approve(self, image: str) -> None:
        """Set up that stack. Ends the rehearsal where that fails."""
        try:
            run(*self.approval(image))
        except subprocess.CalledProcessError:
            sys.exit("There was no stack to deploy to: see above.")
        print("Approved, in place of a person", flush=True)

    def see(self, name: str, commit: str) -> Stage:
        """See that visitors get the version that was built from a commit."""
        url = self.target["DEPLOY_URL"]
        try:
            answer = requests.get(f"{url}/version", timeout=10).json()["commit"]
        except (requests.RequestException, KeyError) as error:
            return Stage(name, 1, reason=f"{url} does not say its commit: {error}")
        return Stage(name, int(answer != commit), reason=f"{url} is of {answer}")


@contextmanager
def server() -> Iterator[Server]:
    """Give a server, which is removed afterwards with all that was deployed to it."""
    name = f"page-tracker-server-{os.getpid()}"
    with TemporaryDirectory(prefix="page-tracker-server-") as folder:
        key = Path(folder) / "key"
        run(".ci/need", "ssh")
        run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key))
        run("docker", "build", "--quiet", f"--tag={name}", ".ci/rehearsals/server")
        engine = os.environ["DOCKER_HOST"].removeprefix("unix://")
        try:
            run(
                *("docker", "run", "--detach", "--name", name),
                *("--volume", f"{engine}:/run/docker.sock"),
                *("--env", f"AUTHORIZED_KEY={key.with_suffix('.pub').read_text()}"),
                name,
            )
            address = "{{.NetworkSettings.Networks.bridge.IPAddress}}"
            yield Server(
                name,
                run("docker", "inspect", "--format", address, name),
                key,
                run("docker", "exec", name, "cat", HOST_KEY),
                free_port(),
            )
        finally:
            remove(name)


def free_port() -> int:
    """Return a port that nothing has at the moment."""
    with socket.socket() as free:
        free.bind(("", 0))
        return int(free.getsockname()[1])


def remove(name: str) -> None:
    """Remove the server and its stack, as far as they are there."""
    for command in (
        ["rm", "--force", "--volumes", name, f"{name}-deployment"],
        ["compose", "--project-name", name, "--profile", "blue-green", "down", "-v"],
        ["volume", "rm", f"{name}_deployment-volume"],
        ["image", "rm", name, f"{name}:before", f"{name}:proxy"],
    ):
        subprocess.run(
            ["docker", *command],
            cwd=ROOT,
            check=False,
            capture_output=True,
            timeout=120,
        )
    forget_pushed()


def forget_pushed() -> None:
    """Leave the engine no image of the registry, since a server has built none."""
    for name in ("{{.Repository}}:{{.Tag}}", "{{.Repository}}@{{.Digest}}"):
        images = run("docker", "image", "ls", "--digests", "--format", name).split()
        for image in images:
            if image.startswith(f"{os.environ['REGISTRY']}/"):
                subprocess.run(
                    ["docker", "image", "rm", "--force", image],
                    check=False,
                    capture_output=True,
                    timeout=120,
                )


def set_up(name: str, port: str, image: str) -> None:
    """Start the stack with an image that is as the given one, of the commit BEFORE."""
    container = run("docker", "create", image)
    commit = f"--change=ENV PAGE_TRACKER_COMMIT={BEFORE}"
    run("docker", "commit", commit, container, f"{name}:before")
    run("docker", "rm", container)
    forget_pushed()
    run("docker", "build", "--quiet", f"--tag={name}:proxy", "deploy/proxy")
    os.environ |= {
        "PAGE_TRACKER_IMAGE": f"{name}:before",
        "PAGE_TRACKER_PROXY_IMAGE": f"{name}:proxy",
        "PAGE_TRACKER_PORT": port,
    }
    run(
        *("docker", "compose", "--env-file", "/dev/null", "--project-name", name),
        *("up", "--detach", "--no-build", "--wait", "--wait-timeout", "120"),
    )


if __name__ == "__main__":
    try:
        set_up(*sys.argv[1:])
    except subprocess.CalledProcessError as error:
        sys.exit(str(error))
