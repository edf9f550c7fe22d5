"""Deploy good and bad images while visitors come, and see that no request fails.

In each scenario visitors view the counter page, remember each number that they were
shown, and finish what they have sent. What was acknowledged is then what Redis has, or
the drill fails: with status 1, and the lines that say why.
"""

import argparse
import signal
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from drill.images import good_image, images_with_faults, remove_images
from drill.scenarios import SCENARIOS, Drill, Result
from support import ROOT, docker
from support.stack import Stack

REPORT = ROOT / "reports/deploy-drill.md"

HEAD = """\
| | went | requests | failed | p99 | to switch | to roll back |
|---|---|---|---|---|---|---|"""


def row(result: Result) -> str:
    """Return a row of the table."""

    def written(seconds: float | None) -> str:
        return "" if seconds is None else f"{seconds:.1f} s"

    return (
        f"| {result.title} | {result.went} | {result.shown:,} | {result.failed}"
        f" | {result.p99:.0f} ms | {written(result.to_switch)}"
        f" | {written(result.to_roll_back)} |"
    )


def main() -> int:
    """Drill, print the table, write it to reports/ too, and return the status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--seconds", type=int, default=6, help="of canary and watch each"
    )
    parser.add_argument("--only", help="drill what has this in its name")
    options = parser.parse_args()
    chosen = [
        scenario for scenario in SCENARIOS if (options.only or "") in scenario.title
    ]
    # Let that end it as an interruption does: by way of `finally`.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    # Nobody kills Redis here, and a busy disk that takes half a second to write would
    # fail views that no deployment has a part in.
    settings = {"REDIS_FSYNC": "everysec", "PROXY_RATE": "0"}
    with TemporaryDirectory(prefix="drill-") as folder:
        stack = Stack(Path(folder), settings)
        try:
            images = images_with_faults(good_image())
            stack.settings["PAGE_TRACKER_IMAGE"] = images["base"]
            stack.compose("build", "--quiet", "proxy-service")
            stack.up()
            drill = Drill(stack, images, options.seconds)
            results = [drill.run(scenario) for scenario in chosen]
        finally:
            stack.remove()
            docker("volume", "rm", "--force", f"{stack.project}_deployment-volume")
            remove_images()
    table = "\n".join([HEAD, *map(row, results), ""])
    print("", table, sep="\n")
    REPORT.parent.mkdir(exist_ok=True)
    REPORT.write_text(table, encoding="utf-8")
    broken = [f"{result.title}: {line}" for result in results for line in result.broken]
    if broken:
        print(*broken, f"The drill failed: {len(broken)} promises broken.", sep="\n")
        return 1
    print(f"The drill passed: {sum(r.shown for r in results):,} requests.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
