"""A request is found by its id, also after its containers are gone."""

import json

import pytest
from support import FIREFOX, Done, docker, succeed, wait_for
from support.stack import Stack

MARK = "what-only-the-visitor-knows"


def logs(stack: Stack, *arguments: str) -> Done:
    return stack.run("deploy/logs", *arguments)


def found(stack: Stack, identity: str) -> list[tuple[str, str]]:
    """Return container and line of a request, once both services have written it."""
    done: list[Done] = []

    def has_both() -> bool:
        done.append(logs(stack, identity))
        return done[-1].stdout.count("\n") >= 2

    assert wait_for(has_both), done[-1]
    lines = [line.split(maxsplit=2) for line in done[-1].stdout.splitlines()]
    assert lines == sorted(lines, key=lambda line: line[0])
    # Both services log at the end, within the same milliseconds.
    return sorted((container, text) for _, container, text in lines)


def ask(stack: Stack, path: str) -> str:
    """Send a request that identifies its visitor, and return its id."""
    who = {"Referer": f"https://{MARK}.example/", "Cookie": MARK}
    answer = stack.get(f"{path}?{MARK}", **who)
    return str(answer.headers["X-Request-ID"])


def check(lines: list[tuple[str, str]], identity: str) -> None:
    """Check the lines of one request, which was for nothing that exists."""
    assert [container for container, _ in lines] == ["proxy-service-1", "web-service-1"]
    proxy, application = (json.loads(text) for _, text in lines)
    assert application["request_id"] == proxy["request_id"] == identity
    assert (application["status"], application["route"]) == (404, "none")
    assert application["reason"] == "Not Found"
    assert proxy["status"] == 404
    # nginx takes these times from two clocks, and rounds both to milliseconds.
    assert float(proxy["upstream_seconds"]) <= proxy["seconds"] + 0.001
    assert application["path"] == proxy["path"] == "/nowhere"


def test_should_find_a_request_in_docker_when_nothing_collects(stack: Stack) -> None:
    # When
    identity = ask(stack, "/nowhere")

    # Then
    check(found(stack, identity), identity)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["no-such-id"],
            "Error: No line of the request no-such-id was found; lines of",
        ),
        (["--since", "soon"], "'soon' is not a time: use for example 90s, 10m, 2h or"),
        (["a b"], "'a b' is not the id of a request: use the X-Request-ID of its"),
        (["--level", "loud"], "invalid choice: 'loud' (choose from"),
    ],
)
def test_should_name_valid_values_when_nothing_is_found(
    stack: Stack, arguments: list[str], message: str
) -> None:
    # When
    done = logs(stack, *arguments)

    # Then
    assert done.returncode != 0
    assert message in done.stderr
    assert done.stdout == ""


def test_should_find_a_request_when_its_containers_are_gone(collecting: Stack) -> None:
    # Given
    stack = collecting
    identity = ask(stack, "/nowhere")
    before = found(stack, identity)

    # When
    names = [one["Name"].removeprefix("/") for one in stack.containers()]
    gone = [name for name in names if "web-" in name or "proxy-" in name]
    succeed(docker("rm", "--force", *gone))
    after = found(stack, identity)
    in_docker = stack.compose("logs", "--no-log-prefix")
    stack.up()

    # Then
    assert len(gone) == 2
    assert identity not in in_docker
    assert after == before
    check(after, identity)


def test_should_print_only_errors_when_a_level_is_given(collecting: Stack) -> None:
    # Given
    stack = collecting
    identity = ask(stack, "/nowhere")
    fine = ask(stack, "/version")
    assert len(found(stack, fine)) == 2

    # When
    done = stack.run(
        "make", "--no-print-directory", "logs", "SINCE=5m", "LEVEL=warning"
    )

    # Then
    assert done.stdout.count(identity) == 2
    assert fine not in done.stdout


def test_should_print_lines_whose_level_has_another_name(collecting: Stack) -> None:
    # Given
    names = ("CRITICAL", "fatal", "warn", "notice")
    code = f"for name in {names}: print('{{\"level\":\"' + name + '\"}}')"
    tag = f"tag={collecting.project}/{{{{.Name}}}}"
    service = ("run", "--rm", "--log-driver", "json-file", "--log-opt", tag)
    image = collecting.settings["PAGE_TRACKER_IMAGE"]
    succeed(docker(*service, image, "python", "-c", code))

    def printed(level: str) -> list[str]:
        lines = logs(collecting, "--level", level).stdout
        return [name for name in names if f'{{"level":"{name}"}}' in lines]

    # Then
    assert wait_for(lambda: printed("debug") == [*names])
    assert printed("info") == [*names]
    assert printed("warning") == ["CRITICAL", "fatal", "warn"]
    assert printed("error") == ["CRITICAL", "fatal"]


