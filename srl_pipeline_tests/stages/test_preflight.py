from __future__ import annotations

import dataclasses
import logging
from pathlib import Path
from typing import Any

import pytest

from srl_pipeline.canonical import pretty
from srl_pipeline.config import PreflightConfig
from srl_pipeline.errors import TrainingError
from srl_pipeline.stages import preflight as module
from srl_pipeline.stages.preflight import ROLLOUTS, Preflight, format_rate, preflight, preflight_file
from srl_pipeline.training.environment.groups import Score
from srl_pipeline.training.environment.prompts import Prompt
from srl_pipeline.training.optimization.policy_stage import StageJob
from srl_pipeline.training.rollouts.collector import Collector, Group
from srl_pipeline.training.rollouts.sampling import Sampler
from srl_pipeline.training.students.student import Student
from srl_pipeline.training.warmup import run_warmup
from srl_pipeline_tests.training.outcome import OutcomeTask, rlvr_config
from srl_pipeline_tests.training.room import SOLUTIONS, Room, Writer, warmup_config
from srl_pipeline_tests.training.world import LetterTask, adapted, equal, load, policy_config, prompts, trained


def rate(room: Any) -> float:
    return format_rate(room)


@pytest.fixture(scope="module")
def schooled(student_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Student:
    """A student that knows the solutions by heart."""
    student = load(student_folder)
    model, writer = adapted(student), Writer(student.tokenizer)
    config = warmup_config(steps=80)
    run_warmup(student, model, writer, SOLUTIONS, config, tmp_path_factory.mktemp("school"), 1)  # type: ignore[arg-type]
    return dataclasses.replace(student, model=model.eval())


def test_a_student_that_cannot_follow_the_format_has_rate_0(student_folder: Path) -> None:
    assert rate(Room(student_folder)) == 0.0


def test_a_student_that_can_has_rate_1(student_folder: Path, schooled: Student) -> None:
    room = Room(student_folder, student=schooled)
    room.config = room.config.model_copy(update={"srl": room.config.srl.model_copy(update={"temperature": 0.2})})
    assert rate(room) == 1.0


def test_the_rate_is_the_same_every_time_and_is_told(
    student_folder: Path, schooled: Student, caplog: pytest.LogCaptureFixture
) -> None:
    room = Room(student_folder, student=schooled)
    with caplog.at_level(logging.INFO, logger="srl_pipeline"):
        first, second = rate(room), rate(room)
    assert first == second
    assert f"of {len(SOLUTIONS) * ROLLOUTS} first steps" in caplog.text


def test_first_steps_are_sampled_at_the_training_temperature(
    student_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[float] = []
    sample = Sampler.sample

    def watched(self: Sampler, *args: Any, **kwargs: Any) -> Any:
        asked.append(kwargs["temperature"])
        return sample(self, *args, **kwargs)

    monkeypatch.setattr(Sampler, "sample", watched)
    room = Room(student_folder)
    rate(room)
    assert asked == [room.config.srl.temperature]


def job(student_folder: Path, work: Path, task: Any = None, *, name: str = "srl", **changes: Any) -> StageJob:
    """A stage that is about to begin, on six prompts."""
    work.mkdir(exist_ok=True)
    student = load(student_folder)
    config = policy_config(**changes) if name == "srl" else rlvr_config("grpo", **changes)
    given = prompts(student, 8)
    return StageJob(
        name, student, adapted(student, shaken=0.05), task or LetterTask(), given[:6], given[6:], config, work, 11
    )


class Unreadable(LetterTask):
    """Nothing parses. Named double."""

    def score(self, prompt: Prompt, text: str) -> Score:
        return Score(-1.0, well_formed=False, correct=False)


SILENT = LetterTask(keep=lambda _: False)
ASKED = PreflightConfig(prompts=4, episodes=3)


def found(given: StageJob, config: PreflightConfig = ASKED) -> Preflight:
    result = preflight(given, config)
    assert result is not None
    return result


def timeless(result: Preflight) -> dict[str, Any]:
    told = result.model_dump(exclude={"seconds": True, "duration": {"seconds", "seconds_a_step"}})
    del told["memory"]["available"]
    return told


def test_the_figures_are_a_recount_of_what_was_sampled(
    student_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sampled: list[Group] = []
    sample = Collector.sample

    def watched(self: Collector, *args: Any, **kwargs: Any) -> list[Group]:
        sampled.extend(sample(self, *args, **kwargs))
        return sampled

    monkeypatch.setattr(Collector, "sample", watched)
    result = found(job(student_folder, tmp_path))
    rewards = [s.reward for g in sampled for s in g.scores]
    tokens = [len(c.ids) for g in sampled for c in g.completions]
    assert len({g.prompt.key for g in sampled}) == result.signal.groups == 4
    assert result.signal.completions == len(rewards) == 16
    assert result.signal.reward_mean == pytest.approx(sum(rewards) / 16)
    assert result.signal.surviving == sum(g.signal.kept for g in sampled) / 4
    assert result.signal.completion_tokens == sum(tokens) / 16
    assert result.duration.tokens_a_step == result.refills.sampled * 4 * result.signal.completion_tokens


def test_rlvr_samples_as_many_scenarios_as_asked(student_folder: Path, tmp_path: Path) -> None:
    result = found(job(student_folder, tmp_path, OutcomeTask(), name="rlvr"))
    assert (result.stage, result.signal.groups) == ("rlvr", 3)


def test_no_weight_and_no_gradient_is_touched(student_folder: Path, tmp_path: Path) -> None:
    given = job(student_folder, tmp_path)
    before = trained(given.model)
    found(given)
    assert equal(trained(given.model), before)
    assert all(p.grad is None for p in given.model.parameters())


def test_the_same_weights_give_the_same_figures(student_folder: Path, tmp_path: Path) -> None:
    first, second = (found(job(student_folder, tmp_path / name)) for name in ("a", "b"))
    assert timeless(first) == timeless(second)


def test_a_stage_trains_to_the_same_weights_with_and_without_a_preflight(student_folder: Path, tmp_path: Path) -> None:
    from srl_pipeline.training.optimization.policy_stage import run_policy_stage

    def weights(name: str, mode: Any) -> Any:
        given = job(student_folder, tmp_path / name)
        preflight(given, PreflightConfig(mode=mode))
        run_policy_stage(given)
        return trained(given.model)

    assert equal(weights("with", "refuse"), weights("without", "off"))


REFUSALS = {
    "format": (Unreadable(), {}, "cannot follow the format"),
    "equal rewards": (SILENT, {}, "All rewards are equal"),
}


@pytest.mark.parametrize("case", REFUSALS)
def test_a_start_without_hope_is_refused_before_any_weight_changes(
    student_folder: Path, tmp_path: Path, case: str
) -> None:
    task, changes, why = REFUSALS[case]
    given = job(student_folder, tmp_path, task, **changes)
    before = trained(given.model)
    with pytest.raises(TrainingError, match=rf"{why}(.|\n)*where: srl, preflight(.|\n)*mend"):
        preflight(given, ASKED)
    assert equal(trained(given.model), before) and not preflight_file(tmp_path, "srl").exists()


def test_too_little_memory_is_refused_before_anything_is_sampled(
    student_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "available_bytes", lambda _: 1000)
    monkeypatch.setattr(Collector, "sample", None)
    with pytest.raises(TrainingError, match=r"Too little memory(.|\n)*srl\.micro_batch_size"):
        preflight(job(student_folder, tmp_path), ASKED)


def test_too_little_memory_for_what_a_group_really_takes_is_refused(
    student_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = job(student_folder, tmp_path)
    monkeypatch.setattr(module, "available_bytes", lambda _: module._least(given) + 1)
    with pytest.raises(TrainingError, match="Too little memory"):
        preflight(given, ASKED)


def test_rlvr_without_signal_is_not_refused_but_gets_proposals(
    student_folder: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    never = OutcomeTask(right=lambda _: False)
    with caplog.at_level(logging.WARNING, logger="srl_pipeline"):
        result = found(job(student_folder, tmp_path, never, name="rlvr"))
    assert "rlvr.max_difficulty" in {p.setting for p in result.proposals}
    assert "Preflight proposes" in result.note and "rlvr.max_difficulty=0.25 (0% of the groups" in result.note
    assert result.note in caplog.text


def test_with_propose_even_a_hopeless_start_is_only_reported(student_folder: Path, tmp_path: Path) -> None:
    result = found(job(student_folder, tmp_path, SILENT), PreflightConfig(mode="propose"))
    assert result.objection.startswith("All rewards are equal") and result.objection in result.note


def test_switched_off_it_does_nothing(student_folder: Path, tmp_path: Path) -> None:
    assert preflight(job(student_folder, tmp_path, Unreadable()), PreflightConfig(mode="off")) is None
    assert not preflight_file(tmp_path, "srl").exists()


def test_a_resumed_stage_goes_by_what_was_found_then(
    student_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = found(job(student_folder, tmp_path))
    monkeypatch.setattr(Collector, "sample", None)
    again = found(job(student_folder, tmp_path))
    assert pretty(again.model_dump()) == pretty(first.model_dump())
