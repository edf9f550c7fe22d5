"""One installation for all tests, which begins as anyone's and becomes a production."""

from collections.abc import Callable, Iterator

import pytest
from support.stack import PRODUCTION, Stack


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
def switched(install: Callable[..., Stack]) -> tuple[Stack, tuple[int, int]]:
    """Give a production that was anyone's installation before, as the docs say it."""
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
    assert counted == (7, 2), "where a production is refused, it goes on as it was"
    it.must("make", "secrets", "SELF_SIGNED=yes")
    it.must("make", "production")
    return it, counted


@pytest.fixture
def production(switched: tuple[Stack, tuple[int, int]]) -> Stack:
    return switched[0]


@pytest.fixture
def counted(switched: tuple[Stack, tuple[int, int]]) -> tuple[int, int]:
    """Give the views of the counter page, and of a page, that it had before."""
    return switched[1]
