"""What the student answers before and after a stage: sampled, recorded, and without a trace in what is trained."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch

from srl_pipeline.config import SrlConfig
from srl_pipeline.contracts import Step, StepResult
from srl_pipeline.errors import ArtifactError
from srl_pipeline.model_types import load_pack
from srl_pipeline.training.environment.prompts import Prompt
from srl_pipeline.training.environment.tasks import Explanation, SrlTask
from srl_pipeline.training.environment.transcript import FormatError
from srl_pipeline.training.optimization.policy_stage import _Stage
from srl_pipeline.training.optimization.step_samples import StepSampling, answers_of, choose
from srl_pipeline.training.optimization.watch import observers_of
from srl_pipeline.training.rollouts.collector import NO_SIGNAL, Group
from srl_pipeline.training.rollouts.sampling import Completion
from srl_pipeline.training.step_records import StepSamples, read_samples
from srl_pipeline.verification import ScenarioSpace, Verifier, split_actions

from ..stage import run_stage
from ..world import SCENARIO, LetterTask, adapter_weights, equal, load, policy_config, prompts

COUNT = 3


class Explained(LetterTask):
    """Reads every second letter count as a step. Named double."""

    titles: Sequence[str] = ("Walls",)

    def explain(self, prompt: Prompt, text: str) -> Explanation:
        if len(text) % 2:
            return Explanation([], [], FormatError(0, "an odd number of letters"))
        result = StepResult(step=0, structure_ok=True, violations=[], compliance=1.0)
        return Explanation([Step(title="Walls", reasoning="", action={"letters": len(text)})], [result], None)


def stage(student_folder: Path, work: Path, **changes: Any) -> Any:
    settings: dict[str, Any] = {"step_samples": COUNT, "steps": 2} | changes
    return run_stage(student_folder, work, Explained(), **settings)


def file(work: Path) -> Path:
    return work / "steps_srl.json"


@pytest.fixture(scope="module")
def whole(student_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a stage that nothing interrupted."""
    work = tmp_path_factory.mktemp("sampled")
    stage(student_folder, work)
    return work


@pytest.fixture(scope="module")
def found(whole: Path) -> StepSamples:
    return read_samples(whole, "srl")


def test_the_answers_of_both_ends_are_there_for_every_prompt(found: StepSamples) -> None:
    assert (found.stage, len(found.prompts)) == ("srl", COUNT)
    for prompt in found.prompts:
        assert prompt.end is not None
        assert len(prompt.begin.sampled) == len(prompt.end.sampled) == policy_config().rollouts
        assert prompt.begin.greedy.advantage is None
        assert all(a.advantage is not None for a in (*prompt.begin.sampled, *prompt.end.sampled))


def test_what_differs_between_before_and_after_comes_from_the_weights(
    student_folder: Path, tmp_path: Path, found: StepSamples
) -> None:
    assert all(p.begin != p.end for p in found.prompts)
    stage(student_folder, tmp_path, learning_rate=1e-12)
    unmoved = read_samples(tmp_path, "srl").prompts
    assert [[a.text for a in p.end.sampled] for p in unmoved if p.end] == [
        [a.text for a in p.begin.sampled] for p in unmoved
    ]


def test_the_prompt_is_shown_as_the_student_read_it(student_folder: Path, found: StepSamples) -> None:
    tokenizer = load(student_folder).tokenizer
    given = {p.key: tokenizer.decode(p.ids) for p in prompts(load(student_folder), 8)}
    assert {p.key: p.text for p in found.prompts} == {p.key: given[p.key] for p in found.prompts}


def test_held_back_prompts_come_first_and_are_told_from_those_that_are_trained_on(found: StepSamples) -> None:
    assert {p.key: p.held_back for p in found.prompts} == {"p6": True, "p7": True, "p0": False}


def test_sampling_for_the_report_changes_nothing_that_is_trained(
    student_folder: Path, whole: Path, tmp_path: Path
) -> None:
    plain = stage(student_folder, tmp_path, step_samples=0)
    assert equal(adapter_weights(plain.adapter), adapter_weights(whole / "srl"))
    last = "_checkpoints_srl/checkpoint-2"
    assert equal(adapter_weights(tmp_path / last), adapter_weights(whole / last))
    assert not file(tmp_path).exists()


@pytest.mark.chain
@pytest.mark.parametrize(("dies_in", "step"), [("complete_checkpoint", 1), ("complete_checkpoint", 2), ("outcome", 2)])
def test_a_stage_killed_and_resumed_ends_with_the_same_file(
    student_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, whole: Path, dies_in: str, step: int
) -> None:
    class Killed(BaseException):
        pass

    def dying(self: Any, *args: Any) -> None:
        if self.trainer.state.global_step == step:
            raise Killed
        original(self, *args)

    original = getattr(_Stage, dies_in)
    monkeypatch.setattr(_Stage, dies_in, dying)
    with pytest.raises(Killed):
        stage(student_folder, tmp_path)
    assert [p.end for p in read_samples(tmp_path, "srl").prompts] == [None] * COUNT
    monkeypatch.undo()
    torch.manual_seed(12345)  # a new process has another random state
    stage(student_folder, tmp_path)
    assert file(tmp_path).read_bytes() == file(whole).read_bytes()


