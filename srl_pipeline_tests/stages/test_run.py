from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from srl_pipeline.canonical import pretty
from srl_pipeline.clock import StopWatch
from srl_pipeline.contracts import Gate
from srl_pipeline.defs.checks import GATES
from srl_pipeline.registry import Outcome
from srl_pipeline.stages import preflight
from srl_pipeline.stages import run as stages
from srl_pipeline.training.optimization.policy_stage import StageJob, run_policy_stage
from srl_pipeline.training.optimization.watch import Circumstances, observers_of
from srl_pipeline.training.rollouts.coverage import Origin
from srl_pipeline.training.students.adapters import WEIGHTS, with_adapter
from srl_pipeline_tests.training.room import Room, config
from srl_pipeline_tests.training.stage import run_stage, scripted_validation
from srl_pipeline_tests.training.world import (
    LORA,
    LetterTask,
    adapted,
    adapter_weights,
    equal,
    load,
    policy_config,
    prompts,
    shake,
)


def warm_up(room: Any, work: Path) -> Any:
    work.mkdir(exist_ok=True)
    return stages.warm_up(room, work)


@pytest.fixture
def measured(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Rates that the preflight finds, from the last to the first; empty: it must not be asked."""
    rates: list[float] = []
    monkeypatch.setattr(preflight, "format_rate", lambda _: rates.pop())
    return rates


def test_never_is_no_warm_up_and_no_preflight(student_folder: Path, tmp_path: Path, measured: list[float]) -> None:
    assert warm_up(Room(student_folder, config(mode="never")), tmp_path) is None
    assert not (tmp_path / "warmup").exists()


def test_always_is_a_warm_up_without_a_preflight(student_folder: Path, tmp_path: Path, measured: list[float]) -> None:
    summary = warm_up(Room(student_folder, config(mode="always")), tmp_path)
    assert (summary.stage, summary.steps, len(summary.curve)) == ("warmup", 4, 4)
    assert summary.trained_tokens > 0 and "format_rate_before" not in summary.metrics
    assert summary.note == "Declared format warm-up (SFT on whole transcripts)."
    assert (tmp_path / "warmup" / WEIGHTS).is_file()


@pytest.mark.parametrize(("rate", "needed"), [(0.0, True), (0.25, True), (0.49, True), (0.5, False), (1.0, False)])
def test_auto_asks_the_preflight(
    student_folder: Path, tmp_path: Path, measured: list[float], rate: float, needed: bool
) -> None:
    measured.append(rate)
    summary = warm_up(Room(student_folder, config(mode="auto", min_format_rate=0.5)), tmp_path)
    assert measured == [] and (summary is not None) == needed == (tmp_path / "warmup").is_dir()
    if needed:
        assert summary.metrics["format_rate_before"] == rate
        assert summary.note.endswith(f"the base model's format rate was {rate:.0%}.")


@pytest.mark.parametrize("rate", [0.0, 1.0])
def test_a_process_that_goes_on_takes_what_the_one_before_decided(
    student_folder: Path, tmp_path: Path, measured: list[float], rate: float
) -> None:
    measured.append(rate)
    room = Room(student_folder, config(mode="auto"))
    first = warm_up(room, tmp_path)
    weights = (tmp_path / "warmup" / WEIGHTS).read_bytes() if first else b""
    second = warm_up(room, tmp_path)  # the preflight would have nothing to say
    assert (second is None) == (first is None)
    assert not first or pretty(second.model_dump()) == pretty(first.model_dump())
    assert not first or (tmp_path / "warmup" / WEIGHTS).read_bytes() == weights


def test_a_warm_up_that_was_saved_but_not_recorded_is_made_again(
    student_folder: Path, tmp_path: Path, measured: list[float]
) -> None:
    room = Room(student_folder, config(mode="always"))
    first = warm_up(room, tmp_path)
    (tmp_path / "warmup.json").unlink()
    again = warm_up(room, tmp_path)
    assert again.metrics == first.metrics and (tmp_path / "warmup" / WEIGHTS).is_file()


def finish(
    student_folder: Path, work: Path, *, start: Path | None, needs_signal: bool, task: Any = None, **changes: Any
) -> Outcome:
    """A stage from its start to its gates, as `train_srl` and `train_rlvr` do it."""
    work.mkdir()
    student = load(student_folder)
    model, watch = with_adapter(student, LORA, start, 3), StopWatch()
    given, settings = prompts(student, 8), policy_config(**({"max_grad_norm": 1.0, "learning_rate": 1e-3} | changes))
    done = run_policy_stage(
        StageJob(
            "srl",
            student,
            model,
            task or LetterTask(),
            given[:6],
            given[6:],
            settings,
            work,
            11,
            observers_of(settings, Circumstances(Origin(8, 6), {})),
        )
    )
    stages._place(done.adapter, work / "adapter")
    summaries = [stages._summary("srl", done, watch.seconds, None)]
    return stages._outcome(work, summaries, done.gates, start, student, model, 1.0, needs_signal=needs_signal)


def test_an_adapter_that_a_killed_process_left_makes_way(tmp_path: Path) -> None:
    for name, text in (("adapter", "old"), ("srl", "new")):
        (tmp_path / name).mkdir()
        (tmp_path / name / WEIGHTS).write_text(text)
    stages._place(tmp_path / "srl", tmp_path / "adapter")
    assert (tmp_path / "adapter" / WEIGHTS).read_text() == "new" and not (tmp_path / "srl").exists()


def gates(outcome: Outcome) -> dict[str, Gate]:
    return {gate.name: gate for gate in outcome.gates}


@pytest.fixture
def start(student_folder: Path, tmp_path: Path) -> Path:
    """An adapter that another stage left."""
    model = adapted(load(student_folder))
    shake(model, 0.05)
    model.save_pretrained(str(tmp_path / "start"))
    return tmp_path / "start"


SILENT = LetterTask(keep=lambda _: False)


def test_a_stage_that_trained_passes_every_gate_that_is_shown(student_folder: Path, tmp_path: Path) -> None:
    outcome = finish(student_folder, tmp_path / "w", start=None, needs_signal=True, steps=2)
    assert [g.name for g in outcome.gates if not g.passed] == []
    assert set(gates(outcome)) == set(GATES["srl_checkpoint"])
    [summary] = json.loads((tmp_path / "w" / stages.SUMMARY).read_text())
    assert (summary["stage"], summary["steps"], summary["note"]) == ("srl", 2, "")
    assert outcome.metrics["change"] > 0 and outcome.metrics["updates"] == 2


def test_a_stage_that_only_got_worse_passes_its_start_on_and_its_gates_say_so(
    student_folder: Path, tmp_path: Path, start: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scripted_validation(monkeypatch, [0.9, 0.3, 0.4])
    outcome = finish(student_folder, tmp_path / "w", start=start, needs_signal=True, steps=2)
    found = gates(outcome)["adapter_differs_from_start"]
    assert found.passed and found.value == 0 and "the start's weights are passed on" in found.message
    assert equal(adapter_weights(tmp_path / "w" / "adapter"), adapter_weights(start))


def test_srl_without_a_group_that_carries_signal_fails_its_gate_and_says_why(
    student_folder: Path, tmp_path: Path, start: Path
) -> None:
    outcome = finish(student_folder, tmp_path / "w", start=start, needs_signal=True, task=SILENT)
    assert [g.name for g in outcome.gates if not g.passed] == ["signal"]
    assert "No group carried signal" in gates(outcome)["signal"].message


def test_rlvr_without_signal_passes_its_start_through_with_the_note(
    student_folder: Path, tmp_path: Path, start: Path
) -> None:
    outcome = finish(student_folder, tmp_path / "w", start=start, needs_signal=False, task=SILENT)
    assert [g.name for g in outcome.gates if not g.passed] == []
    assert "No group carried signal" in gates(outcome)["signal"].message
    assert outcome.metrics["change"] == 0 and outcome.metrics["updates"] == 0
    assert equal(adapter_weights(tmp_path / "w" / "adapter"), adapter_weights(start))
    [summary] = json.loads((tmp_path / "w" / stages.SUMMARY).read_text())
    assert "no weight was changed" in summary["note"]


def test_an_adapter_that_would_not_load_again_fails_its_gate(
    student_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    summary = stages._summary

    def then_spoil(*args: Any) -> Any:
        (tmp_path / "w" / "adapter" / WEIGHTS).write_bytes(b"\0" * 64)
        return summary(*args)

    monkeypatch.setattr(stages, "_summary", then_spoil)
    outcome = finish(student_folder, tmp_path / "w", start=None, needs_signal=True)
    gate = gates(outcome)["adapter_reloads"]
    assert not gate.passed and WEIGHTS in gate.message


def test_a_kl_above_its_bound_fails_its_gate(
    student_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("srl_pipeline.training.optimization.trainer.PolicyTrainer.kl_to_start", lambda *_: 1.5)
    outcome = finish(student_folder, tmp_path / "w", start=None, needs_signal=True)
    gate = gates(outcome)["kl_bound"]
    assert (gate.passed, gate.value, gate.threshold) == (False, 1.5, 1.0)


@pytest.mark.parametrize(
    ("measured", "gate"),
    [
        ("trainer.PolicyTrainer.kl_to_start", "kl_bound"),
        ("policy_stage.sampler_gap", "rollouts_used_updated_weights"),
    ],
)
def test_a_measurement_that_is_no_number_fails_its_gate_and_loses_nothing_else(
    measured: str, gate: str, student_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(f"srl_pipeline.training.optimization.{measured}", lambda *_: float("nan"))
    outcome = finish(student_folder, tmp_path / "w", start=None, needs_signal=True)
    assert [g.name for g in outcome.gates if not g.passed] == [gate]
    assert "is not a number" in gates(outcome)[gate].message
    assert (tmp_path / "w" / stages.SUMMARY).is_file()


def test_rollouts_of_old_weights_fail_their_gate(
    student_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("srl_pipeline.training.optimization.policy_stage.sampler_gap", lambda *_: 0.2)
    outcome = finish(student_folder, tmp_path / "w", start=None, needs_signal=True)
    assert not gates(outcome)["rollouts_used_updated_weights"].passed


def test_rlvr_trains_on_scenarios_up_to_a_difficulty_and_on_each_once() -> None:
    def trajectory(name: str, difficulty: float) -> Any:
        return SimpleNamespace(scenario=SimpleNamespace(id=name, difficulty=difficulty))

    easy, variant, hard = trajectory("a", 0.2), trajectory("a", 0.2), trajectory("b", 0.7)
    kept = stages.within_reach([easy, variant, hard], max_difficulty=0.25)
    assert [t.scenario.id for t in kept] == ["a"]


def test_an_artifact_has_its_price_and_what_the_preflight_found() -> None:
    class Found:
        def model_dump(self) -> dict[str, str]:
            return {"stage": "srl"}

    found: Any = Found()
    made = Outcome(metrics={"seconds": 1800.0}, gates=[])
    assert stages._accounted(made, 3.0, found) == Outcome({"seconds": 1800.0}, [], 1.5, {"preflight": {"stage": "srl"}})
    assert stages._accounted(made, 0.0, None) == made


def test_the_note_of_a_stage_says_what_the_preflight_proposes(student_folder: Path, tmp_path: Path) -> None:
    outcome = run_stage(student_folder, tmp_path, time_budget_seconds=1e-6)
    found: Any = SimpleNamespace(note="Preflight proposes srl.rollouts=16 (why).")
    assert stages._summary("srl", outcome, 1.0, found).note == f"{outcome.note} {found.note}"
    assert stages._summary("srl", outcome, 1.0, None).note == outcome.note
