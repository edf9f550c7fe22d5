"""The dashboard and the rules ask for what a running Page Tracker exports.

A real Prometheus with these rules watches it, while it counts, refuses and loses views.
"""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests
import yaml
from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families
from redis import Redis
from support import FIREFOX, free_port, read, run, succeed, wait_for
from support.monitoring import DASHBOARD, FILES, PANELS, RECORDED, RULES
from support.running import running

PAGE_TRACKER = Path(sys.executable).with_name("page-tracker")
PATHS = (
    "/",
    "/health",
    "/ready",
    "/pixel.gif?site=example.org&page=/a",
    "/badge/example.org.svg",
)
SECONDS_TO_ANSWER = 40
OF_PROMETHEUS = {"job", "instance", "alertstate", "severity"}
"""Labels that Prometheus adds."""

Exported = dict[str, dict[str, set[str]]]
"""The labels of each metric, with their values."""


def test_should_have_the_dashboard_that_its_program_writes(tmp_path: Path) -> None:
    # Given
    program = tmp_path / "write"
    program.write_text(read("deploy/monitoring/grafana/write"))
    (tmp_path / "dashboards").mkdir()

    # When
    succeed(run(sys.executable, program))

    # Then
    written = (tmp_path / "dashboards/page-tracker.json").read_text()
    assert json.loads(written) == DASHBOARD, "run deploy/monitoring/grafana/write"


@dataclass(frozen=True)
class Watched:
    """A Page Tracker, and the Prometheus that watches it."""

    web: int
    metrics: int
    prometheus: int
    """The ports of Page Tracker, of its metrics, and of Prometheus."""
    redis: subprocess.Popen[bytes]

    def ask(self, query: str) -> list[Any]:
        """Return what Prometheus answers to the query of a panel."""
        asked = requests.get(
            f"http://127.0.0.1:{self.prometheus}/api/v1/query",
            {"query": query.replace("$__rate_interval", "1m")},
            timeout=20,
        )
        assert asked.ok, asked.text
        return list(asked.json()["data"]["result"])

    def unanswered(self) -> list[str]:
        """Return the panels whose query has no answer."""
        return [panel for panel, query in PANELS.items() if not self.ask(query)]

    def families(self) -> list[Metric]:
        """Return the metrics that Page Tracker exports."""
        url = f"http://127.0.0.1:{self.metrics}/metrics"
        text = requests.get(url, timeout=20).text
        return list(text_string_to_metric_families(text))

    def exported(self) -> Exported:
        """Return the names of its samples and of what the rules record."""
        found: Exported = {}
        samples = [
            (sample.name, sample.labels)
            for family in self.families()
            for sample in family.samples
        ]
        recorded = [
            (name, one["metric"]) for name in RECORDED for one in self.ask(name)
        ]
        for metric, labels in samples + recorded:
            values = found.setdefault(metric, {})
            for name, value in labels.items():
                values.setdefault(name, set()).add(value)
        return found

    def missing(self) -> dict[str, list[str]]:
        """Return what each query asks for, but nobody exports."""
        exported = self.exported()
        return {
            name: missed
            for name, query in {**PANELS, **RULES}.items()
            if (missed := missing_of(query, exported))
        }

    def visit(self) -> None:
        """Have views counted, repeated, filtered, over the site's rate, and lost."""
        with requests.Session() as visitor:
            visitor.headers["User-Agent"] = FIREFOX
            for path in PATHS:
                visitor.get(f"http://127.0.0.1:{self.web}{path}", timeout=5)
            self._view(visitor)
            self._view(visitor)
            self._view(visitor, **{"User-Agent": "curl/8"})
            self.redis.send_signal(signal.SIGSTOP)
            try:
                self._view(visitor)
            finally:
                self.redis.send_signal(signal.SIGCONT)

    def _view(self, visitor: requests.Session, **headers: str) -> None:
        url = f"http://127.0.0.1:{self.web}/api/v1/views"
        view = {"site": "example.org", "page": "/about", "id": "the-same-again"}
        visitor.post(url, json=view, headers=headers, timeout=5)


