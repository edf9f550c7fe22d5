"""`deploy/reach`: a real engine over a real sshd, and over TLS."""

import os
import signal
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest
from support import ROOT, succeed, wait_for

REACH = ROOT / "deploy/reach"
ENGINE = ("docker", "info", "--format", "{{.ID}}")
NAME = f"page-tracker-reach-{os.getpid()}"
HOST_KEY = "/etc/ssh/ssh_host_ed25519_key.pub"


@dataclass
class Target:
    """What names an engine, and secrets that nobody may see."""

    environment: dict[str, str]
    secret: str
    folder: Path
    """Where temporary files go, and nothing else."""

    def reach(self, *command: str, **changed: str) -> subprocess.CompletedProcess[str]:
        """Run a command to its end, and see that nothing of it is left."""
        done = subprocess.run(
            [REACH, *command],
            env=self.environment | changed,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=100,
        )
        assert not list(self.folder.iterdir())
        assert self.secret not in done.stdout
        return done


def said(*command: str) -> str:
    """Return what a command says that has to succeed."""
    return succeed(
        subprocess.run(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=120,
        )
    )


def make_key(path: Path) -> str:
    """Make a pair of keys, and return the private one."""
    said("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(path))
    return path.read_text("utf-8")


def of_deployment(folder: Path, **names: str) -> dict[str, str]:
    """Return an environment in which nothing but names says what is deployed to."""
    return {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("DEPLOY_", "DOCKER_", "SSH_"))
    } | {"TMPDIR": str(folder), **names}


@pytest.fixture(name="server", scope="module")
def server_fixture(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    """Give a server that is reached by ssh, with this machine's engine."""
    keys, folder = (tmp_path_factory.mktemp(name) for name in ("keys", "temporary"))
    secret = make_key(keys / "key")
    public = (keys / "key.pub").read_text("utf-8")
    said(
        "docker",
        "build",
        "--quiet",
        f"--tag={NAME}",
        str(ROOT / "deploy/test/support/server"),
    )
    try:
        said(
            "docker",
            *("run", "--detach", "--name", NAME, "--env", f"AUTHORIZED_KEY={public}"),
            *("--volume", f"{engine_socket()}:/run/docker.sock", NAME),
        )
        address = "{{.NetworkSettings.Networks.bridge.IPAddress}}"
        host = said("docker", "inspect", "--format", address, NAME)
        host_key = said("docker", "exec", NAME, "cat", HOST_KEY)
        assert wait_for(lambda: "listening" in said("docker", "logs", NAME), 20)
        environment = of_deployment(
            folder,
            DEPLOY_HOST=f"ssh://deploy@{host}",
            DEPLOY_KEY=secret.strip(),
            DEPLOY_KNOWN_HOSTS=f"{host} {host_key}",
        )
        yield Target(environment, secret.splitlines()[2], folder)
    finally:
        said("docker", "rm", "--force", NAME)
        said("docker", "image", "rm", NAME)


def engine_socket() -> str:
    """Return the engine's socket."""
    host = "{{.Endpoints.docker.Host}}"
    return said("docker", "context", "inspect", "--format", host).partition("://")[2]


def test_should_ask_the_engine_over_ssh(server: Target) -> None:
    # When
    done = server.reach(*ENGINE)

    # Then
    assert done.returncode == 0, done.stdout
    assert done.stdout == said(*ENGINE) + "\n"


def test_should_end_with_the_status_of_its_command(server: Target) -> None:
    # When
    done = server.reach("sh", "-c", "exit 75")

    # Then
    assert done.returncode == 75


def test_should_take_key_and_known_hosts_from_files(
    server: Target, tmp_path: Path
) -> None:
    # Given
    files = {}
    for name in ("DEPLOY_KEY", "DEPLOY_KNOWN_HOSTS"):
        files[name] = str(tmp_path / name)
        text = server.environment[name].replace("\n", "\r\n")
        (tmp_path / name).write_text(f"{text}\r\n", "utf-8")

    # When
    done = server.reach(*ENGINE, **files)

    # Then
    assert done.returncode == 0, done.stdout


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
    done = server.reach("sh", "-c", read, DEPLOY_ENV=given, **changed)

    # Then: and nothing of it is left
    assert done.returncode == 0, done.stdout
    assert done.stdout.split() == [*settings.split(), "left:"]


def test_should_believe_no_host_with_another_key(
    server: Target, tmp_path: Path
) -> None:
    # Given
    make_key(tmp_path / "other")
    host = server.environment["DEPLOY_KNOWN_HOSTS"].split()[0]
    known = f"{host} {(tmp_path / 'other.pub').read_text('utf-8')}"

    # When
    done = server.reach("echo", "not reached", DEPLOY_KNOWN_HOSTS=known)

    # Then
    assert done.returncode == 2
    assert "Host key verification failed" in done.stdout
    assert done.stdout.endswith("is unreachable: see above\n")
    assert "not reached" not in done.stdout.splitlines()


def test_should_not_log_in_with_another_key(server: Target, tmp_path: Path) -> None:
    # When
    done = server.reach("echo", "in", DEPLOY_KEY=make_key(tmp_path / "other"))

    # Then
    assert done.returncode == 2
    assert "Permission denied (publickey)" in done.stdout
    assert "in" not in done.stdout.splitlines()


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"DEPLOY_HOST": "example.org"}, "use ssh://user@host or tcp://host:2376"),
        ({"DEPLOY_HOST": "ssh://example.org"}, "ssh://user@host or tcp://"),
        ({"DEPLOY_KNOWN_HOSTS": ""}, "DEPLOY_KNOWN_HOSTS is not set, which ssh://"),
        (
            {"DEPLOY_KNOWN_HOSTS": "", "DEPLOY_HOST": "ssh://me@example.org:2222"},
            "ssh-keyscan -p 2222 example.org prints it",
        ),
        ({"DEPLOY_KEY": ""}, "DEPLOY_KEY is not set, which ssh://"),
        ({"DEPLOY_KEY": "a word"}, "DEPLOY_KEY is no private key that ssh can use"),
        ({"DEPLOY_HOST": "tcp://127.0.0.1:1"}, "DEPLOY_CA is not set, which tcp://"),
        (
            {"DEPLOY_ENV": "no-such-file"},
            "DEPLOY_ENV is no file, and holds no NAME=val",
        ),
    ],
)
def test_should_refuse_by_name_what_is_missing(
    changed: dict[str, str], why: str, server: Target
) -> None:
    # When
    done = server.reach("echo", "not reached", **changed)

    # Then
    assert done.returncode == 2
    assert done.stdout.startswith("Refused: ")
    assert why in done.stdout
    assert "not reached" not in done.stdout


