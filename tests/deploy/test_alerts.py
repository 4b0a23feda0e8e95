"""Prometheus' own checker on our alerts; and each alert measures what exists and has a runbook."""

import re
import subprocess
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from deploy.local import binaries
from shared.catalogue import SERVICES
from shared.settings import Settings
from shared.telemetry import metrics_table

DEPLOY = Path(__file__).parents[2] / "deploy"
PROMETHEUS = DEPLOY / "prometheus"
RULES = YAML(typ="safe").load(PROMETHEUS / "alerts.yml")["groups"][0]["rules"]
ALERTS = [rule["alert"] for rule in RULES]
POINTS = ["Symptom", "Look", "Do", "Over"]


def promtool(*words):
    program = binaries.promtool()
    assert program, "promtool is missing: python -m deploy.local binaries"
    return subprocess.run(
        [program, *words], cwd=PROMETHEUS, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize(
    "words",
    [
        ("test", "rules", "alerts.test.yml"),
        ("check", "config", "prometheus.yml"),
        ("check", "rules", "--lint=all", "--lint-fatal", "alerts.yml"),
    ],
)
def test_promtool_finds_nothing_wrong(words):
    done = promtool(*words)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_alert_is_tested_to_fire_and_not_to_fire():
    tests = YAML(typ="safe").load(PROMETHEUS / "alerts.test.yml")["tests"]
    told = [
        (case["alertname"], bool(case["exp_alerts"]))
        for test in tests
        for case in test["alert_rule_test"]
    ]
    assert set(told) == {(alert, fires) for alert in ALERTS for fires in (True, False)}


@pytest.mark.parametrize("rule", RULES, ids=ALERTS)
def test_every_alert_looks_at_metrics_that_exist(rule):
    known = set(re.findall(r"^\| `(\w+)`", metrics_table(), re.MULTILINE))
    named = set(re.findall(r"laurel_\w+", rule["expr"]))
    assert named
    assert named <= known


@pytest.mark.parametrize("alert", ALERTS)
def test_every_alert_has_a_runbook(alert):
    runbooks = (DEPLOY / "RUNBOOKS.md").read_text()
    found = re.search(rf"^### {alert}\n(.*?)(?=^#|\Z)", runbooks, re.MULTILINE | re.DOTALL)
    assert found, f"deploy/RUNBOOKS.md has no runbook for {alert}"
    assert re.findall(r"^- \*\*(\w+)\*\*: ", found[1], re.MULTILINE) == POINTS


def test_every_service_is_scraped_where_it_listens():
    config = YAML(typ="safe").load(PROMETHEUS / "prometheus.yml")
    (job,) = config["scrape_configs"]
    (group,) = job["static_configs"]
    port = Settings.from_environ({}).http_port_of
    assert group["targets"] == [f"{service}:{port(service)}" for service in SERVICES]