def configure(folder: Path, metrics: int) -> Path:
    """Write the configuration of Prometheus, with one replica and less patience."""
    given = yaml.safe_load(read("deploy/monitoring/prometheus.yml"))
    given["global"] = {"scrape_interval": "1s", "evaluation_interval": "1s"}
    given["rule_files"] = [str(FILES / name) for name in given["rule_files"]]
    del given["alerting"]
    replica = {"targets": [f"127.0.0.1:{metrics}"]}
    job, *_others = given["scrape_configs"]
    given["scrape_configs"] = [
        {"job_name": job["job_name"], "static_configs": [replica]}
    ]
    file = folder / "prometheus.json"
    file.write_text(yaml.safe_dump(given), encoding="utf-8")
    return file


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    """Give a Page Tracker of which Prometheus knows all that the dashboard shows."""
    folder = tmp_path_factory.mktemp("watched")
    redis, web, metrics, prometheus = (free_port() for _ in range(4))
    path = {"PATH": os.environ["PATH"]}
    settings = {
        "REDIS_URL": f"redis://127.0.0.1:{redis}",
        "PAGE_TRACKER_METRICS": f"127.0.0.1:{metrics}",
        "PAGE_TRACKER_METRICS_SITES": "example.org",
        "PAGE_TRACKER_SITES": "example.org",
        "PAGE_TRACKER_SITE_RATE": "5",
    }
    store = f"redis-server --port {redis} --dir {folder} --maxmemory 64mb".split()
    serve = (PAGE_TRACKER, "serve", "--bind", f"127.0.0.1:{web}")
    watch = [
        "prometheus",
        f"--config.file={configure(folder, metrics)}",
        f"--storage.tsdb.path={folder}/data",
        f"--web.listen-address=127.0.0.1:{prometheus}",
        "--log.level=error",
    ]

    def answers(port: int, path: str) -> Callable[[], bool]:
        url = f"http://127.0.0.1:{port}{path}"
        return lambda: requests.get(url, timeout=5).ok

    with ExitStack() as servers, Redis(port=redis) as client:
        start = servers.enter_context
        process = start(running(*store, until=client.ping, **path))
        up = answers(web, "/ready")
        start(running(*serve, until=up, **path, **settings))
        start(running(*watch, until=answers(prometheus, "/-/ready"), **path))
        backup = {"success": 1, "failure": 2, "bytes": 3, "seconds": 4}
        client.hset("pt:backup", mapping=backup)
        it = Watched(web, metrics, prometheus, process)

        def knows_all() -> bool:
            with suppress(requests.RequestException):
                it.visit()
                return not it.unanswered() and not it.missing()
            return False

        assert wait_for(knows_all, SECONDS_TO_ANSWER), it.unanswered() or it.missing()
        yield it


def test_should_have_an_answer_for_each_panel(watched: Watched) -> None:
    # When
    without = watched.unanswered()

    # Then
    assert without == []


def test_should_ask_for_what_is_exported(watched: Watched) -> None:
    # When
    missing = watched.missing()

    # Then
    assert missing == {}


def missing_of(query: str, exported: Exported) -> list[str]:
    """Return the metrics, labels and values of a query that nobody exports."""
    bare = re.sub(r'"[^"]*"', "", query)
    metrics = set(re.findall(r"\bpage_tracker[\w:]+", bare))
    if metrics - exported.keys():
        return sorted(metrics - exported.keys())
    grouped = {
        label for by in re.findall(r"by \((.*?)\)", bare) for label in by.split(", ")
    }
    labels = OF_PROMETHEUS.union(*(exported[metric] for metric in metrics))
    if metrics and grouped - labels:
        return sorted(grouped - labels)
    return [
        f'{metric}{{{label}="{one}"}}'
        for metric, matchers in re.findall(r"\b(page_tracker[\w:]+)\{(.*?)\}", query)
        for label, values in re.findall(r'(\w+)[=!]~?"(.*?)"', matchers)
        for one in values.split("|")
        if not any(
            re.fullmatch(one, value) for value in exported[metric].get(label, ())
        )
    ]


def test_should_explain_each_metric(watched: Watched) -> None:
    # Given
    table = read("docs/monitoring.md").split("\n## Metrics\n")[1].splitlines()
    explained = {line for line in table if line.startswith("| `page_tracker_")}

    # When
    exported = set()
    for family in watched.families():
        name = family.name + "_total" * (family.type == "counter")
        samples = (sample.labels.keys() for sample in family.samples)
        labels = ", ".join(sorted(set().union(*samples) - {"le"}, reverse=True))
        row = (f"`{name}`", family.type, labels, family.documentation)
        exported.add(f"| {' | '.join(row)} |")

    # Then
    assert explained == exported