def test_should_show_its_key_to_nobody(server: Target) -> None:
    # When
    done = server.reach("sh", "-c", "cat $TMPDIR/*/*[a-z]; env; ssh-add -l")

    # Then: nothing but the agent has it, which tells only its fingerprint
    assert "StrictHostKeyChecking yes" in done.stdout
    assert "DOCKER_HOST=ssh://" in done.stdout
    assert "PRIVATE" not in done.stdout
    assert "(ED25519)" in done.stdout.splitlines()[-1]


@contextmanager
def reaching(target: Target, script: str) -> Iterator[subprocess.Popen[str]]:
    """Give a process that runs a script, in a group of its own."""
    with subprocess.Popen(
        [REACH, "sh", "-c", script],
        env=target.environment,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            yield process
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)


def test_should_reach_the_engine_until_an_interrupted_command_has_gone_back(
    server: Target,
) -> None:
    # Given
    go_back = "trap : TERM; docker info --format back; exit 3"
    script = f"trap '{go_back}' TERM; echo in; sleep 60 & wait"
    with reaching(server, script) as process:
        assert process.stdout and process.stdout.readline() == "in\n"

        # When: as make and the CI systems do it, to all that it started
        os.killpg(process.pid, signal.SIGTERM)
        rest = process.stdout.read()
        status = process.wait(30)

    # Then
    assert rest == "back\n"
    assert status == 3
    assert not list(server.folder.iterdir())


