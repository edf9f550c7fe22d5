"""Break Page Tracker under load, and look up every view."""

import argparse
import os
import platform
import sys
import time
import traceback
from math import inf
from random import SystemRandom

from chaos.faults import FAULTS
from chaos.rounds import Round, Views, rounds_of
from chaos.systems import NotHere
from support.documents import head, row, write_results
from support.progress import Progress

SECONDS_OF_ROUND = 9
COLUMNS = ["fault", "rounds", *Views._fields, "seconds to recover", "from its start"]


class Run:
    """Rounds of some faults, with one seed."""

    def __init__(self, plan: dict[str, int], seed: int) -> None:
        """Plan the rounds of each fault."""
        self.failures: list[str] = []
        self._plan = plan
        self._seed = seed
        self._progress = Progress(SECONDS_OF_ROUND * sum(plan.values()))

    def table(self) -> str:
        """Run all; print each line of the table when it is known, and return all."""
        lines = list(head(COLUMNS))
        for name in self._plan:
            lines.append(self._row(name))
            print(lines[-1], flush=True)
        return "\n".join(lines)

    def _row(self, name: str) -> str:
        rounds: list[Round] = []
        words = f"{FAULTS[name].words} (`{name}`)"
        try:
            for each in rounds_of(name, self._seed, self._plan[name]):
                rounds.append(each)
                self._say(name, len(rounds), each)
        except NotHere as error:
            return row(words, f"0: {error}", *[""] * (len(COLUMNS) - 2))
        except AssertionError:
            self._fail(name, len(rounds) + 1, traceback.format_exc())
        views = Views(*map(sum, zip(*(each.views for each in rounds))))
        return row(
            words,
            f"{len(rounds)}",
            *(f"{number:,}" for number in views),
            f"{max((each.seconds for each in rounds), default=inf):.1f}",
            f"{max((each.seconds_from_start for each in rounds), default=inf):.1f}",
        )

    def _say(self, name: str, number: int, result: Round) -> None:
        """Print the result of a round, and how to repeat it if it failed."""
        self._progress.step(
            f"{name} {number}/{self._plan[name]}",
            f"{result.views.acknowledged:,} acknowledged, {result.refused:,} refused, "
            f"{result.views.lost} lost, {result.views.doubled} doubled, "
            f"recovered in {result.seconds:.1f} s",
            SECONDS_OF_ROUND,
        )
        if result.failure:
            self._fail(name, number, result.failure)

    def _fail(self, name: str, number: int, why: str) -> None:
        """Note a failure, and print how to repeat it."""
        again = f"make chaos FAULT={name} SEED={self._seed} ROUNDS={number}"
        self.failures.append(f"FAILED {name}, round {number}; repeat: {again}")
        self._progress.say(f"{self.failures[-1]}\n{why}")


def main() -> None:
    """Print the results, and write them into docs/reliability.md."""
    parser = argparse.ArgumentParser(prog="make chaos", description=__doc__)
    parser.add_argument("--fault", choices=FAULTS, help="cause only this one")
    parser.add_argument("--rounds", type=int, help="rounds of each fault")
    parser.add_argument(
        "--seed",
        type=int,
        default=SystemRandom().randrange(10_000),
        help="decides when a fault hits, what, and for how long",
    )
    options = parser.parse_args()
    names = [options.fault] if options.fault else list(FAULTS)
    command = "make chaos"
    command += f" FAULT={options.fault}" if options.fault else ""
    command += f" ROUNDS={options.rounds}" if options.rounds else ""
    print(f"{command} SEED={options.seed}", file=sys.stderr)
    run = Run(
        {name: options.rounds or FAULTS[name].rounds for name in names}, options.seed
    )
    began = time.monotonic()
    table = run.table()
    minutes = (time.monotonic() - began) / 60
    results = (
        f"By `{command} SEED={options.seed}`, in {minutes:.0f} minutes. "
        f"{os.cpu_count()} cores at a load of {os.getloadavg()[2]:.0f}, "
        f"Python {platform.python_version()}.\n\n{table}\n"
    )
    write_results("reliability.md", command, results)
    if run.failures:
        sys.exit("\n".join(run.failures))


if __name__ == "__main__":
    main()
