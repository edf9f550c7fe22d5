"""`deploy/reach`: a real engine over a real sshd, and over TLS."""

import os
import re
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest
from support import ROOT, docker, free_port, read, run, succeed, wait_for
from support.certificates import make_certificate

REACH = ROOT / "deploy/reach"
ENGINE = ("docker", "info", "--format", "{{.ID}}")
NAME = f"page-tracker-reach-{os.getpid()}"
HOST_KEY = "/etc/ssh/ssh_host_ed25519_key.pub"

TLS = """
user root;
events {}
http {
    server {
        listen 2376 ssl;
        ssl_certificate /tls/engine.pem;
        ssl_certificate_key /tls/engine.key;
        ssl_client_certificate /tls/ca.pem;
        ssl_verify_client on;
        location / { proxy_pass http://unix:/run/docker.sock; }
    }
}
"""
"""How nginx puts an engine behind TLS, for clients with a certificate."""


@dataclass
class Target:
    """The variables that name an engine, and a secret that must not be printed."""

    names: dict[str, str]
    secret: str
    folder: Path
    """Where temporary files go, and nothing else."""

    def environment(self, **changed: str) -> dict[str, str]:
        """Return an environment in which nothing else names an engine."""
        others = ("DEPLOY_", "DOCKER_", "SSH_")
        kept = {n: value for n, value in os.environ.items() if not n.startswith(others)}
        return kept | {"TMPDIR": str(self.folder)} | self.names | changed

    def reach(self, *command: str, **changed: str) -> tuple[int, str]:
        """Run a command, and return its status and output. It must leave no file."""
        done = run(REACH, *command, environment=self.environment(**changed))
        assert not list(self.folder.iterdir())
        output = done.stdout + done.stderr
        assert self.secret not in output
        return done.returncode, output

    @contextmanager
    def reaching(self, script: str) -> Iterator[subprocess.Popen[str]]:
        """Give a process that runs a script, in a group of its own."""
        with subprocess.Popen(
            [REACH, "sh", "-c", script],
            env=self.environment(),
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        ) as process:
            try:
                yield process
            finally:
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)


