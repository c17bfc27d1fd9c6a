"""Step instances of a trajectory: how many, what stands before them, and that no token boundary comes between."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch

from srl_pipeline.contracts import LoreBundle, Scenario, Step, TeacherRef, Trajectory
from srl_pipeline.model_types import Pack, load_pack
from srl_pipeline.training.environment.prompts import Prompt, PromptWriter, step_prompts
from srl_pipeline.training.environment.transcript import body, heading, write
from srl_pipeline.training.optimization import trainer as trainer_module
from srl_pipeline.training.optimization.trainer import PolicyTrainer
from srl_pipeline.training.rollouts.collector import Collector
from srl_pipeline.training.rollouts.sampling import Sampler
from srl_pipeline.training.students.student import Student
from srl_pipeline.verification import ScenarioSpace, split_actions

from ..world import LetterTask, adapted, plain_logps, policy_config, prompts, unfused


@pytest.fixture(scope="module")
def pack() -> Pack:
    return load_pack("buildings")


@pytest.fixture
def writer(pack: Pack, student: Student) -> PromptWriter:
    return PromptWriter(pack.spec, student.tokenizer)


def expert(pack: Pack, name: str = "t", *, thought: str = "", **changed: Any) -> Trajectory:
    """The gold solution of the pack's first scenario, its last step changed if told so."""
    scenario: Scenario = ScenarioSpace(pack).scenario(dict(pack.definition.examples.gold[0].scenario), where="test")
    actions = split_actions(pack, pack.definition.examples.gold[0].artefact)
    actions[-1] = actions[-1] | changed
    titles = [s.title for s in pack.spec.steps]
    return Trajectory(
        id=name,
        scenario=scenario,
        bundle=LoreBundle(citations=[], tokens=0, budget=16),
        steps=[Step(title=t, reasoning=thought, action=a) for t, a in zip(titles, actions, strict=True)],
        teacher=TeacherRef(name="t", version="1"),
        variant="best",
        soft_cost=0.0,
        revisions=[],
        generation=1,
        novelty=1.0,
        seconds=0.0,
    )


def instances(writer: PromptWriter, given: Sequence[Trajectory], **options: Any) -> list[Prompt]:
    return step_prompts(writer, given, **({"targets": "paper", "title": True, "nearest": False} | options))


@pytest.mark.parametrize(("targets", "fewer"), [("paper", 1), ("all", 0)])
def test_a_trajectory_of_n_steps_gives_an_instance_for_each_step_but_the_papers_last(
    writer: PromptWriter, pack: Pack, targets: str, fewer: int
) -> None:
    trajectory = expert(pack)
    found = instances(writer, [trajectory], targets=targets)
    assert len(trajectory.steps) > 2 and len(found) == len(trajectory.steps) - fewer
    assert [p.step for p in found] == list(range(len(found)))
    assert [p.expert for p in found] == [[s.action] for s in trajectory.steps[: len(found)]]


@pytest.mark.parametrize("title", [True, False])
@pytest.mark.parametrize("thought", ["", "Karst quarries {lime}stone."])
def test_before_a_step_stand_the_prompt_and_exactly_the_earlier_steps(
    writer: PromptWriter, pack: Pack, title: bool, thought: str
) -> None:
    trajectory = expert(pack, thought=thought)
    question = writer.chat(trajectory.scenario, trajectory.bundle)
    for k, prompt in enumerate(instances(writer, [trajectory], targets="all", title=title)):
        earlier = "".join(heading(i, s.title) + body(s) for i, s in enumerate(trajectory.steps[:k]))
        begun = heading(k, trajectory.steps[k].title) if title else ""
        assert writer.tokenizer.decode(prompt.ids) == question + earlier + begun
        assert prompt.before == [s.action for s in trajectory.steps[:k]]


def test_prompt_and_answer_together_are_the_tokens_of_the_whole_transcript(writer: PromptWriter, pack: Pack) -> None:
    trajectory = expert(pack, thought="A thought.")
    whole = writer.encode(writer.chat(trajectory.scenario, trajectory.bundle) + write(trajectory.steps))
    found = instances(writer, [trajectory], targets="all")
    texts = [[*p.ids, *writer.encode(body(s))] for p, s in zip(found, trajectory.steps, strict=True)]
    assert all(ids == whole[: len(ids)] for ids in texts) and texts[-1] == whole


def test_all_instances_and_the_episode_are_beginnings_of_one_text(writer: PromptWriter, pack: Pack) -> None:
    trajectory = expert(pack)
    found = instances(writer, [trajectory], targets="all")
    prompt, answer = writer.transcript(trajectory)
    whole = [*prompt, *answer]
    assert found[0].ids == prompt == writer.episode(trajectory.scenario, trajectory.bundle).ids
    assert all(p.ids == whole[: len(p.ids)] for p in found)


def test_variants_with_a_common_prefix_are_one_instance_with_one_reference_or_with_all(
    writer: PromptWriter, pack: Pack
) -> None:
    first, second = expert(pack, "a"), expert(pack, "b", colour="red")
    one, all_of_them = (instances(writer, [first, second], targets="all", nearest=near) for near in (False, True))
    last = len(first.steps) - 1
    assert [len(p.expert) for p in one] == [1] * len(first.steps)
    assert [len(p.expert) for p in all_of_them] == [1] * last + [2]
    assert one[last].expert == [first.steps[last].action]


def test_the_update_reads_the_very_tokens_that_sampling_read_and_wrote(
    student: Student, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sampled: set[tuple[tuple[int, ...], tuple[int, ...]]] = set()
    trained: set[tuple[tuple[int, ...], tuple[int, ...]]] = set()
    sample, logps = Sampler.sample, trainer_module.completion_logps

    def seen_sampling(self: Any, asked: Any, **options: Any) -> Any:
        found = sample(self, asked, **options)
        sampled.update((tuple(p), tuple(c.ids)) for p, cs in zip(asked, found, strict=True) for c in cs)
        return found

    def seen_training(model: Any, groups: Any, **options: Any) -> Any:
        trained.update((tuple(p), tuple(ids)) for p, completions in groups for ids in completions)
        return logps(model, groups, **options)

    monkeypatch.setattr(Sampler, "sample", seen_sampling)
    monkeypatch.setattr(trainer_module, "completion_logps", seen_training)
    config = policy_config(max_resamples=9)
    task: Any = LetterTask()
    collector = Collector(prompts(student), task, config, seed=5)
    PolicyTrainer(
        student,
        adapted(student),
        collector,
        config,
        output=tmp_path,
        seed=1,
        on_batch=lambda *_: None,
        callbacks=[],
    ).train()
    assert len(trained) > 4 and trained <= sampled


def test_tokens_are_sampled_with_the_probabilities_that_an_ordinary_pass_over_prompt_and_answer_gives_them(
    student: Student,
) -> None:
    model = adapted(student, shaken=0.1)
    asked = prompts(student, 3)
    found = Sampler(model, student.tokenizer).sample(
        [p.ids for p in asked], per_prompt=4, max_tokens=12, temperature=0.8, seed=2, stop=lambda _: False
    )
    plain = unfused(model)
    for prompt, completions in zip(asked, found, strict=True):
        for completion in completions:
            with torch.no_grad():
                expected, _ = plain_logps(plain, prompt.ids, completion.ids, 0.8)
            assert completion.logps == pytest.approx(expected.tolist(), abs=1e-4)
