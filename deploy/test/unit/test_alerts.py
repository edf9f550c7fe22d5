"""Alerts fire and end by their numbers, and reach any receiver."""

import os
import re
from pathlib import Path

import pytest
import yaml
from support import read, run, succeed
from support.monitoring import ALERTS, FILES

ENDLESS = {"Heartbeat"}
WEBHOOK = "https://alerts.example/hook"
MAIL = """\
email_configs:
  - to: operator@example.org
    from: page-tracker@example.org
    smarthost: mail.example.org:587
    auth_username: page-tracker
    auth_password: a password of these tests
"""


def test_should_be_valid_for_prometheus() -> None:
    # When
    done = run("promtool", "check", "config", str(FILES / "prometheus.yml"))

    # Then
    assert f"{len(ALERTS)} rules found" in succeed(done)


def test_should_fire_and_end_each_alert_by_its_numbers() -> None:
    # When
    tests = "deploy/test/monitoring/alerts.yml"
    done = run("promtool", "test", "rules", tests)

    # Then
    succeed(done)
    expected = [
        (alert["alertname"], "exp_alerts" in alert)
        for test in yaml.safe_load(read(tests))["tests"]
        for alert in test["alert_rule_test"]
    ]
    assert {name for name, fires in expected if fires} == ALERTS.keys()
    assert {name for name, fires in expected if not fires} == ALERTS.keys() - ENDLESS


@pytest.mark.parametrize("receiver", ["", WEBHOOK, f"\n{WEBHOOK}\n", MAIL])
def test_should_be_valid_for_alertmanager_with_any_receiver(
    tmp_path: Path, receiver: str
) -> None:
    # Given
    (tmp_path / "alert-receiver").write_text(receiver)
    (tmp_path / "alert-heartbeat").write_text(WEBHOOK)

    # When
    given = read("deploy/monitoring/alertmanager.yml")
    config = succeed(run(FILES / "receivers", tmp_path, given=given))
    if "version 0.25" in succeed(run("amtool", "--version")):  # it knows no url_file
        config = re.sub("url_file: .*", "url: http://localhost/", config)
    (tmp_path / "config.yml").write_text(config)
    done = run("amtool", "check-config", tmp_path / "config.yml")

    # Then
    assert "2 receivers" in succeed(done)
    assert WEBHOOK not in config
    webhooks = 2 if WEBHOOK in receiver else 1
    assert config.count("webhook_configs") == webhooks


def test_should_say_what_is_valid_when_a_receiver_is_not(tmp_path: Path) -> None:
    # Given
    (tmp_path / "alert-receiver").write_text("alerts.example/hook\n")
    (tmp_path / "alert-heartbeat").touch()

    # When
    done = run(FILES / "receivers", tmp_path, given="route: {}\n")

    # Then
    assert done.returncode == 1
    (error,) = done.stderr.splitlines()
    assert error.startswith(f"{tmp_path}/alert-receiver: write the URL of a webhook")
    assert "alerts.example" not in error


def test_should_name_a_receiver_that_the_container_cannot_read(tmp_path: Path) -> None:
    # Given
    (tmp_path / "alert-receiver").touch(0o000)
    # Root reads every file, except without its capabilities.
    as_user = ["setpriv", "--bounding-set=-all"] if os.geteuid() == 0 else []

    # When
    done = run(*as_user, FILES / "receivers", tmp_path, given="route: {}\n")

    # Then
    assert done.returncode == 1
    (error,) = done.stderr.splitlines()
    assert error.startswith(f"{tmp_path}/alert-receiver: ")
    assert "chmod 644" in error
