"""Starting deploy/stack.yml on a swarm, and giving it other settings.

Which image runs is for `deploy/release` to change; here it stays the one that does.
"""

import hmac
import re
from collections.abc import Iterator
from pathlib import Path

from deployment import journal
from deployment.ending import status_of
from deployment.engine import docker, last_line, run
from deployment.errors import DeploymentError, RefusedError, Status
from deployment.images import checked, is_there, pull
from deployment.output import say
from deployment.settings import ROOT, project, settings
from deployment.swarm import Service, manager

FILE, TLS_FILE = "deploy/stack.yml", "deploy/stack-tls.yml"
PROXY_IMAGE = "page-tracker-proxy:local"
LABEL = "page-tracker-redis"
SERVICES = ("redis-service", "web-service", "canary-service", "proxy-service")

SECONDS_TO_BE_UP = 300
SECONDS_TO_PULL = 300


def main() -> int:
    """Do it, and return the status of the command."""
    return status_of(start)


def start() -> int:
    """Start the stack, or give it other settings, and wait until all of it is up."""
    manager()
    chosen = settings()
    stack = project(chosen)
    secrets = (ROOT / (chosen.get("PAGE_TRACKER_SECRETS") or "secrets")).resolve()
    image = image_of(stack, chosen)
    environment = chosen | {
        "COMPOSE_PROJECT_NAME": stack,
        "PAGE_TRACKER_SECRETS": str(secrets),
    }
    if missing := list(what_is_missing(environment)):
        raise RefusedError("\n  ".join(["a swarm needs more:", *missing]))
    pull(image)
    with journal.locked(stack, image) as held:
        if left := held.history().left():
            raise RefusedError(
                f"The deployment of {left.image} was killed at {left.step}: make"
                " rollback STRATEGY=rolling brings it to an end first"
            )
        environment["PAGE_TRACKER_IMAGE"] = image_of(stack, chosen)
        deploy(stack, environment | names_of_secrets(stack, secrets))
    say(f"Up: {stack}")
    return Status.KEPT


def image_of(stack: str, chosen: dict[str, str]) -> str:
    """Return what visitors get, or without a stack what they are to get."""
    web = Service(stack, "web-service")
    if web.is_there:
        return web.image
    if not chosen.get("PAGE_TRACKER_IMAGE"):
        raise RefusedError(
            f"This swarm has no stack {stack} yet, and IMAGE is not set: make swarm"
            " IMAGE=name@sha256:…"
        )
    return checked(chosen["PAGE_TRACKER_IMAGE"])


def what_is_missing(environment: dict[str, str]) -> Iterator[str]:
    """Give what the stack needs and does not have, and what would do."""
    if not docker("node", "ls", "--quiet", "--filter", f"node.label={LABEL}=yes"):
        yield (
            "No node has the label that says where Redis keeps its volume:"
            f" docker node update --label-add {LABEL}=yes NODE"
        )
    domain = environment.get("PAGE_TRACKER_DOMAIN")
    if not domain and not environment.get("PAGE_TRACKER_PROXIES"):
        yield (
            "PAGE_TRACKER_DOMAIN is not set: name the host that visitors know it by;"
            " or, where a proxy in front has its certificate, that proxy in"
            " PAGE_TRACKER_PROXIES"
        )
    secrets = run(str(ROOT / "deploy/secrets"), "check", environment=environment)
    for complaint in secrets.stderr.splitlines():
        if domain or "/certificates/" not in complaint:
            yield complaint
    proxy = environment.get("PAGE_TRACKER_PROXY_IMAGE") or PROXY_IMAGE
    if not is_there(proxy):
        pulled = run("docker", "pull", "--quiet", proxy, seconds=SECONDS_TO_PULL)
        if pulled.returncode:
            yield (
                f"PAGE_TRACKER_PROXY_IMAGE is {proxy}, which is neither here nor in a"
                f" registry: docker build --tag {proxy} deploy/proxy"
            )


def names_of_secrets(stack: str, folder: Path) -> dict[str, str]:
    """Return as variables names that the files have with this content only.

    `docker secret ls` shows them: without `redis-operator`, which is made at random,
    nobody can test by them what they guess.
    """
    random = folder / "redis-operator"
    if not random.is_file():
        raise RefusedError(f"{random} is not there: make secrets writes it")
    key = random.read_bytes()
    names = {}
    for file in folder.iterdir():
        if file.is_file():
            variable = "SECRET_" + re.sub("[^A-Z]", "_", file.name.upper())
            content = hmac.digest(key, file.read_bytes(), "sha256").hex()
            names[variable] = f"{stack}-{file.name}-{content[:8]}"
    return names


def deploy(stack: str, environment: dict[str, str]) -> None:
    """Have the swarm take the files, and wait until all is as they say.

    Raises DeploymentError with the services that are not.
    """
    services = [Service(stack, name) for name in SERVICES]
    files = [FILE, TLS_FILE] if environment.get("PAGE_TRACKER_DOMAIN") else [FILE]
    try:
        done = run(
            *("docker", "stack", "deploy", "--detach=false", "--with-registry-auth"),
            *(word for file in files for word in ("--compose-file", str(ROOT / file))),
            stack,
            environment=environment,
            seconds=SECONDS_TO_BE_UP,
        )
        error = last_line(done.stderr) if done.returncode else ""
    except DeploymentError:
        error = f"it is not up within {SECONDS_TO_BE_UP} s"
    # Swarm also ends well when it took the services before back.
    if unwell := [service.state for service in services if not service.is_up]:
        error = "; ".join([*filter(None, [error]), *unwell])
    if error:
        raise DeploymentError(f"The stack {stack}: {error}")
