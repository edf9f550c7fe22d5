"""What the rehearsals of the CI systems share: a clean checkout, and one summary."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Timer

ROOT = Path(__file__).parents[2]

# What `make scan` ends with when it could not look.
COULD_NOT_LOOK = os.EX_TEMPFAIL

SECONDS_TO_CLEAN_UP = 120

# Lines that say that something failed, after the line that says what.
NOISE = re.compile(
    r"^(g?make(\[\d+\])?: (?!.*No rule)|\s*$|.*exit(ed with)? (code|status) \d+$)|^\W*$"
)
ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


@dataclass
class Stage:
    """A stage of a pipeline, as it went. One that has no status was not run."""

    name: str
    status: int | None = None
    seconds: float = 0
    reason: str = ""

    @property
    def word(self) -> str:
        """Say in a word how it went."""
        if self.status is None:
            return "not run"
        if self.status == COULD_NOT_LOOK:
            return "NO LOOK"
        return "FAILED" if self.status else "passed"


def reason_in(output: str) -> str:
    """Return the last line of an output that says why it ended."""
    lines = (ESCAPES.sub("", line).strip() for line in output.splitlines())
    telling = [line for line in lines if not NOISE.match(line)]
    return telling[-1] if telling else "(it said nothing)"


def status_of_target(status: int, output: str) -> int:
    """Return the status of a make target's command: make's own is 2 for any failure."""
    ends = re.findall(r"^g?make: \*\*\* .*\] Error (\d+)$", output, re.MULTILINE)
    return int(ends[-1]) if status and ends else status


def run(*command: str | Path, folder: Path = ROOT, given: str = "") -> str:
    """Run a command that has to succeed, and return what it prints."""
    return subprocess.run(
        command,
        cwd=folder,
        input=given,
        check=True,
        stdout=subprocess.PIPE,
        text=True,
        timeout=300,
    ).stdout.strip()


def clean_up_when_terminated() -> None:
    """Let SIGTERM end this as an interruption does: by way of every `finally`."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))


def environment_of_ci() -> dict[str, str]:
    """Return this environment without what `make` and its .venv put into it."""
    ours = str(ROOT / ".venv" / "bin")
    path = [part for part in os.environ["PATH"].split(os.pathsep) if part != ours]
    return {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("MAKE", "MFLAGS", "PAGE_TRACKER_"))
    } | {"PATH": os.pathsep.join(path), "CI": "true"}


def run_live(
    command: Sequence[str | Path],
    folder: Path,
    environment: Mapping[str, str],
    seconds: float,
) -> tuple[int, str]:
    """Run a command, show what it prints as it comes, and return status and output.

    After those seconds it is ended with all that it started: status 124, as `timeout`.
    Then, and when this is interrupted, it has two minutes to clean up.
    """
    timed_out = False
    with subprocess.Popen(
        command,
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        start_new_session=True,
    ) as process:

        def send(number: signal.Signals) -> None:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, number)

        def time_is_up() -> None:
            nonlocal timed_out
            timed_out = True
            end()

        def end() -> None:
            send(signal.SIGTERM)
            kill.start()

        def show() -> None:
            assert process.stdout
            for line in process.stdout:
                output.append(line)
                sys.stdout.write(line)
                sys.stdout.flush()

        output: list[str] = []
        timer = Timer(seconds, time_is_up)
        kill = Timer(SECONDS_TO_CLEAN_UP, send, [signal.SIGKILL])
        timer.start()
        try:
            show()
            process.wait()
        except (KeyboardInterrupt, SystemExit):
            end()
            show()  # until all that it started has cleaned up
            raise
        finally:
            timer.cancel()
            kill.cancel()
            send(signal.SIGTERM)
    if timed_out:
        output.append(f"It was not done after {seconds:.0f} s.\n")
        return 124, "".join(output)
    return process.returncode, "".join(output)


@contextmanager
def clean_checkout() -> Iterator[Path]:
    """Give a new clone of what is committed, which is gone afterwards."""
    if changed := run("git", "status", "--porcelain"):
        print("What is not committed has no part in it:", changed, sep="\n", flush=True)
    with TemporaryDirectory(prefix="page-tracker-ci-") as folder:
        checkout = Path(folder) / "page-tracker"
        run("git", "clone", "--quiet", ROOT, checkout)
        yield checkout


def summarize(title: str, stages: Sequence[Stage]) -> int:
    """Print how each stage went, in the last line how all did. Return the status."""
    width = max(len(stage.name) for stage in stages)
    print(f"\n== {title}")
    for stage in stages:
        seconds = "" if stage.status is None else f"{stage.seconds:.0f} s"
        print(f"{stage.name:{width}}  {stage.word:7}  {seconds:>6}  {stage.reason}")
    failed = [stage for stage in stages if stage.word == "FAILED"]
    blind = [stage for stage in stages if stage.word == "NO LOOK"]
    if failed:
        print(f"Failed at {failed[0].name}: {failed[0].reason}")
        return 1
    if blind:
        print(
            f"Passed, but {blind[0].name} could not look, which fails the run in CI:"
            f" {blind[0].reason}"
        )
    else:
        print("Passed.")
    return 0
