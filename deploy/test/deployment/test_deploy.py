"""`deploy/deploy` on a real stack."""

import json
import os
import re
import shutil
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from support import ROOT, Done, docker, run, succeed
from support.deployer import Deploying
from support.stack import Stack

MORE = {
    "services": {
        "web-service": {
            "volumes": [f"{ROOT / 'LICENSE'}:/run/secrets/licence:ro"],
            "networks": ["public-network"],
            "logging": {"driver": "json-file", "options": {"max-size": "1m"}},
        }
    }
}
"""An operator's own Compose file."""

SETTINGS = """\
COMPOSE_FILE=docker-compose.yml:more.json
PAGE_TRACKER_SITES=example.org
PAGE_TRACKER_RATE=0
PAGE_TRACKER_SITE_RATE=0
WEB_CPUS=0.75
WEB_MEMORY=200m
"""

AT_ONCE = {"CANARY_SHARE": "0", "WATCH_SECONDS": "0"}
SERVICES = ("web-service", "blue-service", "green-service")


@dataclass
class Deployed:
    """A stack that is deployed to, from a checkout that has its files and `.env`."""

    stack: Stack
    image: str
    """By its id."""
    checkout: Path

    def environment(self, **settings: str) -> dict[str, str]:
        """Return the environment of the deployer."""
        of_stack = {
            "COMPOSE_PROJECT_NAME": self.stack.project,
            "PAGE_TRACKER_PROXY_IMAGE": f"{self.stack.project}:proxy",
        }
        return os.environ | of_stack | settings

    def run(self, *arguments: str, **settings: str) -> Done:
        command = self.checkout / "deploy/deploy"
        return run(command, *arguments, environment=self.environment(**settings))

    def deploy(self, **settings: str) -> str:
        """Deploy the image, without canary and watch, and return the output."""
        done = self.run("deploy", self.image, **AT_ONCE | settings)
        assert done.returncode == 0, done.stdout
        return done.stdout

    @contextmanager
    def deploying(self, until: str) -> Iterator[Deploying]:
        """Begin a long deployment, and give it once it is at a step."""
        environment = self.environment(CANARY_SECONDS="60")
        arguments = ("deploy", self.image)
        it = Deploying(*arguments, environment=environment, checkout=self.checkout)
        try:
            it.read(until)
            yield it
        finally:
            it.process.terminate()
            it.read()

    def live(self) -> list[str]:
        return self.containers(self.stack.switch().stdout.split()[0])

    def containers(self, service: str) -> list[str]:
        return [container["Id"] for container in self.stack.containers(service)]

    def inspect(self, what: str) -> str:
        return succeed(docker("inspect", "--format", what, self.live()[0]))


@pytest.fixture(name="deployed", scope="module")
def deployed_fixture(
    image: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Deployed]:
    """Give a stack of two replicas, which another checkout has started."""
    checkout = tmp_path_factory.mktemp("checkout")
    shutil.copy(ROOT / "docker-compose.yml", checkout)
    shutil.copytree(ROOT / "deploy", checkout / "deploy")
    (checkout / "more.json").write_text(json.dumps(MORE))
    (checkout / ".env").write_text(SETTINGS)
    settings = {"WEB_CPUS": "0.75", "WEB_MEMORY": "200m"}
    settings |= {
        "PAGE_TRACKER_RATE": "0",
        "PAGE_TRACKER_SITE_RATE": "0",
        "PROXY_RATE": "0",
    }
    settings["PAGE_TRACKER_IMAGE"] = image
    stack = Stack(tmp_path_factory.mktemp("operator"), settings, MORE)
    identifier = succeed(docker("image", "inspect", "--format", "{{.Id}}", image))
    deployed = Deployed(stack, identifier, checkout)
    try:
        stack.compose("build", "--quiet", "proxy-service")
        stack.up("--scale", "web-service=2")
        yield deployed
    finally:
        stack.remove()


def test_should_refuse_a_rollback_when_there_is_no_image_before(
    deployed: Deployed,
) -> None:
    # When
    done = deployed.run("rollback")

    # Then
    assert done.returncode == 2
    assert "The history has no image before sha256:" in done.stdout