def make_key(path: Path) -> str:
    """Make a pair of keys, and return the private one."""
    succeed(run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", path))
    return path.read_text("utf-8")


@contextmanager
def beside_engine(name: str, *options: str) -> Iterator[None]:
    """Run a container that has the engine's socket."""
    form = ("--format", "{{.Endpoints.docker.Host}}")
    socket = succeed(docker("context", "inspect", *form)).partition("://")[2]
    mount = ("--volume", f"{socket}:/run/docker.sock")
    try:
        succeed(docker("run", "--detach", "--name", name, *mount, *options))
        yield
    finally:
        docker("rm", "--force", "--volumes", name)


@pytest.fixture(name="server", scope="module")
def server_fixture(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    """Give a server that is reached by ssh, with this machine's engine."""
    keys, folder = (tmp_path_factory.mktemp(name) for name in ("keys", "temporary"))
    secret = make_key(keys / "key")
    public = (keys / "key.pub").read_text("utf-8")
    succeed(docker("build", "--quiet", f"--tag={NAME}", "deploy/test/support/server"))
    with beside_engine(NAME, "--env", f"AUTHORIZED_KEY={public}", NAME):
        assert wait_for(lambda: "listening" in docker("logs", NAME).stderr, 20)
        address = "{{.NetworkSettings.Networks.bridge.IPAddress}}"
        host = succeed(docker("inspect", "--format", address, NAME))
        key = succeed(docker("exec", NAME, "cat", HOST_KEY))
        names = {
            "DEPLOY_HOST": f"ssh://deploy@{host}",
            "DEPLOY_KEY": secret.strip(),
            "DEPLOY_KNOWN_HOSTS": f"{host} {key}",
        }
        yield Target(names, secret.splitlines()[2], folder)
    docker("image", "rm", NAME)


@pytest.mark.parametrize("are_files", [True, False])
def test_should_ask_the_engine_and_end_with_the_status_of_the_command(
    server: Target, tmp_path: Path, are_files: bool
) -> None:
    # Given: files with the line endings of a form on a web page
    files = {name: tmp_path / name for name in ("DEPLOY_KEY", "DEPLOY_KNOWN_HOSTS")}
    for name, file in files.items():
        file.write_text(server.names[name] + "\n", "utf-8", newline="\r\n")
    changed = {name: str(file) for name, file in files.items() if are_files}

    # When
    status, output = server.reach("sh", "-c", '"$@"; exit 75', "", *ENGINE, **changed)

    # Then
    assert (status, output) == (75, succeed(run(*ENGINE)) + "\n")


@pytest.mark.parametrize("host", ["", "the server's"])
@pytest.mark.parametrize("is_file", [True, False])
def test_should_give_compose_the_settings_while_it_runs(
    server: Target, tmp_path: Path, host: str, is_file: bool
) -> None:
    # Given
    settings = "PAGE_TRACKER_SITES=example.org\nPAGE_TRACKER_RATE=7"
    given = str(tmp_path / "production.env") if is_file else settings
    (tmp_path / "production.env").write_text(settings, "utf-8")
    changed = {} if host else {"DEPLOY_HOST": "", "SSH_AGENT_PID": str(os.getpid())}

    # When
    read = 'cat "$COMPOSE_ENV_FILES"; echo; echo "left: ${DEPLOY_ENV:-}"'
    status, output = server.reach("sh", "-c", read, DEPLOY_ENV=given, **changed)

    # Then: the command does not get DEPLOY_ENV itself
    assert status == 0, output
    assert output.split() == [*settings.split(), "left:"]


@pytest.mark.parametrize(
    ("is_of_host", "why"),
    [
        (True, "Host key verification failed"),
        (False, "Permission denied (publickey)"),
    ],
)
def test_should_not_connect_when_a_key_is_wrong(
    server: Target, tmp_path: Path, is_of_host: bool, why: str
) -> None:
    # Given
    changed = {"DEPLOY_KEY": make_key(tmp_path / "other")}
    if is_of_host:
        host = server.names["DEPLOY_KNOWN_HOSTS"].split()[0]
        public = (tmp_path / "other.pub").read_text("utf-8")
        changed = {"DEPLOY_KNOWN_HOSTS": f"{host} {public}"}

    # When
    status, output = server.reach("echo", "reached", **changed)

    # Then
    assert status == 2
    assert why in output
    assert output.endswith("is unreachable: see above\n")
    assert "reached" not in output.splitlines()


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"DEPLOY_HOST": "example.org"}, "use ssh://user@host or tcp://host:2376"),
        ({"DEPLOY_HOST": "ssh://example.org"}, "ssh://user@host or tcp://"),
        ({"DEPLOY_KNOWN_HOSTS": ""}, "DEPLOY_KNOWN_HOSTS is not set, but ssh://"),
        (
            {"DEPLOY_KNOWN_HOSTS": "", "DEPLOY_HOST": "ssh://me@example.org:2222"},
            "ssh-keyscan -p 2222 example.org prints it",
        ),
        ({"DEPLOY_KEY": ""}, "DEPLOY_KEY is not set, but ssh://"),
        ({"DEPLOY_KEY": "a word"}, "DEPLOY_KEY is not a private key that ssh can"),
        ({"DEPLOY_HOST": "tcp://127.0.0.1:1"}, "DEPLOY_CA is not set, but tcp://"),
        ({"DEPLOY_ENV": "no-file"}, "DEPLOY_ENV is neither a file nor lines NAME="),
    ],
)
def test_should_name_what_is_missing_or_invalid(
    changed: dict[str, str], why: str, server: Target
) -> None:
    # When
    status, output = server.reach("echo", "not reached", **changed)

    # Then
    assert status == 2
    assert output.startswith("Refused: ")
    assert why in output
    assert "not reached" not in output