def test_what_was_sampled_at_the_beginning_is_not_sampled_again(
    student_folder: Path, tmp_path: Path, whole: Path
) -> None:
    begun = json.loads(file(whole).read_text())
    for prompt in begun["prompts"]:
        prompt["end"] = None
        prompt["begin"]["greedy"]["text"] = "kept from before"
    file(tmp_path).write_text(json.dumps(begun))
    stage(student_folder, tmp_path)
    ended = read_samples(tmp_path, "srl").prompts
    assert [p.begin.greedy.text for p in ended] == ["kept from before"] * COUNT
    assert [p.end for p in ended] == [p.end for p in read_samples(whole, "srl").prompts]


def test_samples_that_vanished_while_training_are_an_error(
    student_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended = StepSampling.ended

    def after_a_loss(self: StepSampling, view: Any) -> dict[str, float]:
        file(tmp_path).unlink()
        return ended(self, view)

    monkeypatch.setattr(StepSampling, "ended", after_a_loss)
    with pytest.raises(ArtifactError, match="samples of srl are missing"):
        stage(student_folder, tmp_path)


@pytest.mark.parametrize(("count", "watching"), [(0, False), (1, True)])
def test_a_count_of_zero_switches_it_off(count: int, watching: bool) -> None:
    observers = observers_of(policy_config(step_samples=count))
    assert any(isinstance(o, StepSampling) for o in observers) == watching


def at(key: str, step: int | None, difficulty: float, scenario: str) -> Prompt:
    return Prompt(key, [1], SCENARIO.model_copy(update={"id": scenario, "difficulty": difficulty}), step, [], [])


def keys(chosen: Sequence[Prompt]) -> list[str]:
    return [p.key for p in chosen]


def test_prompts_of_different_steps_are_chosen_then_of_different_bands_then_of_different_scenarios() -> None:
    given = [
        at("a0", 0, 0.1, "a"),
        at("a1", 1, 0.1, "a"),
        at("b1", 1, 0.9, "b"),
        at("b2", 2, 0.9, "b"),
        at("c2", 2, 0.9, "c"),
    ]
    assert keys(choose(given, [], 3)) == ["a0", "b1", "c2"]
    assert keys(choose(given[3:] + given[:3], [], 3)) == ["a0", "a1", "b2"]
    assert keys(choose([at("e", None, 0.1, "e"), at("f", None, 0.1, "f"), at("g", None, 0.5, "g")], [], 2)) == [
        "e",
        "g",
    ]


def test_the_same_prompts_are_chosen_every_time_and_never_one_twice() -> None:
    given = [at(f"{i}", i % 5, (i * 7 % 10) / 10, f"s{i % 6}") for i in range(40)]
    assert keys(choose(given, [], 12)) == keys(choose(given, [], 12))
    assert len(set(keys(choose(given, [], 12)))) == 12


def test_prompts_that_are_trained_on_fill_up_where_too_few_are_held_back() -> None:
    held_back, trained = [at("h", 0, 0.1, "h")], [at("t0", 0, 0.1, "t"), at("t1", 1, 0.1, "t")]
    assert keys(choose(held_back, trained, 1)) == ["h"]
    assert keys(choose(held_back, trained, 2)) == ["h", "t1"]
    assert keys(choose(held_back, trained, 9)) == ["h", "t0", "t1"]


def test_an_answer_is_recorded_with_its_reward_parts_thought_action_and_verdict() -> None:
    pack = load_pack("buildings")
    gold = pack.definition.examples.gold[0]
    scenario = ScenarioSpace(pack).scenario(dict(gold.scenario), where="test")
    expert = split_actions(pack, gold.artefact)[0]
    task, prompt = SrlTask(Verifier(pack), SrlConfig()), Prompt("k", [1], scenario, 0, [expert], [])
    stone = next(s for s in ("flint", "granite", "basalt") if s != expert["stone"])
    texts = [f"<think>Why not {stone}?</think>\n" + json.dumps(expert | {"stone": stone}), "no idea"]
    completions = [Completion([1, 2, 3], texts[0], True, []), Completion([1], texts[1], False, [])]
    scores = [task.score(prompt, text) for text in texts]
    signal = task.signal(scores)
    found = answers_of(
        task,
        Group(prompt, completions[:1], scores[:1], NO_SIGNAL),
        Group(prompt, completions, scores, signal),
    )
    first, second = found.sampled
    [step] = first.steps
    assert (step.thought, step.action["stone"], first.nearest) == (f"Why not {stone}?", stone, expert)
    assert any(v.rule_id == "stone-is-local" and v.message for v in step.result.violations)
    assert (first.reward, first.parts) == (scores[0].reward, scores[0].parts) and set(first.parts) > {"rules"}
    assert [a.advantage for a in found.sampled] == signal.advantages and found.kept == signal.kept
    assert (second.text, second.tokens, second.finished, second.steps) == ("no idea", 1, False, [])
    assert second.error == "the action is not a JSON object" and second.reward == -1.0
    assert found.greedy == first.model_copy(update={"advantage": None})
