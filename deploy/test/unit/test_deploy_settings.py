"""A checkout without `.env` never gives a production the defaults."""

import json
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from deployer.ending import RefusedError
from deployer.engine import Container
from deployer.model import Model

MODEL = {
    "name": "counter",
    "services": {
        "web-service": {
            "environment": {"REDIS_URL": "redis://$$here", "PAGE_TRACKER_SITES": None},
            "networks": {"backend-network": None},
            "volumes": [{"type": "volume", "source": "flags", "target": "/flags"}],
            "secrets": [{"source": "token", "target": "/run/secrets/token"}],
            "deploy": {"resources": {"limits": {"cpus": 1.5, "memory": "1024"}}},
        }
    },
    "networks": {"backend-network": {"name": "counter_backend-network"}},
}
LIVE = {
    "Id": "0123",
    "Name": "/counter-blue-service-1",
    "Image": "sha256:abc",
    "RestartCount": 0,
    "State": {"Status": "running"},
    "Config": {
        "Env": ["REDIS_URL=redis://$here", "PATH=/bin", "PAGE_TRACKER_SITES"],
    },
    "HostConfig": {"NanoCpus": 1_500_000_000, "Memory": 1024},
    "Mounts": [{"Destination": "/flags"}, {"Destination": "/run/secrets/token"}],
    "NetworkSettings": {"Networks": {"counter_backend-network": {}}},
}


def live_with(*way: str, value: Any) -> Container:
    """Return the live container with one fact changed."""
    facts: Any = deepcopy(LIVE)
    part = facts
    for name in way[:-1]:
        part = part[name]
    part[way[-1]] = value
    return Container(facts)


@pytest.fixture
def model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Model:
    """Give the files of a checkout without `.env`, and an image with a PATH."""
    docker = tmp_path / "docker"
    docker.write_text(
        "#!/bin/sh\n"
        f"case $1 in compose) echo '{json.dumps(MODEL)}' ;;\n"
        "*) echo '[\"PATH=/bin\"]' ;; esac\n"
    )
    docker.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    monkeypatch.setenv("COMPOSE_ENV_FILES", "/dev/null")
    return Model()


def test_should_take_the_defaults_when_the_live_version_has_them(model: Model) -> None:
    # Then
    model.check(Container(LIVE))


@pytest.mark.parametrize(
    ("live", "named"),
    [
        (live_with("Config", "Env", value=["PAGE_TRACKER_X=a"]), "PAGE_TRACKER_X"),
        (live_with("Config", "Env", value=["REDIS_URL=redis://a"]), "REDIS_URL"),
        (live_with("HostConfig", "NanoCpus", value=500_000_000), "its limit of cpus"),
        (live_with("HostConfig", "Memory", value=512), "its limit of memory"),
        (live_with("Mounts", value=[{"Destination": "/secret"}]), "/secret"),
        (live_with("NetworkSettings", "Networks", value={"mine": {}}), "mine"),
    ],
)
def test_should_refuse_what_would_be_lost(
    model: Model, live: Container, named: str
) -> None:
    # Then
    with pytest.raises(RefusedError, match=f"other settings: {named}. Put its"):
        # When
        model.check(live)
