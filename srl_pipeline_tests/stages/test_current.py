"""The current model, judged by the rules of now: read where that is known, asked where not, told where impossible."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from srl_pipeline import clock
from srl_pipeline.config import PipelineConfig, override
from srl_pipeline.contracts import StageRequest
from srl_pipeline.errors import ArtifactError, ChildKilled, PackError, PipelineError, StudentError, TrainingError
from srl_pipeline.evaluation import StageResult, write_report
from srl_pipeline.evaluation.current import read_current
from srl_pipeline.presets import preset
from srl_pipeline.registry import ArtifactStore, Built, Outcome, StoredArtifact, build_or_reuse
from srl_pipeline.stages.current import _write, build_current_evaluation, own_student
from srl_pipeline.stages.requests import stage_config, stage_request
from srl_pipeline.stages.workspace import Workspace
from srl_pipeline_tests.evaluation.builders import results, stage

MODEL = "inns"
CONFIG = preset("smoke")


class House:
    """A store with two rule sets and a model that was judged by the first. Its launcher counts what it is asked."""

    def __init__(self, folder: Path) -> None:
        self.store = ArtifactStore(folder / "artifacts")
        self.asked: list[StageRequest] = []
        self.error: Exception | None = None
        self.lore = self.made("lore_index", version="lore1")
        self.rules = {name: self.made("rule_set", version=name) for name in ("rules1", "rules2")}
        self.report = self.reported("rules1", "rlvr1")
        self.model = self.made("registered_model", rlvr_checkpoint=self.rlvr["rlvr1"], eval_report=self.report)

    def made(self, asset: str, version: str | None = None, **inputs: StoredArtifact) -> StoredArtifact:
        def make(work: Path) -> Outcome:
            (work / "data.txt").write_text(asset)
            return Outcome(metrics={}, gates=[])

        return build_or_reuse(
            self.store, asset, MODEL, inputs=inputs, config={}, code="", make=make, data_version=version
        ).artifact

    def reported(self, rules: str, rlvr: str, last: StageResult | None = None) -> StoredArtifact:
        """The report of a candidate, as a training process leaves it."""
        self.rlvr = getattr(self, "rlvr", {}) | {rlvr: self.made("rlvr_checkpoint", version=rlvr)}
        inputs = {"lore_index": self.lore, "rule_set": self.rules[rules], "rlvr_checkpoint": self.rlvr[rlvr]}
        asked = stage_request(self.store, "eval_report", MODEL, {n: a.data_version for n, a in inputs.items()}, CONFIG)
        measured = results(stage("base", [False] * 4), last or stage("rlvr", [True, True, False, True]))
        return build_or_reuse(
            self.store,
            "eval_report",
            MODEL,
            inputs=inputs,
            config=stage_config("eval_report", CONFIG),
            code=asked.code_version,
            make=lambda work: write_report(work, measured),
            data_version=asked.data_version,
        ).artifact

    def launch(self, request: StageRequest) -> Built:
        """Stands for a training process that judges the current model."""
        self.asked.append(request)
        if self.error:
            raise self.error
        inputs = {name: self.store.require(name, MODEL, version) for name, version in request.inputs.items()}
        found = stage("current", [False, True, False, False], data_version=request.inputs["registered_model"])
        return build_or_reuse(
            self.store,
            "current_evaluation",
            MODEL,
            inputs=inputs,
            config={},
            code="",
            make=lambda work: _write(work, found),
            data_version=request.data_version,
        )

    def judged(
        self, rules: str = "rules1", rlvr: str = "rlvr2", current: str | None = None, config: PipelineConfig = CONFIG
    ) -> Built:
        report = self.reported(rules, rlvr)
        pins = {"lore_index": self.lore.data_version, "rule_set": rules}
        version = self.model.data_version if current is None else current
        return build_current_evaluation(self.store, version, report, pins, config, self.launch)


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


def passed(result: StageResult | None) -> list[bool]:
    assert result is not None
    return [e.correct for e in result.episodes]


def test_its_own_report_is_read_where_rules_and_questions_are_the_same(house: House) -> None:
    current = read_current(house.judged().artifact)
    assert (current.version, current.problem, house.asked) == (house.model.data_version, "", [])
    assert passed(current.result) == [True, True, False, True]


def test_it_is_asked_again_under_other_rules(house: House) -> None:
    current = read_current(house.judged("rules2").artifact)
    assert [r.inputs["rule_set"] for r in house.asked] == ["rules2"]
    assert passed(current.result) == [False, True, False, False]


def test_it_is_asked_again_where_the_questions_are_others(house: House) -> None:
    house.judged(config=override(CONFIG, {"evaluation.scenarios": 3}))
    assert len(house.asked) == 1


@pytest.mark.parametrize(("days", "kept"), [(0, [1.0, 2.0]), (2, []), (None, [])])
def test_answers_are_handed_on_and_old_latencies_are_not(house: House, days: int | None, kept: list[float]) -> None:
    at = "" if days is None else (clock.now() - timedelta(days=days)).isoformat(timespec="seconds")
    timed = stage("rlvr", [True] * 4, latencies=[1.0, 2.0], latency_tokens=9, measured_at=at, machine="a machine")
    report = house.reported("rules1", "rlvr3", timed)
    model = house.made("registered_model", rlvr_checkpoint=house.rlvr["rlvr3"], eval_report=report)
    result = read_current(house.judged(current=model.data_version).artifact).result
    assert result is not None and house.asked == []
    assert (passed(result), result.latencies, bool(result.machine)) == ([True] * 4, kept, bool(kept))


def test_what_was_judged_is_found(house: House) -> None:
    assert [house.judged("rules2").reused for _ in range(2)] == [False, True]


@pytest.mark.parametrize("given", [{"current": ""}, {"rlvr": "rlvr1"}])
def test_without_another_model_there_is_nothing_to_compare(house: House, given: dict[str, Any]) -> None:
    current = read_current(house.judged(**given).artifact)
    assert (current.version, current.result, current.problem) == ("", None, "")


def test_a_model_that_becomes_current_leaves_its_own_chain_as_it_was(house: House) -> None:
    before = house.judged(rlvr="rlvr1", current="")
    assert house.judged(rlvr="rlvr1").artifact.data_version == before.artifact.data_version


@pytest.mark.parametrize("harm", ["gone", "altered"])
def test_a_model_whose_files_are_gone_or_altered_is_told_and_nothing_fails(house: House, harm: str) -> None:
    file = house.model.path / "data.txt"
    file.unlink() if harm == "gone" else file.write_text("other")
    current = read_current(house.judged().artifact)
    assert current.version == house.model.data_version and current.result is None
    assert "data.txt" in current.problem


def test_what_is_restored_is_judged_again(house: House) -> None:
    file = house.model.path / "data.txt"
    text = file.read_text()
    file.unlink()
    assert read_current(house.judged().artifact).problem
    file.write_text(text)
    assert not read_current(house.judged().artifact).problem


@pytest.mark.parametrize("kind", [TrainingError, StudentError, ArtifactError])
def test_a_process_that_cannot_ask_it_is_told_and_tried_again(house: House, kind: type[PipelineError]) -> None:
    house.error = kind("The student's folder is gone.", where="here", mend="Restore it.")
    assert read_current(house.judged("rules2").artifact).problem == "The student's folder is gone."
    house.error = None
    assert not read_current(house.judged("rules2").artifact).problem


@pytest.mark.parametrize("kind", [ChildKilled, PackError])
def test_a_process_that_was_killed_says_nothing_of_the_model_and_fails_the_run(
    house: House, kind: type[PipelineError]
) -> None:
    house.error = kind("The training child was killed by signal 9.", where="here", mend="Run again.")
    with pytest.raises(kind):
        house.judged("rules2")
    assert house.store.versions("current_evaluation", MODEL) == []


def its_own_student(house: House) -> Workspace:
    """That of the current model, where another student is configured by now."""
    inputs = {"registered_model": house.model.data_version, "lore_index": "lore1", "rule_set": "rules1"}
    request = stage_request(house.store, "current_evaluation", MODEL, inputs, override(CONFIG, {"student.name": "new"}))
    return own_student(Workspace.of(request))


def test_of_its_checkpoint_only_the_manifest_is_needed(house: House) -> None:
    file = house.rlvr["rlvr1"].path / "manifest.json"
    trained = json.loads(file.read_text()) | {"config": {"student": CONFIG.student.model_dump(mode="json")}}
    file.write_text(json.dumps(trained))
    (house.rlvr["rlvr1"].path / "data.txt").unlink()
    assert its_own_student(house).config.student == CONFIG.student


def test_a_checkpoint_without_manifest_is_told_with_what_helps(house: House) -> None:
    (house.rlvr["rlvr1"].path / "manifest.json").unlink()
    with pytest.raises(ArtifactError, match=r"manifest of rlvr_checkpoint rlvr1 is gone(.|\n)*retire"):
        its_own_student(house)
