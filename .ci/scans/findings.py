"""What the scans share: a limit for each question, and a verdict that never guesses."""

import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

COULD_NOT_LOOK = os.EX_TEMPFAIL

# How long one answer is waited for, and how long all of those to one command.
try:
    SECONDS = int(os.environ.get("SCAN_TIMEOUT", "15"))
except ValueError:
    sys.exit("SCAN_TIMEOUT is a number of seconds, 15 for example.")
LIMIT = 20 * SECONDS


class CouldNotLook(Exception):
    """Nothing is known: the message says what could not be asked for what, and why."""


@dataclass
class Findings:
    """What a part of a scan looked at, what is to be mended, and what can wait."""

    looked_at: str
    found: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


def ask(
    command: Sequence[str | Path], what: str, folder: Path | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a command and return how it went, whatever its status.

    Raises `CouldNotLook`, with `what` was asked, when it is missing or takes too long.
    """
    try:
        return subprocess.run(
            command,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=LIMIT,
            check=False,
        )
    except OSError as error:
        raise CouldNotLook(f"{what}: {error}") from error
    except subprocess.TimeoutExpired as error:
        raise CouldNotLook(f"{what}: no answer within {LIMIT} s") from error


def report(title: str, parts: Mapping[str, Callable[[], Findings]]) -> int:
    """Run all parts at once, print what they found, sum it up, and return the status.

    The status is 1 when something is to be mended, else `COULD_NOT_LOOK` when a part
    could not look, else 0. The last line says why.
    """
    table = {}
    found = []
    warnings = []
    blind = []
    with ThreadPoolExecutor() as pool:
        started = {name: pool.submit(look) for name, look in parts.items()}
    for name, future in started.items():
        try:
            findings = future.result()
        except (CouldNotLook, OSError) as error:
            table[name] = f"could not look: {error}"
            blind.append(f"{name}: {error}")
            continue
        table[name] = f"looked at {findings.looked_at}: " + (
            f"found {len(findings.found)}" if findings.found else "nothing to mend"
        )
        found += [f"{name}: {line}" for line in findings.found]
        warnings += [f"{name}: {line}" for line in findings.warnings]

    for line in warnings:
        print(f"warning: {line}")
    for line in found:
        print(f"found: {line}")
    print(f"\n== {title}")
    width = max(map(len, table))
    for name, outcome in table.items():
        print(f"{name:{width}}  {outcome}")
    if found:
        print(f"To mend: {len(found)}. The first is {found[0]}")
        return 1
    if blind:
        print(f"Could not look. {'; '.join(blind)}")
        return COULD_NOT_LOOK
    print("Nothing to mend." + f" Warnings: {len(warnings)}." * bool(warnings))
    return 0
