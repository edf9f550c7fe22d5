"""`make swarm` lists what is missing, names secrets by content, and waits."""

import os
from hashlib import sha256
from pathlib import Path

import pytest
from support import Done, run
from support.secret_files import make_secrets

IMAGE = f"registry.example/page-tracker@sha256:{64 * '0'}"

DOCKER = """#!/bin/sh
case "$*" in
    *"config --environment") env; echo COMPOSE_PROJECT_NAME=counter ;;
    "info --format "*) echo "$SWARM" ;;
    "node ls "*) echo "$NODE" ;;
    *ContainerSpec.Image*) [ -z "$RUNNING" ] || echo "$RUNNING"; [ -n "$RUNNING" ] ;;
    "stack deploy "*) { echo "$*"; env; } >"$DEPLOYED" ;;
    "stack services "*) echo "counter_web-service $TASKS" ;;
    "service inspect "*) echo "$STATE" ;;
    "service ps "*) echo "task: non-zero exit (1)" ;;
    "image inspect no-such-proxy" | "pull "*) exit 1 ;;
esac
"""
"""Answers like an engine with a swarm."""


@pytest.fixture
def settings(tmp_path: Path) -> dict[str, str]:
    """Give the settings of a swarm that has all that it needs, and its engine."""
    programs = tmp_path / "programs"
    programs.mkdir()
    for name, program in {"docker": DOCKER, "sleep": "#!/bin/sh\n"}.items():
        (programs / name).write_text(program)
        (programs / name).chmod(0o755)
    make_secrets(tmp_path / "secrets")
    return {
        "PATH": f"{programs}:{os.environ['PATH']}",
        "DEPLOYED": str(tmp_path / "deployed"),
        "PAGE_TRACKER_SECRETS": str(tmp_path / "secrets"),
        "PAGE_TRACKER_PROXIES": "192.0.2.7",
        "PAGE_TRACKER_DOMAIN": "",
        "PAGE_TRACKER_IMAGE": "",
        "PAGE_TRACKER_PROXY_IMAGE": "proxy",
        "SWARM": "active true",
        "NODE": "one",
        "RUNNING": "",
        "TASKS": "3/3",
        "STATE": "completed",
    }


def swarm(settings: dict[str, str], image: str = IMAGE) -> Done:
    return run("deploy/swarm", image, environment=os.environ | settings)


def deployed(settings: dict[str, str]) -> dict[str, str]:
    """Return the environment in which the stack was deployed."""
    _, *lines = Path(settings["DEPLOYED"]).read_text("utf-8").splitlines()
    return dict(line.split("=", 1) for line in lines if "=" in line)


@pytest.mark.parametrize(
    ("missing", "message"),
    [
        ({"SWARM": "inactive false"}, "run docker swarm init, or"),
        ({"SWARM": "active false"}, "set DOCKER_HOST to a manager"),
        ({"PAGE_TRACKER_IMAGE": ""}, "IMAGE: is not set: make swarm IMAGE="),
    ],
)
def test_should_print_what_to_do_when_something_is_missing(
    settings: dict[str, str], missing: dict[str, str], message: str
) -> None:
    # When
    done = swarm(settings | missing, "")

    # Then
    assert done.returncode == 2
    assert message in done.stderr.splitlines()[-1]


def test_should_list_everything_that_is_missing(
    settings: dict[str, str], tmp_path: Path
) -> None:
    # Given
    nothing = {
        "NODE": "",
        "PAGE_TRACKER_PROXIES": "",
        "PAGE_TRACKER_SECRETS": str(tmp_path / "nowhere"),
        "PAGE_TRACKER_PROXY_IMAGE": "no-such-proxy",
    }

    # When
    done = swarm(settings | nothing, "page-tracker:local")

    # Then
    assert done.returncode == 2
    names = [line.strip().split(": ")[0] for line in done.stderr.splitlines()[1:]]
    assert names == [
        "IMAGE",
        "No node has the label for Redis and its volume",
        "PAGE_TRACKER_DOMAIN",
        str(tmp_path / "nowhere"),
        "PAGE_TRACKER_PROXY_IMAGE",
    ]
    assert "name it by digest" in done.stderr
    assert not Path(settings["DEPLOYED"]).exists()


def test_should_keep_the_image_that_runs_when_none_is_named(
    settings: dict[str, str],
) -> None:
    # When
    kept = swarm(settings | {"RUNNING": IMAGE, "PAGE_TRACKER_IMAGE": "other"}, "")

    # Then
    assert kept.returncode == 0, kept.stderr
    assert deployed(settings)["PAGE_TRACKER_IMAGE"] == IMAGE


def test_should_give_a_secret_another_name_when_its_content_changes(
    settings: dict[str, str],
) -> None:
    # Given
    swarm(settings)
    before = deployed(settings)

    # When
    (Path(settings["PAGE_TRACKER_SECRETS"]) / "token").write_text("chosen")
    swarm(settings)
    after = deployed(settings)

    # Then: the name is no use for testing a guess
    names = {name for name in before if name.startswith(("SECRET_", "CONFIG_"))}
    assert {name for name in names if before[name] != after[name]} == {"SECRET_TOKEN"}
    assert after["SECRET_TOKEN"].startswith("counter-token-")
    assert sha256(b"chosen").hexdigest()[:8] not in after["SECRET_TOKEN"]


def test_should_add_tls_when_the_proxy_has_a_certificate(
    settings: dict[str, str],
) -> None:
    # Given
    of_domain = {"PAGE_TRACKER_DOMAIN": "localhost", "SELF_SIGNED": "yes"}
    make_secrets(Path(settings["PAGE_TRACKER_SECRETS"]), **of_domain)

    # When
    done = swarm(settings | of_domain)

    # Then
    assert done.returncode == 0, done.stderr
    assert "deploy/stack-tls.yml" in Path(settings["DEPLOYED"]).read_text("utf-8")


def test_should_add_backups_when_their_place_and_their_keys_are_there(
    settings: dict[str, str],
) -> None:
    # Given
    settings["PAGE_TRACKER_BACKUP_URL"] = "s3://backups"
    keys = Path(settings["PAGE_TRACKER_SECRETS"]) / "backup-credentials"
    text = keys.read_text("utf-8")
    keys.unlink()

    # When
    refused = swarm(settings)
    keys.write_text(text, "utf-8")
    done = swarm(settings)

    # Then
    assert refused.returncode == 2
    assert f"{keys}: is missing or empty: make secrets writes it" in refused.stderr
    assert done.returncode == 0, done.stderr
    assert "deploy/stack-backup.yml" in Path(settings["DEPLOYED"]).read_text("utf-8")
    name = deployed(settings)["SECRET_BACKUP_CREDENTIALS"]
    assert name.startswith("counter-backup-credentials-")


@pytest.mark.parametrize(
    ("tasks", "state"),
    [("3/3", "rollback_completed"), ("2/3", "rollback_paused"), ("2/3", "")],
)
def test_should_fail_when_swarm_does_not_run_what_was_requested(
    settings: dict[str, str], tasks: str, state: str
) -> None:
    # When
    done = swarm(settings | {"TASKS": tasks, "STATE": state, "SWARM_SECONDS": "1"})

    # Then
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert f"counter_web-service has {tasks} tasks" in line
    assert state in line
    assert "task: non-zero exit (1)" in line
