"""`deploy/release` on a real stack: what it keeps, what it refuses, what it says."""

import json
import os
import re
import signal
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from support.proxied import ROOT, Proxied, docker, succeed

MORE = {
    "services": {
        "web-service": {
            "volumes": [f"{ROOT / 'LICENSE'}:/run/secrets/licence:ro"],
            "networks": ["public-network"],
            "logging": {"driver": "json-file", "options": {"max-size": "1m"}},
        }
    }
}
"""What the Compose files of whoever deploys know nothing of, as of a production."""

AT_ONCE = {"CANARY_SHARE": "0", "WATCH_SECONDS": "0"}


@dataclass
class Deployed:
    """A stack that is deployed to, by somebody who has no `.env`."""

    stack: Proxied
    image: str
    """By its id."""

    def environment(self, **settings: str) -> dict[str, str]:
        """Return what the deployer has in the environment."""
        return (
            os.environ
            | {"COMPOSE_PROJECT_NAME": self.stack.project}
            | {"COMPOSE_ENV_FILES": "/dev/null"}
            | settings
        )

    def release(
        self, *arguments: str, **settings: str
    ) -> subprocess.CompletedProcess[str]:
        """Run the command to its end."""
        return subprocess.run(
            [ROOT / "deploy/release", *arguments],
            env=self.environment(**settings),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=120,
        )

    def deploy(self, **settings: str) -> str:
        """Deploy the image at once, and return what was said."""
        done = self.release("deploy", self.image, **AT_ONCE | settings)
        assert done.returncode == 0, done.stdout
        return done.stdout

    @contextmanager
    def deploying(self, until: str) -> Iterator[subprocess.Popen[str]]:
        """Begin a deployment that takes long, and give it when it is at a step."""
        with subprocess.Popen(
            [ROOT / "deploy/release", "deploy", self.image],
            env=self.environment(CANARY_SECONDS="60"),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        ) as process:
            assert process.stdout
            try:
                for line in process.stdout:
                    if line.startswith(until):
                        break
                yield process
            finally:
                process.terminate()

    def live(self) -> list[str]:
        """Return the containers that visitors get."""
        return self.stack.containers(self.stack.switch().stdout.split()[0])

    def inspect(self, what: str) -> str:
        """Return a fact of the first of them."""
        return succeed(docker("inspect", "--format", what, self.live()[0]))

    def mounted(self) -> dict[str, str]:
        """Return what is mounted there, and from where."""
        mounts = json.loads(self.inspect("{{json .Mounts}}"))
        return {mount["Destination"]: mount["Source"] for mount in mounts}


@pytest.fixture(scope="module")
def deployed(image: str) -> Iterator[Deployed]:
    """Give a stack of two replicas."""
    stack = Proxied(image, settings={"WEB_CPUS": "0.75"}, override=MORE)
    identifier = succeed(docker("image", "inspect", "--format", "{{.Id}}", image))
    try:
        succeed(docker("build", "--quiet", "--tag", stack.proxy_image, "deploy/proxy"))
        stack.up("--scale", "web-service=2")
        yield Deployed(stack, identifier)
    finally:
        stack.compose("--profile", "blue-green", "down", "--volumes", "--timeout", "5")
        stack.remove()
        docker("volume", "rm", "--force", f"{stack.project}_deployment-volume")


def test_should_refuse_to_go_back_when_nothing_was_before(deployed: Deployed) -> None:
    # When
    done = deployed.release("rollback")

    # Then
    assert done.returncode == 2
    assert "The history has nothing from before sha256:" in done.stdout


def test_should_keep_what_runs_when_there_is_no_env_file(deployed: Deployed) -> None:
    # When
    said = deployed.deploy()

    # Then
    assert len(deployed.live()) == 2
    assert "PAGE_TRACKER_SITES=example.org" in deployed.inspect("{{.Config.Env}}")
    assert deployed.inspect("{{.HostConfig.NanoCpus}}") == "750000000"
    assert deployed.stack.count("/about")["views"] == 1
    assert "/run/secrets/licence" in deployed.inspect("{{.Mounts}}")
    assert "public-network" in deployed.inspect("{{.NetworkSettings.Networks}}")
    assert deployed.inspect("{{.HostConfig.LogConfig.Config}}") == "map[max-size:1m]"
    assert re.search(r"2 of it, .*-1, since there is no \.env", said)
    assert "not as in the Compose files: PAGE_TRACKER_RATE, PAGE_TRACKER_SITES" in said


def test_should_take_the_settings_of_an_env_file(
    deployed: Deployed, tmp_path: Path
) -> None:
    # Given
    settings = tmp_path / "settings.env"
    settings.write_text("PAGE_TRACKER_SITES=another.example,example.org\n")

    # When
    said = deployed.deploy(COMPOSE_ENV_FILES=str(settings))

    # Then
    assert "=another.example,example.org" in deployed.inspect("{{.Config.Env}}")
    assert deployed.inspect("{{.HostConfig.NanoCpus}}") == "1000000000"
    assert f"with the settings of {settings}" in said


