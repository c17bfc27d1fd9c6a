"""The alert rules: unit-tested by promtool where it is there; always complete and in step with the metrics."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from srl_pipeline.dashboard import Gathered
from srl_pipeline.dashboard.prometheus import families

MONITORING = Path(__file__).resolve().parents[2] / "monitoring"
RULES, TESTS, EXAMPLE = (MONITORING / name for name in ("alerts.yaml", "alerts_test.yaml", "prometheus.yml"))
needs_promtool = pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not on PATH")


def alerts() -> dict[str, dict[str, Any]]:
    groups = yaml.safe_load(RULES.read_text())["groups"]
    return {rule["alert"]: rule for group in groups for rule in group["rules"]}


def cases() -> list[dict[str, Any]]:
    return [case for test in yaml.safe_load(TESTS.read_text())["tests"] for case in test["alert_rule_test"]]


@pytest.mark.parametrize("alert", list(alerts()))
def test_every_metric_of_a_rule_is_one_that_is_emitted_with_these_labels(alert: str, gathered: Gathered) -> None:
    emitted: dict[str, set[str]] = {}
    for family in families(gathered):
        for sample in family.samples:
            emitted.setdefault(sample.name, set()).update(sample.labels)
    expression = alerts()[alert]["expr"]
    named = re.findall(r"(srl_[a-z_]+)(?:\{([^}]*)\})?", expression)
    assert named
    for metric, matchers in named:
        assert metric in emitted, metric
        assert set(re.findall(r"(\w+)=", matchers)) <= emitted[metric]


@pytest.mark.parametrize("alert", list(alerts()))
def test_every_alert_has_a_history_that_fires_it_and_one_that_does_not(alert: str) -> None:
    assert {bool(case["exp_alerts"]) for case in cases() if case["alertname"] == alert} == {True, False}


def test_every_tested_alert_exists() -> None:
    assert {case["alertname"] for case in cases()} <= set(alerts())


def test_every_alert_has_a_severity_and_says_what_is_the_matter() -> None:
    for rule in alerts().values():
        assert rule["labels"]["severity"] in ("info", "warning", "critical") and rule["annotations"]["summary"]


@needs_promtool
@pytest.mark.parametrize("command", [["check", "rules", RULES], ["check", "config", EXAMPLE], ["test", "rules", TESTS]])
def test_promtool_accepts_the_rules_and_their_tests_pass(command: list[str]) -> None:
    done = subprocess.run(["promtool", *command], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
