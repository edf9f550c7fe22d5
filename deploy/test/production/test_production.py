"""A production keeps the counts from before, and shows no secrets."""

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from support import docker, succeed, wait_for
from support.secret_files import password_in
from support.stack import PRODUCTION, Stack

OF_REDIS = "redis-ca.crt redis-operator redis-users.acl redis.crt redis.key".split()
SERVICES = {"proxy-service": 1, "redis-service": 1, "web-service": 2}


def without_settings(stack: Stack) -> list[str]:
    """Return a prefix that runs a command without settings in its environment."""
    known = sorted(os.environ | stack.environment)
    names = [name for name in known if name.startswith(("COMPOSE_", "PAGE_TRACKER_"))]
    unset = [word for name in names for word in ("-u", name)]
    return ["env", *unset, f"COMPOSE_ENV_FILES={stack.env_file}"]


def secrets_of(production: Stack) -> list[str]:
    """Return what nobody may see: passwords, the token, private keys."""
    keys = ("redis.key", "certificates/localhost/privkey.pem")
    texts = [(production.secrets / n).read_text() for n in ("redis-operator", "token")]
    texts += [(production.secrets / n).read_text().split("\n", 1)[1] for n in keys]
    return [password_in(production.secrets), *(text.split()[0] for text in texts)]


def test_should_keep_the_counts_of_the_installation_before(
    production: Stack, counted: tuple[int, int]
) -> None:
    # When
    it = production
    views, of_page = it.count(3, "https"), it.count_page("https")
    verified = it.compose("exec", "web-service", "page-tracker", "verify")

    # Then
    assert (views - 3, of_page - 1) == counted
    assert verified.count("all sums agree") == 1
    names = ("appendonly", "appendfsync", "slowlog-log-slower-than", "maxmemory-policy")
    found = it.must("deploy/redis/cli", "CONFIG", "GET", *names).split()
    kept = dict(zip(names, ("yes", "always", "-1", "noeviction")))
    assert dict(zip(found[::2], found[1::2], strict=True)) == kept


def test_should_run_replicas_and_limit_each_container(production: Stack) -> None:
    # When
    found = {name: production.containers(name) for name in SERVICES}

    # Then
    assert {name: len(of) for name, of in found.items()} == SERVICES
    for container in sum(found.values(), []):
        host = container["HostConfig"]
        assert host["LogConfig"]["Type"] == "json-file"
        assert host["LogConfig"]["Config"] == {
            "max-size": "10m",
            "max-file": "5",
            "tag": f"{production.project}/{{{{.Name}}}}",
        }
        assert host["RestartPolicy"]["Name"] == "unless-stopped"
        assert host["Memory"] and host["NanoCpus"] and host["PidsLimit"]
        assert host["ReadonlyRootfs"]


def test_should_keep_running_when_the_tests_are_started(production: Stack) -> None:
    # When
    tests = ("--profile", "testing", "up", "--exit-code-from", "test-service")
    refused = production.run("docker", "compose", *tests)

    # Then
    assert refused.returncode
    assert "no such service: test-service: disabled" in refused.stderr
    assert production.count(1, "https")


def test_should_show_its_secrets_to_nobody(production: Stack) -> None:
    # Given
    production.count(1, "https")
    production.compose("exec", "web-service", "page-tracker", "sites", "list")

    # When
    shown = production.compose("logs")
    for container in production.containers():
        shown += json.dumps(container)
        shown += production.must("docker", "top", container["Id"], "-eo", "pid,args")

    # Then
    assert "redis-server" in shown and "redis-url" in shown
    assert not [secret for secret in secrets_of(production) if secret in shown]


def test_should_give_each_container_only_the_secrets_that_it_reads(
    production: Stack,
) -> None:
    # When
    of = {
        service: production.compose("exec", service, "ls", "/run/secrets").split()
        for service in ("redis-service", "web-service")
    }

    # Then
    assert of["redis-service"] == OF_REDIS
    assert of["web-service"] == ["redis-ca.crt", "redis-url", "token"]
    assert all(
        mount["RW"] is False
        for container in production.containers()
        for mount in container["Mounts"]
        if mount["Type"] == "bind"
    )


@pytest.mark.parametrize(
    ("url", "refusal"),
    [
        ("redis://redis-service:6379", "ConnectionError"),
        ("rediss://redis-service:6379", "CERTIFICATE_VERIFY_FAILED"),
        ("rediss://default:x@redis-service:6379?{ca}", "AuthenticationError"),
        ("rediss://page-tracker:x@redis-service:6379?{ca}", "AuthenticationError"),
        ("rediss://health:x@redis-service:6379?{ca}", "NoPermissionError"),
    ],
)
def test_should_let_nobody_into_redis_without_a_password_and_tls(
    production: Stack, url: str, refusal: str
) -> None:
    # Given
    url = url.format(ca="ssl_ca_certs=/run/secrets/redis-ca.crt")

    # When
    output = production.python(
        f"import redis; redis.from_url({url!r}).get('page_views')"
    )

    # Then
    assert refusal in output


def test_should_publish_the_proxy_alone_and_send_visitors_to_https(
    production: Stack,
) -> None:
    # When
    published = {
        container["Config"]["Labels"]["com.docker.compose.service"]: sorted(
            port for port, of in container["NetworkSettings"]["Ports"].items() if of
        )
        for container in production.containers()
    }
    answer = production.ask("http", "/about?a=1")

    # Then
    assert published == {
        "proxy-service": ["8080/tcp", "8443/tcp"],
        "redis-service": [],
        "web-service": [],
    }
    assert answer.status_code == 308
    assert answer.headers["Location"] == (
        f"https://localhost:{production.tls_port}/about?a=1"
    )


