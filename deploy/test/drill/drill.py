"""Deploy good and bad images while visitors come, and see that no request fails.

Each scenario has the counter page viewed by wrk and by a few visitors who remember each
number that they were shown; both finish what they have sent. What was acknowledged is
then what Redis has, or the drill fails: with status 1, and the lines that say why.
"""

import argparse
import signal
import sys

from drill.images import good_image, images_with_faults, remove_images
from drill.scenarios import SCENARIOS, Drill, Result
from drill.stacks import ROOT, ComposeStack, Stack
from drill.swarm_stack import SwarmStack

STACKS: dict[str, type[Stack]] = {
    "blue-green": ComposeStack,
    "rolling": SwarmStack,
}
RESULTS = ROOT / "docs/deploying.md"

HEAD = """\
| | went | requests | failed | p99 | to switch | to roll back |
|---|---|---|---|---|---|---|"""


def row(result: Result) -> str:
    """Return a row of the table."""
    account = result.account

    def written(seconds: float | None) -> str:
        return "" if seconds is None else f"{seconds:.1f} s"

    return (
        f"| {result.title} | {result.went} | {account.sent:,} | {account.failed}"
        f" | {account.p99:.0f} ms | {written(result.to_switch)}"
        f" | {written(result.to_roll_back)} |"
    )


def write(strategy: str, table: str) -> None:
    """Write the table into the document, between the lines that mark its place."""
    begin = f"<!-- `make deploy-drill STRATEGY={strategy}` writes from here -->\n"
    end = "<!-- to here. -->\n"
    before, rest = RESULTS.read_text(encoding="utf-8").split(begin)
    after = rest.split(end, 1)[1]
    RESULTS.write_text(before + begin + table + end + after, encoding="utf-8")


def main() -> int:
    """Drill, print the table, write it down, and return the status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--strategy", choices=STACKS, default="blue-green")
    parser.add_argument(
        "--seconds", type=int, default=6, help="of canary and watch each"
    )
    parser.add_argument("--only", help="drill what has this in its name, write nothing")
    options = parser.parse_args()
    chosen = [
        scenario for scenario in SCENARIOS if (options.only or "") in scenario.title
    ]
    # Let that end it as an interruption does: by way of `finally`.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    stack = STACKS[options.strategy]()
    try:
        good = good_image()
        images = images_with_faults(good)
        drill = Drill(stack, stack.start(good), images, options.seconds)
        results = [drill.run(scenario) for scenario in chosen]
    finally:
        stack.remove()
        remove_images()
    table = "\n".join([HEAD, *map(row, results), ""])
    print("", table, sep="\n")
    broken = [f"{result.title}: {line}" for result in results for line in result.broken]
    if broken:
        print(*broken, f"The drill failed: {len(broken)} promises broken.", sep="\n")
        return 1
    if not options.only:
        write(options.strategy, table)
    print(f"The drill passed: {sum(r.account.sent for r in results):,} requests.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
