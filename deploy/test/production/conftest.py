"""One installation for all tests, which becomes a production."""

from collections.abc import Callable, Iterator

import pytest
from support.stack import PRODUCTION, Stack


@pytest.fixture(scope="session")
def install(
    image: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[..., Stack]]:
    """Give a function that prepares an installation, and remove all afterwards."""
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
def switched(install: Callable[..., Stack]) -> tuple[Stack, tuple[int, int]]:
    """Give a production that was a default stack before, by the documented steps."""
    it = install()
    it.compose("up", "--detach", "--no-build", "--wait", "redis-service", "web-service")
    it.compose("up", "--detach", "--build", "--wait", "proxy-service")
    it.count(6, "http")
    it.count_page("http")
    it.settings["PAGE_TRACKER_DOMAIN"] = "localhost"
    for command in (
        ["docker", "compose", *PRODUCTION, "up", "-d"],
        ["make", "production"],
    ):
        refused = it.run(*command)
        assert refused.returncode and "secrets" in refused.stderr
    counted = it.count(1, "http"), it.count_page("http")
    assert counted == (7, 2), "a refused production changes nothing"
    it.must("make", "secrets", "SELF_SIGNED=yes")
    it.must("make", "production")
    return it, counted


@pytest.fixture
def production(switched: tuple[Stack, tuple[int, int]]) -> Stack:
    return switched[0]


@pytest.fixture
def counted(switched: tuple[Stack, tuple[int, int]]) -> tuple[int, int]:
    """Give the views that the counter page and a page had before."""
    return switched[1]