def test_should_stay_a_production_when_compose_brings_it_up(
    production: Stack,
) -> None:
    # Given
    before = {container["Id"] for container in production.containers()}
    views = production.count(1, "https")

    # When: only .env has settings
    up = ("docker", "compose", "up", "--detach", "--wait")
    done = production.run(*without_settings(production), *up)

    # Then
    assert done.returncode == 0, done.stderr
    assert {container["Id"] for container in production.containers()} == before
    assert production.count(1, "https") == views + 1
    assert not [
        s for s in secrets_of(production) if s in production.env_file.read_text()
    ]


def test_should_change_a_password_while_it_counts(production: Stack) -> None:
    # Given
    folder = production.secrets
    before = (folder / "redis-url").read_text()

    def operate(*rules: str) -> str:
        return production.must(
            "deploy/redis/cli", "ACL", "SETUSER", "page-tracker", *rules
        )

    # When
    (folder / "redis-url").unlink()
    (folder / "redis-users.acl").unlink()
    production.must("make", "secrets")
    users = (folder / "redis-users.acl").read_text().splitlines()
    (new,) = [line.split()[3] for line in users if line.startswith("user page-tracker")]
    operate(new)
    views = production.count(1, "https")
    again = ["up", "--detach", "--wait", "--force-recreate", "--no-deps", "web-service"]
    production.compose(*PRODUCTION, *again)
    operate("resetpass", new)

    # Then
    assert wait_for(lambda: production.ask("https", "/ready").ok, 10)
    assert production.count(1, "https") == views + 1
    output = production.python(
        f"import redis; redis.from_url({before!r}).get('page_views')"
    )
    assert "AuthenticationError" in output


@pytest.fixture
def with_blue(production: Stack, tmp_path: Path) -> Iterator[Stack]:
    """Give a production whose visitors get a blue-service beside web-service."""
    model = json.loads(production.compose(*PRODUCTION, "config", "--format", "json"))
    model["services"]["blue-service"] = model["services"]["web-service"]
    (tmp_path / "deployed.json").write_text(json.dumps(model), "utf-8")
    deployed = ("--project-directory", ".", "--file", str(tmp_path / "deployed.json"))
    production.compose(
        *deployed, "up", "--detach", "--no-deps", "--wait", "blue-service"
    )
    succeed(production.switch("blue-service"))
    yield production
    production.compose(*PRODUCTION, "up", "--detach", "--wait", "web-service")
    succeed(production.switch("web-service"))
    production.compose(*deployed, "rm", "--stop", "--force", "blue-service")


def test_should_keep_the_colour_that_a_deployment_has_started(
    with_blue: Stack,
) -> None:
    # Given
    with_blue.compose("rm", "--stop", "--force", "web-service")
    views = with_blue.count(1, "https")

    # When
    output = with_blue.must("make", "production")

    # Then
    assert with_blue.count(1, "https") == views + 1
    assert "Visitors get blue-service" in output
    assert not with_blue.containers("web-service")


def test_should_update_web_service_when_it_is_live_beside_a_colour(
    with_blue: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given
    succeed(with_blue.switch("web-service"))
    monkeypatch.setitem(with_blue.settings, "PAGE_TRACKER_RATE", "77")

    # When
    output = with_blue.must("make", "production")

    # Then
    assert "Visitors get" not in output
    for container in with_blue.containers("web-service"):
        assert "PAGE_TRACKER_RATE=77" in container["Config"]["Env"]


@pytest.mark.parametrize("command", ["down", "rm --stop --force blue-service"])
def test_should_give_visitors_web_service_when_the_live_colour_was_removed(
    with_blue: Stack, command: str
) -> None:
    # Given
    views = with_blue.count(1, "https")
    with_blue.compose("--profile", "blue-green", *command.split())

    # When
    with_blue.must("make", "production")

    # Then
    assert with_blue.count(1, "https") == views + 1


LOCK = "docker run --detach --rm --interactive --entrypoint cat --name"


@pytest.mark.parametrize(
    ("given", "why"),
    [
        (
            "docker compose --profile blue-green stop web-service blue-service",
            "Visitors should get blue-service, which does not run: run docker compose",
        ),
        (
            "docker compose exec -T proxy-service switch web-service blue-service 10",
            "Visitors get 'web-service blue-service 10', because a deployment was"
            " killed: run make rollback",
        ),
        (
            LOCK + " {project}-deployment {image}",
            "A deployment is running, and {project}-deployment is its lock",
        ),
    ],
    ids=["stopped", "killed", "running"],
)
def test_should_change_nothing_when_a_deployment_is_unfinished(
    with_blue: Stack, monkeypatch: pytest.MonkeyPatch, given: str, why: str
) -> None:
    # Given
    facts = {"project": with_blue.project}
    facts["image"] = with_blue.settings["PAGE_TRACKER_IMAGE"]
    with_blue.must(*given.format(**facts).split())
    before = [container["Id"] for container in with_blue.containers()]
    monkeypatch.setitem(with_blue.settings, "PAGE_TRACKER_RATE", "78")

    # When
    refused = with_blue.run("make", "production")
    after = [container["Id"] for container in with_blue.containers()]
    docker("rm", "--force", f"{with_blue.project}-deployment")
    monkeypatch.undo()

    # Then
    assert refused.returncode
    assert f"Nothing was changed. {why.format(**facts)}" in refused.stderr
    assert after == before
    assert "78" not in with_blue.env_file.read_text()
