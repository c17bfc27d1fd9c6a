"""The artifact: made from stored evaluations, read back, shown to people, gated."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from srl_pipeline.cli.weaknesses import weaknesses as command
from srl_pipeline.config import PipelineConfig
from srl_pipeline.errors import ArtifactError
from srl_pipeline.evaluation import Episode
from srl_pipeline.presets import preset
from srl_pipeline.registry import ArtifactStore, Built, Entry
from srl_pipeline.weaknesses import build_weaknesses, read_weaknesses

from ..evaluation.builders import results
from .given import entry, episodes, evaluation, is_in, stage
from .stored import MODEL, current, report

CONFIG = preset("smoke")


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ArtifactStore:
    monkeypatch.setenv("SRL_HOME", str(tmp_path))
    return ArtifactStore(tmp_path / "artifacts")


def weak_moor(i: int, e: Episode) -> bool:
    return i % 16 < 12 if is_in(e, region="high_moor") else i % 8 == 3


SOLVED = episodes(lambda i, e: i % 8 == 3)
WEAK = episodes(weak_moor)


def build(
    store: ArtifactStore,
    found: list[Episode] = WEAK,
    *,
    config: PipelineConfig = CONFIG,
    history: list[Entry] | None = None,
) -> Built:
    promoted = current(store, stage(SOLVED, latencies=[1.0] * 10, latency_tokens=100))
    figures = {"n": 96.0, "pass_rate": 0.6, "latency_p50_seconds": 3.0, "peak_memory_mb": 900.0}
    return build_weaknesses(store, MODEL, report(store, evaluation(found), figures), promoted, history or [], config)


def test_a_planted_weakness_and_a_tripled_latency_reach_the_artifact(store: ArtifactStore) -> None:
    built = build(store)
    found = read_weaknesses(built.artifact.path)
    assert [c.label for c in found.found[0].part.where] == ["high_moor"]
    assert "high_moor" in {r.part.where[0].label for r in found.regressions if r.part}
    assert {f.name for f in found.alarms} == {"latency_p50_seconds"}
    assert built.manifest.metrics["weaknesses"] == 1.0
    assert built.manifest.metrics["weakest_effect"] == found.found[0].effect
    assert built.manifest.metrics["regressions"] == len(found.regressions) + 1
    assert built.manifest.metrics["slices_tested"] > 10
    assert [(g.name, g.passed) for g in built.manifest.gates] == [("tested", True)]


def test_it_says_what_it_rests_on(store: ArtifactStore) -> None:
    built = build(store, history=[entry(1, pass_rate=0.7, n=96.0)])
    found = read_weaknesses(built.artifact.path)
    assert found.promoted == "m1" and found.not_compared == ""
    assert {"eval_report", "current_evaluation", "rule_set"} <= set(found.versions)
    assert set(built.manifest.inputs) == {"eval_report", "current_evaluation"}
    assert built.manifest.notes["baselines"]["pass_rate"] == {"baseline": 0.7, "from": "window", "window": [0.7]}
    assert built.manifest.notes["sentences"][0] == found.found[0].sentence


def test_neither_the_history_nor_the_steering_is_part_of_the_version(store: ArtifactStore) -> None:
    first = build(store)
    steered = CONFIG.model_copy(update={"weaknesses": CONFIG.weaknesses.model_copy(update={"steer": 0.9})})
    again = build(store, config=steered, history=[entry(1, pass_rate=0.7, n=96.0)])
    assert again.reused and again.artifact.data_version == first.artifact.data_version
    stricter = CONFIG.model_copy(update={"weaknesses": CONFIG.weaknesses.model_copy(update={"min_effect": 0.3})})
    assert not build(store, config=stricter).reused


def test_an_empty_evaluation_is_a_failed_gate_with_a_message(store: ArtifactStore) -> None:
    for empty in (evaluation([]), results()):
        built = build_weaknesses(store, MODEL, report(store, empty), None, [], CONFIG)
        assert [g.name for g in built.manifest.failed_gates] == ["tested"]
        assert "no scenario" in built.manifest.failed_gates[0].message
        assert "nothing can be said" in (built.artifact.path / "weaknesses.md").read_text()


def test_without_a_current_model_it_says_so_and_goes_on(store: ArtifactStore) -> None:
    nobody = current(store, None, version="")
    found = read_weaknesses(
        build_weaknesses(store, MODEL, report(store, evaluation(WEAK)), nobody, [], CONFIG).artifact.path
    )
    assert found.regressions == [] and found.not_compared == "there is no other current model"
    assert found.found and {f.state for f in found.figures} == {"not measured"}


def test_a_current_model_that_could_not_be_judged_is_told_with_the_reason(store: ArtifactStore) -> None:
    gone = current(store, None, problem="File adapter_model.safetensors is missing.")
    built = build_weaknesses(store, MODEL, report(store, evaluation(WEAK)), gone, [], CONFIG)
    assert read_weaknesses(built.artifact.path).not_compared == "File adapter_model.safetensors is missing."


def test_the_page_has_sentences_and_tables(store: ArtifactStore) -> None:
    text = (build(store).artifact.path / "weaknesses.md").read_text()
    assert "1. Where region is *high moor*" in text
    assert "| region is *high moor* |" in text
    assert "latency, median: 3 s; the current model has 1 s: worse by 1.5 times or more." in text
    assert "latency, 95th percentile: not measured" in text


def test_a_file_that_is_gone_or_was_altered_is_an_error_that_says_which(store: ArtifactStore) -> None:
    folder = build(store).artifact.path
    (folder / "weaknesses.json").write_text('{"model_type": 1}')
    with pytest.raises(ArtifactError, match="not readable"):
        read_weaknesses(folder)
    (folder / "weaknesses.json").unlink()
    with pytest.raises(ArtifactError, match="is gone"):
        read_weaknesses(folder)


def test_the_command_shows_the_newest(store: ArtifactStore) -> None:
    build(store)
    app = typer.Typer()
    app.command()(command)
    text = CliRunner().invoke(app, [MODEL]).stdout
    assert "1. Where region is *high moor*" in text and "latency_p50_seconds" in text
    rows = json.loads(CliRunner().invoke(app, [MODEL, "--json"]).stdout)
    assert rows["model_type"] == MODEL and rows["found"][0]["part"]["kind"] == "value"