def test_should_keep_settings_mounts_and_networks_when_a_second_checkout_deploys(
    deployed: Deployed,
) -> None:
    # When
    output = deployed.deploy()

    # Then
    assert len(deployed.live()) == 2
    assert "PAGE_TRACKER_SITES=example.org" in deployed.inspect("{{.Config.Env}}")
    assert deployed.inspect("{{.HostConfig.NanoCpus}}") == "750000000"
    assert deployed.stack.view("/about")["views"] == 1
    assert "/run/secrets/licence" in deployed.inspect("{{.Mounts}}")
    assert "public-network" in deployed.inspect("{{.NetworkSettings.Networks}}")
    assert "max-size:1m" in deployed.inspect("{{.HostConfig.LogConfig.Config}}")
    assert "(replicas: 2), with the settings of .env\n" in output


@pytest.mark.parametrize("command", ["deploy", "rollback"])
def test_should_change_nothing_when_a_checkout_has_no_settings(
    deployed: Deployed, command: str
) -> None:
    # Given
    ignorant, before = replace(deployed, checkout=ROOT), deployed.live()
    arguments = [command, deployed.image][: 2 if command == "deploy" else 1]

    # When
    done = ignorant.run(*arguments, COMPOSE_ENV_FILES="/dev/null")

    # Then
    assert done.returncode == 2
    assert re.match(
        r"Refused: There is no \.env here, but the live \S+-blue-service-1 has other"
        r" .*: .*PAGE_TRACKER_SITES.*, its CPU limit, its memory limit,"
        r" /run/secrets/licence, \S+_public-network\. .*DEPLOY_ENV",
        done.stdout,
    )
    assert deployed.live() == before


def test_should_use_other_settings_when_a_file_has_them(
    deployed: Deployed, tmp_path: Path
) -> None:
    # Given
    settings = tmp_path / "settings.env"
    settings.write_text(
        SETTINGS.replace("=example.org", "=another.example,example.org")
    )

    # When
    output = deployed.deploy(COMPOSE_ENV_FILES=str(settings))

    # Then
    assert "=another.example,example.org" in deployed.inspect("{{.Config.Env}}")
    assert f"settings of {settings} (changed from the version before: " in output


def test_should_go_on_from_a_running_version_when_the_live_colour_is_stopped(
    deployed: Deployed,
) -> None:
    # Given
    deployed.stack.compose("stop", *SERVICES)

    # When
    for command in (["deploy", deployed.image], ["rollback"]):
        done = deployed.run(*command)

        # Then
        assert done.returncode == 2
        cure = done.stdout.strip().rpartition(": ")[2]
        assert cure == "docker compose up --detach --wait web-service"

    # When
    deployed.stack.up("web-service")
    output = deployed.deploy()

    # Then
    assert "did not run, so visitors get web-service" in output
    assert deployed.stack.get("/health").ok


def test_should_remove_every_version_that_is_not_live(deployed: Deployed) -> None:
    # Given: a web-service without visitors
    deployed.deploy()
    deployed.stack.up("--no-recreate", "web-service")
    assert deployed.containers("web-service")

    # When
    deployed.deploy()

    # Then
    left = [one for name in SERVICES for one in deployed.containers(name)]
    assert sorted(left) == sorted(deployed.live())


def test_should_name_who_deploys_when_a_second_deployment_begins(
    deployed: Deployed,
) -> None:
    # Given
    with deployed.deploying("canary") as first:
        # When
        second = deployed.run("deploy", deployed.image)

        # Then
        assert second.returncode == os.EX_TEMPFAIL
        assert re.match(
            rf"Busy: \S+@\S+ is deploying {deployed.image}: began \S+, now at canary\."
            f".* docker rm --force {deployed.stack.project}-deployment$",
            second.stdout,
        )

        # When
        first.process.send_signal(signal.SIGINT)
        status = first.read()

    # Then
    assert status == 128 + signal.SIGINT
    assert first.lines[-1][1] == "Rolled back: Interrupted by SIGINT"
    history = deployed.run("history").stdout.splitlines()
    assert re.search(r"deploy .* rolled back +canary +\d+ s +Interrupted", history[-1])


def test_should_change_nothing_more_when_its_lock_is_removed(
    deployed: Deployed,
) -> None:
    # Given
    with deployed.deploying("canary") as first:
        # When
        succeed(docker("rm", "--force", f"{deployed.stack.project}-deployment"))
        first.process.send_signal(signal.SIGINT)
        status = first.read()

    # Then
    assert status == 3
    assert "The lock is lost" in first.lines[-1][1]

    # When
    output = deployed.deploy()

    # Then
    settled = (
        r"settle +the deployment of \S+, killed at canary:\n +visitors get sha256:"
    )
    assert re.match(settled, output)