def test_should_leave_nothing_beside_what_visitors_get(deployed: Deployed) -> None:
    # Given: a web-service that nobody gets
    deployed.deploy()
    deployed.stack.up("--no-recreate", "web-service")
    assert deployed.stack.containers("web-service")

    # When
    deployed.deploy()

    # Then
    services = ("web-service", "blue-service", "green-service")
    left = [one for name in services for one in deployed.stack.containers(name)]
    assert sorted(left) == sorted(deployed.live())


def test_should_say_who_deploys_when_a_second_one_comes(deployed: Deployed) -> None:
    # Given
    with deployed.deploying("canary") as first:
        # When
        second = deployed.release("deploy", deployed.image)

        # Then
        assert second.returncode == os.EX_TEMPFAIL
        assert re.match(
            rf"Busy: \S+@\S+ deploys {deployed.image} since \S+, now at: canary\."
            f".* docker rm --force {deployed.stack.project}-deployment$",
            second.stdout,
        )

        # When
        first.send_signal(signal.SIGINT)
        said, _ = first.communicate(timeout=60)

    # Then
    assert first.returncode == 128 + signal.SIGINT
    assert said.splitlines()[-1] == "Went back: It was interrupted by SIGINT"
    history = deployed.release("history").stdout.splitlines()
    assert re.search(r"deploy .* went back +canary +\d+ s +It was interr", history[-1])


def test_should_touch_nothing_more_when_somebody_takes_its_lock(
    deployed: Deployed,
) -> None:
    # Given
    with deployed.deploying("canary") as first:
        # When
        succeed(docker("rm", "--force", f"{deployed.stack.project}-deployment"))
        first.send_signal(signal.SIGINT)
        said, _ = first.communicate(timeout=60)

    # Then
    assert first.returncode == 3
    assert "which is the lock" in said.splitlines()[-1]

    # When
    said = deployed.deploy()

    # Then
    assert re.match(r"settle +\S+ was stopped at canary:\n +visitors get sha256:", said)


def test_should_show_why_when_the_new_version_ends(deployed: Deployed) -> None:
    # Given
    name = f"{deployed.stack.project}:broken"
    broken = 'CMD ["sh", "-c", "echo there is no such setting >&2; exit 3"]'
    subprocess.run(
        ["docker", "build", "--quiet", "--tag", name, "-"],
        input=f"FROM {deployed.stack.image}\n{broken}\n",
        text=True,
        check=True,
        timeout=60,
    )
    identifier = succeed(docker("image", "inspect", "--format", "{{.Id}}", name))
    before = deployed.live()

    # When
    done = deployed.release("deploy", identifier, **AT_ONCE)

    # Then
    succeed(docker("image", "rm", "--force", name))
    assert done.returncode == 1
    assert "  | there is no such setting" in done.stdout
    assert re.match(
        r"Went back: It ended: \S+(blue|green)-service-\d is .*(status 3|it had ended)"
        r".*; it said last: there is no such setting$",
        done.stdout.splitlines()[-1],
    )
    assert deployed.live() == before


def test_should_work_from_another_machine(deployed: Deployed, tmp_path: Path) -> None:
    # Given: an engine behind a port, and a client that knows nothing else
    before, mounted = deployed.live(), deployed.mounted()
    with engine_behind_a_port() as host:
        # When
        said = deployed.deploy(DOCKER_HOST=host, DOCKER_CONFIG=str(plugins(tmp_path)))

    # Then
    assert "Kept:" in said
    assert not set(deployed.live()) & set(before)
    assert deployed.mounted() == mounted


def plugins(folder: Path) -> Path:
    """Return a configuration of the docker command that has its plugins alone."""
    there = Path(
        os.environ.get("DOCKER_CONFIG", Path.home() / ".docker"), "cli-plugins"
    )
    if there.is_dir():
        (folder / "cli-plugins").symlink_to(there)
    return folder


@contextmanager
def engine_behind_a_port() -> Iterator[str]:
    """Give an address on which this machine's engine answers, as DOCKER_HOST has it."""
    format_ = "{{.Endpoints.docker.Host}}"
    host = succeed(docker("context", "inspect", "--format", format_))
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def accept() -> None:
            with suppress(OSError):
                while True:
                    client, _ = listener.accept()
                    threading.Thread(target=forward, args=[client, host]).start()

        threading.Thread(target=accept, daemon=True).start()
        try:
            yield f"tcp://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            listener.shutdown(socket.SHUT_RDWR)


def forward(client: socket.socket, host: str) -> None:
    """Carry a connection to the engine, until both sides have ended it."""
    with client, socket.socket(socket.AF_UNIX) as engine:
        engine.connect(host.removeprefix("unix://"))
        back = threading.Thread(target=carry, args=[engine, client])
        back.start()
        carry(client, engine)
        back.join()


def carry(source: socket.socket, target: socket.socket) -> None:
    """Carry one direction of a connection, its end too."""
    with suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)
