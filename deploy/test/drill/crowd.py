"""Visitors of a drill: wrk, and beside it a few who remember each number they got."""

import json
import os
import re
import signal
import subprocess
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event, Thread

import requests

from support.waiting import wait_for

SCRIPT = Path(__file__).with_name("visitors.lua")
THREADS = 2
CONNECTIONS = 8
VISITORS = 4
SECONDS_BETWEEN_VIEWS = 0.02
SECONDS_TO_ANSWER = 15
SECONDS_TO_BEGIN = 20
VIEWS_TO_WAIT_FOR = 200
SEEN = re.compile(r"This page has been seen (\d+) times")


@dataclass
class Account:
    """What was sent, and what came of it."""

    sent: int = 0
    acknowledged: int = 0
    p99: float = 0
    """In milliseconds, of those that wrk sent."""
    faults: Counter[str] = field(default_factory=Counter)

    @property
    def failed(self) -> int:
        """Return how many requests had no good answer."""
        return self.sent - self.acknowledged


class Visitors:
    """Some visitors, each of whom views the page again and again."""

    def __init__(self, url: str) -> None:
        self.numbers: list[int] = []
        self.faults: Counter[str] = Counter()
        self._url = url
        self._leave = Event()
        self._threads = [Thread(target=self._view, args=(n,)) for n in range(VISITORS)]

    def come(self) -> None:
        """Begin."""
        for thread in self._threads:
            thread.start()

    def leave(self) -> None:
        """Return when each of them has its last answer."""
        self._leave.set()
        for thread in self._threads:
            thread.join(SECONDS_TO_ANSWER + 5)

    def account(self) -> Account:
        """Return how it was for them. A number that two of them got is a fault."""
        faults = self.faults.copy()
        if twice := len(self.numbers) - len(set(self.numbers)):
            faults["the same number"] += twice
        acknowledged = len(self.numbers)
        return Account(acknowledged + self.faults.total(), acknowledged, faults=faults)

    def _view(self, visitor: int) -> None:
        with requests.Session() as session:
            session.trust_env = False
            session.headers["User-Agent"] = f"Mozilla/5.0 (drill; visitor {visitor})"
            session.headers["Accept"] = "text/plain"
            while not self._leave.wait(SECONDS_BETWEEN_VIEWS):
                try:
                    answer = session.get(self._url, timeout=SECONDS_TO_ANSWER)
                except requests.RequestException as error:
                    self.faults[type(error).__name__] += 1
                    continue
                if seen := SEEN.search(answer.text):
                    self.numbers.append(int(seen[1]))
                else:
                    told = answer.text.splitlines()[:1]
                    self.faults[f"status {answer.status_code}: {told}"] += 1


class Wrk:
    """wrk with a script that counts, and that stops sending before wrk ends.

    So no request is cut: each thread writes a file when all it sent is answered, and
    only then wrk is ended.
    """

    def __init__(self, url: str, folder: Path) -> None:
        self._folder = folder
        self._url = url
        self._process: subprocess.Popen[str] | None = None

    def come(self) -> None:
        """Begin."""
        # pylint: disable-next=consider-using-with  # leave ends it
        self._process = subprocess.Popen(
            ["wrk", f"-t{THREADS}", f"-c{CONNECTIONS}", "-d1h"]
            + [f"--timeout={SECONDS_TO_ANSWER}s", "-s", SCRIPT, self._url],
            env=os.environ | {"FOLDER": str(self._folder)},
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def leave(self) -> Account:
        """Return how it was, once all is answered."""
        assert self._process
        (self._folder / "stop").touch()
        wait_for(self._has_all_answers, SECONDS_TO_ANSWER)
        self._process.send_signal(signal.SIGINT)
        output, _ = self._process.communicate(timeout=30)
        told = json.loads(output.splitlines()[-1])
        faults = Counter({name: n for name, n in told["faults"].items() if n})
        return Account(told["sent"], told["acknowledged"], told["p99"], faults)

    def _has_all_answers(self) -> bool:
        return len(list(self._folder.glob("answered-*"))) == THREADS


class Load:
    """Both of them while they come, and afterwards their account."""

    def __init__(self, visitors: Visitors) -> None:
        self.account = Account()
        self._visitors = visitors

    def wait_for_views(self) -> None:
        """Return after some more views."""
        enough = len(self._visitors.numbers) + VIEWS_TO_WAIT_FOR
        wait_for(lambda: len(self._visitors.numbers) > enough, SECONDS_TO_BEGIN)


@contextmanager
def visited(url: str) -> Iterator[Load]:
    """Have a URL visited, and know everything of it afterwards."""
    with TemporaryDirectory(prefix="drill-") as folder:
        wrk, visitors = Wrk(url, Path(folder)), Visitors(url)
        load = Load(visitors)
        wrk.come()
        visitors.come()
        try:
            load.wait_for_views()
            yield load
        finally:
            visitors.leave()
            theirs, ours = wrk.leave(), visitors.account()
            load.account = Account(
                theirs.sent + ours.sent,
                theirs.acknowledged + ours.acknowledged,
                theirs.p99,
                theirs.faults + ours.faults,
            )