def test_should_collect_nothing_of_a_visitor_and_of_other_projects(
    collecting: Stack,
) -> None:
    # Given
    stack = collecting
    tag = f"tag={stack.project}-other/{{{{.Name}}}}"
    stranger = ("run", "--rm", "--log-driver", "json-file", "--log-opt", tag)
    image = stack.settings["PAGE_TRACKER_IMAGE"]
    succeed(docker(*stranger, image, "python", "-c", "print('a stranger')"))
    stack.view("/seen", X_Forwarded_For="198.51.100.77")
    identity = ask(stack, "/last")
    assert len(found(stack, identity)) == 2

    # When
    everything = succeed(stack.exec("logging-service", "collected", ""))

    # Then
    network = docker("network", "inspect", f"{stack.project}_public-network")
    (gateway,) = json.loads(network.stdout)[0]["IPAM"]["Config"]
    assert "/seen" not in everything and '\\"route\\": \\"views\\"' in everything
    for secret in (MARK, FIREFOX, "198.51.100.77", gateway["Gateway"], "a stranger"):
        assert secret not in everything


def test_should_remove_the_oldest_lines_when_there_are_too_many(
    collecting: Stack,
) -> None:
    # Given
    def run(code: str) -> str:
        return succeed(collecting.exec("logging-service", "sh", "-c", code))

    identity = ask(collecting, "/kept")
    assert len(found(collecting, identity)) == 2
    fill = "head -c 400000 /dev/urandom > /logs/{}.log.gz && touch -d '{} days ago' $_"
    old = [("2020-01-01T00", 31), ("2020-01-02T00", 29), ("2020-01-03T00", 28)]

    # When
    files = " /logs/*.log.gz"
    for name, days in old:
        run(fill.format(name, days).replace("$_", f"/logs/{name}.log.gz"))
    run("head -c 400000 /dev/urandom > /logs/2020-01-04T00.log.gz")

    # Then
    def are_left() -> bool:
        return run(f"ls{files}").count("2020-01-0") == 2

    assert wait_for(are_left, 30), run(f"ls -l{files}")
    assert "2020-01-03" in run(f"ls{files}") and "2020-01-04" in run(f"ls{files}")
    assert len(found(collecting, identity)) == 2


def tidy(stack: Stack, before: str, after: str) -> Done:
    """Tidy a folder of 2 MB between two commands, without a collector."""
    disk = ("run", "--rm", "--tmpfs", "/logs:size=2m", "--env", "LOG_DAYS=30")
    image = stack.settings["PAGE_TRACKER_LOGGING_IMAGE"]
    script = f"trap '' HUP; cd /logs; {before}\ntidy $$ && {after}"
    return docker(*disk, "--env", "LOG_SIZE=1m", image, "sh", "-c", script)


def test_should_make_room_when_the_disk_is_full(stack: Stack) -> None:
    # Given
    fill = "for day in 1 2 3 4 5 6; do "
    fill += "head -c 400k /dev/urandom >2020-01-0${day}T00.log; done"

    # When
    done = tidy(stack, f"{fill} 2>/dev/null", "ls")

    # Then
    kept = succeed(done).split()
    assert kept == [f"2020-01-0{day}T00.log.gz" for day in (4, 5, 6)]


def test_should_keep_the_other_files_when_one_is_damaged(stack: Stack) -> None:
    # Given: a file that cannot be compressed, two that are cut off, and two good ones
    damaged = "mkdir 2020-01-01T00.log; for file in 2020-01-02T00.log.gz "
    damaged += (
        "2020-01-03T00.log.gz.new; do echo lost | gzip | head -c 10 >$file; done; "
    )
    good = "echo first | gzip >2020-01-04T00.log.gz; echo late >2020-01-04T00.log"

    # When
    done = tidy(stack, damaged + good, "collected '' && ls")

    # Then
    lines = succeed(done).splitlines()
    files = ["2020-01-01T00.log", "2020-01-02T00.log.gz", "2020-01-04T00.log.gz"]
    assert lines == ["first", "late", *files]
    assert "Error: 2020-01-01T00.log cannot be compressed; it is tried" in done.stderr
    assert "Error: 2020-01-02T00.log.gz is damaged; its other lines" in done.stderr


def test_should_change_a_level_in_the_container(stack: Stack) -> None:
    # Given
    def set_level(level: str) -> None:
        command = ("page-tracker", "log-level", "page_tracker.requests", level)

        def changes() -> int:
            text: str = stack.compose("logs", "web-service")
            return text.count("Levels set by log-level")

        before = changes()
        succeed(stack.exec("web-service", *command))
        workers = 2
        assert wait_for(lambda: changes() == before + workers)

    # When
    set_level("warning")
    quiet, loud = ask(stack, "/version"), ask(stack, "/nowhere")
    set_level("default")
    again = ask(stack, "/version")

    # Then
    assert len(found(stack, loud)) == len(found(stack, again)) == 2
    lines = [line.split()[1] for line in logs(stack, quiet).stdout.splitlines()]
    assert lines == ["proxy-service-1"]


def test_should_have_the_last_lines_when_the_stack_was_removed(
    collecting: Stack,
) -> None:
    # When
    collecting.compose("--profile", "logging", "down")
    collecting.up("logging-service")
    everything = succeed(collecting.exec("logging-service", "collected", ""))

    # Then
    assert "Shutting down: Master" in everything
    assert "Redis is now ready to exit" in everything
