"""What will not do for a swarm is refused before anything of it is started."""

import json
from pathlib import Path

import pytest

from deployment.errors import RefusedError
from deployment.plan import Plan
from deployment.rolling import Rolling

BY_ID = "sha256:" + "a" * 64
BY_NAME = f"example.org/web@{BY_ID}"

PROXY = {
    "Spec": {"TaskTemplate": {"ContainerSpec": {"Env": ["RATE=50", "PROXY_SHARE=20"]}}}
}


@pytest.fixture
def rolling(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Rolling:
    """Give a swarm of two nodes, as far as asking it goes."""
    docker = tmp_path / "docker"
    docker.write_text(
        "#!/bin/sh\n"
        'case "$1 $2" in\n'
        f"'service inspect') echo '{json.dumps([PROXY])}' ;;\n"
        "'node ls') echo one; echo two ;;\n"
        "'compose --project-directory') ;;\n"
        "*) exit 1 ;;\n"
        "esac\n"
    )
    docker.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    return Rolling()


@pytest.mark.parametrize(("asked", "given"), [(None, 20), (20, 20), (0, 0)])
def test_should_give_the_share_of_the_stack(
    rolling: Rolling, asked: int | None, given: int
) -> None:
    # When
    plan = rolling.check(BY_NAME, Plan(canary_share=asked))

    # Then
    assert plan.canary_share == given


@pytest.mark.parametrize(
    ("image", "share", "reason"),
    [
        (BY_NAME, 10, "CANARY_SHARE is 10, and the stack gives canary-service 20 %"),
        (BY_ID, None, "Other nodes know nothing of an image by its id"),
    ],
)
def test_should_refuse_what_the_swarm_can_not_do(
    rolling: Rolling, image: str, share: int | None, reason: str
) -> None:
    # When
    with pytest.raises(RefusedError) as refused:
        rolling.check(image, Plan(canary_share=share))

    # Then
    assert reason in str(refused.value)
