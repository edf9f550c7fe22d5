"""The content of the files in deploy/monitoring."""

import json
from typing import Any

import yaml
from support import ROOT, read

FILES = ROOT / "deploy/monitoring"


def rules(name: str) -> list[dict[str, Any]]:
    """Return the rules in one of the files for Prometheus."""
    groups = yaml.safe_load(read(f"deploy/monitoring/{name}"))["groups"]
    return [rule for group in groups for rule in group["rules"]]


ALERTS = {rule["alert"]: rule for rule in rules("alerts.yml")}

DASHBOARD = json.loads(read("deploy/monitoring/grafana/dashboards/page-tracker.json"))

PANELS = {
    f"{panel['title']}: {target['legendFormat']}": str(target["expr"])
    for panel in DASHBOARD["panels"]
    for target in panel.get("targets", [])
}
"""The queries of the dashboard."""

RECORDED = {rule["record"]: str(rule["expr"]) for rule in rules("rules.yml")}

RULES = RECORDED | {name: str(rule["expr"]) for name, rule in ALERTS.items()}
"""The queries of alerts and of what is recorded."""
