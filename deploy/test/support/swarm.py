"""The stack of deploy/stack.yml, for its operator and its visitors."""

import os
from dataclasses import dataclass, field
from pathlib import Path
from secrets import token_hex

from support import Done, docker, free_port, run, succeed, wait_for

ASK_REDIS = (
    "redis-cli --tls --cacert /run/secrets/redis-ca.crt --no-auth-warning"
    ' --user operator --pass "$(cat /run/secrets/redis-operator)" get page_views'
)


@dataclass
class Swarm:
    """A stack on an existing swarm. It does not exist until it is deployed."""

    secrets: Path
    port: int = field(default_factory=free_port)
    project: str = field(default_factory=lambda: f"page-tracker-test-{token_hex(3)}")

    def __post_init__(self) -> None:
        self.proxy_image = f"{self.project}:proxy"

    @property
    def url(self) -> str:
        return f"http://localhost:{self.port}/"

    def deploy(self, image: str = "", **settings: str) -> Done:
        """Deploy an image, or other settings, and return the result."""
        environment = {
            "COMPOSE_ENV_FILES": "/dev/null",
            "COMPOSE_PROJECT_NAME": self.project,
            "PAGE_TRACKER_SECRETS": str(self.secrets),
            "PAGE_TRACKER_PORT": str(self.port),
            "PAGE_TRACKER_PROXY_IMAGE": self.proxy_image,
            "PROXY_RATE": "0",
            # Visitors of a test need no TLS.
            "PAGE_TRACKER_PROXIES": "127.0.0.1",
            # Enough for a small machine, whose busy disk may take long to write.
            "PAGE_TRACKER_WORKERS": "1",
            "REDIS_FSYNC": "everysec",
        }
        environment = os.environ | environment | settings
        return run("deploy/swarm", image, environment=environment)

    def containers(self, service: str) -> list[str]:
        label = f"label=com.docker.swarm.service.name={self.project}_{service}"
        return succeed(docker("ps", "--quiet", "--filter", label)).split()

    def images(self) -> set[str]:
        """Return the ids of the images that run as the application."""
        containers = self.containers("web-service")
        form = ("--format", "{{.Image}}")
        return set(succeed(docker("inspect", *form, *containers)).split())

    def stored(self) -> int:
        (redis,) = self.containers("redis-service")
        return int(succeed(docker("exec", redis, "sh", "-c", ASK_REDIS)) or 0)

    def remove(self) -> None:
        docker("stack", "rm", self.project)
        mine = ("--quiet", "--filter", f"name={self.project}")
        wait_for(lambda: not docker("ps", "--all", *mine).stdout, 60)
        volumes = docker("volume", "ls", *mine).stdout.split()
        docker("volume", "rm", "--force", *volumes)
        docker("image", "rm", "--force", self.proxy_image)
