"""One installation for all tests, which begins as anyone's and becomes a production."""

from collections.abc import Callable, Iterator

import pytest
from support.production import PRODUCTION, Switched
from support.stack import Stack


@pytest.fixture(scope="session")
def install(
    image: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[..., Stack]]:
    """Give a way to prepare an installation; all are removed afterwards."""
    installations: list[Stack] = []

    def prepare(**settings: str) -> Stack:
        installation = Stack(tmp_path_factory.mktemp("operator"), settings)
        installations.append(installation)
        inspect = ["docker", "image", "inspect", "--format", "{{.Id}}", image]
        settings.setdefault("PAGE_TRACKER_IMAGE", installation.must(*inspect).strip())
        return installation

    yield prepare
    for installation in installations:
        installation.remove()


@pytest.fixture(scope="session")
def switched(install: Callable[..., Stack]) -> Switched:
    """Give a production that was anyone's installation before, as the docs say it."""
    it = install()
    it.compose("up", "--detach", "--no-build", "--wait", "redis-service", "web-service")
    it.compose("up", "--detach", "--build", "--wait", "proxy-service")
    it.count(6, "http")
    it.count_page("http")
    it.settings["PAGE_TRACKER_DOMAIN"] = "localhost"
    refused = [
        it.run("docker", "compose", *PRODUCTION, "up", "--detach"),
        it.run("make", "production"),
    ]
    before = Switched(it, it.count(1, "http"), it.count_page("http"), refused)
    it.must("make", "secrets", "SELF_SIGNED=yes")
    it.must("make", "production")
    return before


@pytest.fixture
def production(switched: Switched) -> Stack:
    return switched.production