def test_should_leave_no_key_when_it_is_killed(server: Target) -> None:
    # Given
    with reaching(server, "echo $SSH_AGENT_PID; sleep 60") as process:
        assert process.stdout
        agent = int(process.stdout.readline())

        # When
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(30)

    # Then
    assert wait_for(lambda: has_ended(agent), 30)
    left = [path for path in server.folder.rglob("*") if path.is_file()]
    assert left
    assert not [path for path in left if server.secret in path.read_text("utf-8")]
    said("rm", "-r", *map(str, server.folder.iterdir()))


def has_ended(process: int) -> bool:
    """Say whether a process is no more, or waits only for somebody to notice."""
    try:
        status = Path(f"/proc/{process}/stat").read_text("utf-8")
    except FileNotFoundError:
        return True
    return status.rpartition(")")[2].split()[0] == "Z"


@pytest.fixture(name="tls", scope="module")
def tls_fixture(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    """Give the engine behind TLS on loopback, for whoever has the certificate."""
    room, folder = (tmp_path_factory.mktemp(name) for name in ("tls", "temporary"))
    for name, issuer in (("ca", "ca"), ("engine", "ca"), ("client", "ca")):
        make_certificate(room, name, issuer)
    context = ssl.create_default_context(
        ssl.Purpose.CLIENT_AUTH, cafile=room / "ca.pem"
    )
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_cert_chain(room / "engine.pem", room / "engine.key")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=serve, args=(listener, context), daemon=True).start()
        environment = of_deployment(
            folder,
            DEPLOY_HOST=f"tcp://127.0.0.1:{listener.getsockname()[1]}",
            DEPLOY_CA=str(room / "ca.pem"),
            DEPLOY_CERT=str(room / "client.pem"),
            DEPLOY_KEY=(room / "client.key").read_text("utf-8"),
        )
        yield Target(environment, environment["DEPLOY_KEY"].splitlines()[1], folder)


def make_certificate(room: Path, name: str, issuer: str) -> None:
    """Make a key, and a certificate for 127.0.0.1 that an issuer has signed."""
    options = ["-addext", "subjectAltName=IP:127.0.0.1"]
    if name != issuer:
        options += ["-CA", f"{room}/{issuer}.pem", "-CAkey", f"{room}/{issuer}.key"]
        options += ["-addext", "basicConstraints=critical,CA:FALSE"]
    said(
        *("openssl", "req", "-x509", "-newkey", "ed25519", "-nodes", "-days", "1"),
        *("-subj", f"/CN={name}", "-keyout", f"{room}/{name}.key"),
        *("-out", f"{room}/{name}.pem", *options),
    )


def serve(listener: socket.socket, context: ssl.SSLContext) -> None:
    """Carry what comes by TLS to the engine's socket, and back."""
    with suppress(OSError):
        while True:
            plain, _ = listener.accept()
            threading.Thread(target=carry, args=(plain, context), daemon=True).start()


def carry(plain: socket.socket, context: ssl.SSLContext) -> None:
    """Carry one connection."""
    with suppress(OSError), closing(plain):
        with context.wrap_socket(plain, server_side=True) as client:
            with socket.socket(socket.AF_UNIX) as engine:
                engine.connect(engine_socket())
                back = threading.Thread(target=pump, args=(engine, client))
                back.start()
                pump(client, engine)
                back.join()


def pump(source: socket.socket, sink: socket.socket) -> None:
    """Carry one direction of a connection to its end."""
    with suppress(OSError):
        while data := source.recv(65536):
            sink.sendall(data)
    with suppress(OSError):
        sink.shutdown(socket.SHUT_WR)


def test_should_ask_the_engine_over_tls(tls: Target) -> None:
    # When
    done = tls.reach(*ENGINE)

    # Then
    assert done.returncode == 0, done.stdout
    assert done.stdout == said(*ENGINE) + "\n"


def test_should_believe_no_engine_that_somebody_else_signed(
    tls: Target, tmp_path: Path
) -> None:
    # Given
    make_certificate(tmp_path, "other", "other")

    # When
    done = tls.reach("echo", "in", DEPLOY_CA=str(tmp_path / "other.pem"))

    # Then
    assert done.returncode == 2
    assert "certificate" in done.stdout
    assert "in" not in done.stdout.splitlines()