def test_should_show_its_key_to_nobody(server: Target) -> None:
    # When
    _, output = server.reach("sh", "-c", "cat $TMPDIR/*/*[a-z]; env; ssh-add -l")

    # Then: only the agent has it, and shows only its fingerprint
    assert "StrictHostKeyChecking yes" in output
    assert "DOCKER_HOST=ssh://" in output
    assert "PRIVATE" not in output
    assert "(ED25519)" in output


def test_should_reach_the_engine_until_an_interrupted_command_has_ended(
    server: Target,
) -> None:
    # Given
    roll_back = "trap : TERM; docker info --format back; exit 3"
    script = f"trap '{roll_back}' TERM; echo in; sleep 60 & wait"
    with server.reaching(script) as process:
        assert process.stdout and process.stdout.readline() == "in\n"

        # When: the whole process group gets the signal, as from make or CI
        os.killpg(process.pid, signal.SIGTERM)
        rest = process.stdout.read()
        status = process.wait(30)

    # Then
    assert (rest, status) == ("back\n", 3)
    assert not list(server.folder.iterdir())


def test_should_leave_no_key_when_it_is_killed(server: Target) -> None:
    # Given
    with server.reaching("echo $SSH_AGENT_PID; sleep 60") as process:
        assert process.stdout
        agent = Path("/proc", process.stdout.readline().strip(), "cmdline")
        assert "ssh-agent" in agent.read_text("utf-8")

        # When
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(30)

    # Then: a process that has ended has no command line
    assert wait_for(lambda: not agent.exists() or not agent.read_text("utf-8"), 30)
    left = [path for path in server.folder.rglob("*") if path.is_file()]
    assert left
    assert not [path for path in left if server.secret in path.read_text("utf-8")]
    succeed(run("rm", "-r", *server.folder.iterdir()))


@pytest.fixture(name="tls", scope="module")
def tls_fixture(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    """Give the engine behind TLS on loopback, for clients with the certificate."""
    room, folder = (tmp_path_factory.mktemp(name) for name in ("tls", "temporary"))
    (room / "nginx.conf").write_text(TLS, "utf-8")
    make_certificate(room, "ca")
    for name in ("client", "engine"):
        make_certificate(room, name, issuer="ca")
    names = {
        "DEPLOY_HOST": f"tcp://127.0.0.1:{free_port()}",
        "DEPLOY_CA": str(room / "ca.pem"),
        "DEPLOY_CERT": str(room / "client.pem"),
        "DEPLOY_KEY": (room / "client.key").read_text("utf-8"),
    }
    target = Target(names, names["DEPLOY_KEY"].splitlines()[1], folder)
    address = names["DEPLOY_HOST"].removeprefix("tcp://")
    nginx = re.search("FROM (.*)", read("deploy/proxy/Dockerfile"))
    assert nginx
    options = ("--publish", f"{address}:2376", "--volume", f"{room}:/tls:ro", nginx[1])
    command = ("nginx", "-c", "/tls/nginx.conf", "-g", "daemon off;")
    with beside_engine(f"{NAME}-tls", *options, *command):
        assert wait_for(lambda: target.reach(*ENGINE)[0] == 0, 20)
        yield target


def test_should_ask_the_engine_over_tls(tls: Target) -> None:
    # When
    status, output = tls.reach(*ENGINE)

    # Then
    assert (status, output) == (0, succeed(run(*ENGINE)) + "\n")


def test_should_refuse_an_engine_of_another_authority(
    tls: Target, tmp_path: Path
) -> None:
    # Given
    make_certificate(tmp_path, "other")

    # When
    status, output = tls.reach("echo", "in", DEPLOY_CA=str(tmp_path / "other.pem"))

    # Then
    assert status == 2
    assert "certificate" in output
    assert "in" not in output.splitlines()
