"""The Prometheus exposition: what Prometheus itself would read."""

from __future__ import annotations

import shutil
import subprocess
import urllib.request
from pathlib import Path

import pytest
from prometheus_client import start_http_server
from prometheus_client.parser import text_string_to_metric_families

from srl_pipeline.dashboard import Gathered, gather
from srl_pipeline.dashboard.prometheus import exposition, registry_of

from .sample import TYPES

Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


def samples(text: str) -> Samples:
    families = text_string_to_metric_families(text)
    return {(s.name, frozenset(s.labels.items())): s.value for f in families for s in f.samples}


def value(found: Samples, name: str, **labels: str) -> float | None:
    return found.get((name, frozenset(labels.items())))


@pytest.fixture(scope="module")
def found(gathered: Gathered) -> Samples:
    return samples(exposition(gathered))


def test_quality_is_told_for_the_newest_evaluation_and_the_current_model(gathered: Gathered, found: Samples) -> None:
    model = next(m for m in gathered.models if m.model_type == "trees")
    assert model.newest is not None and model.current is not None
    for stage, evaluation in (("newest", model.newest), ("current", model.current)):
        assert value(found, "srl_pass_rate", model_type="trees", stage=stage) == evaluation.solved.value
        expected = evaluation.metrics["latency_p95_seconds"]
        assert value(found, "srl_latency_seconds", model_type="trees", stage=stage, quantile="0.95") == expected
    assert value(found, "srl_pass_rate", model_type="trees", stage="base") == pytest.approx(1 / 60)


def test_the_alias_names_its_version(gathered: Gathered, found: Samples) -> None:
    current = next(m.current for m in gathered.models if m.model_type == "trees")
    assert current is not None
    assert value(found, "srl_model_info", model_type="trees", alias="current", version=current.version) == 1


def test_decisions_that_never_happened_are_zero(found: Samples) -> None:
    assert value(found, "srl_decisions_total", model_type="trees", kind="rollback", verdict="change") == 0
    assert value(found, "srl_decisions_total", model_type="trees", kind="teacher", verdict="change") == 1


def test_money_has_its_cap(found: Samples) -> None:
    assert value(found, "srl_spend_usd", scope="vendor anthropic") == pytest.approx(7.25)
    assert value(found, "srl_budget_cap_usd", scope="vendor anthropic") == 8
    assert value(found, "srl_budget_cap_usd", scope="vendor gemini") is None


def test_runs_weaknesses_and_losses_are_counted(found: Samples) -> None:
    assert value(found, "srl_failed_runs_total", model_type="plants") == 1
    assert value(found, "srl_weaknesses", model_type="personality") == 3
    assert value(found, "srl_regressions", model_type="trees") == 1
    assert value(found, "srl_artifact_lost", model_type="trees", alias="current") == 0
    assert value(found, "srl_unreadable") == 0


def test_what_was_not_measured_is_absent(tmp_path: Path) -> None:
    names = {name for name, _ in samples(exposition(gather(tmp_path)))}
    assert names == {
        "srl_artifact_lost",
        "srl_budget_cap_usd",
        "srl_candidate_waiting",
        "srl_decisions_total",
        "srl_failed_runs_total",
        "srl_spend_usd",
        "srl_unreadable",
    }


def test_a_scrape_gathers_anew(tmp_path: Path) -> None:
    server, thread = start_http_server(0, addr="127.0.0.1", registry=registry_of(tmp_path))
    try:
        address = f"http://127.0.0.1:{server.server_port}/metrics"
        with urllib.request.urlopen(address, timeout=30) as answer:
            before = samples(answer.read().decode())
        (tmp_path / "alerts.jsonl").write_text('{"time": "2026-11-02", "model_type": "trees"}\n')
        with urllib.request.urlopen(address, timeout=30) as answer:
            after = samples(answer.read().decode())
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
    assert value(before, "srl_failed_runs_total", model_type="trees") == 0
    assert value(after, "srl_failed_runs_total", model_type="trees") == 1
    assert {dict(labels)["model_type"] for name, labels in after if name == "srl_failed_runs_total"} >= set(TYPES)


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not on PATH")
def test_promtool_finds_nothing_to_complain_of(gathered: Gathered) -> None:
    done = subprocess.run(
        ["promtool", "check", "metrics"], input=exposition(gathered), capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
