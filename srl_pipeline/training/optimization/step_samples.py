"""What the student answers to a few fixed prompts, before the stage and after it: for people to look at.

The seed is the same both times, so that what differs between the answers is the weights.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from srl_pipeline.canonical import seed_of
from srl_pipeline.registry.artifacts import write_durably
from srl_pipeline.training.environment.groups import Score
from srl_pipeline.training.environment.prompts import Prompt
from srl_pipeline.training.environment.tasks import Task
from srl_pipeline.training.optimization.observer import Observer, StageView
from srl_pipeline.training.rollouts.collector import Group
from srl_pipeline.training.rollouts.sampling import Completion
from srl_pipeline.training.step_records import (
    Answer,
    Answers,
    SampledPrompt,
    StepSamples,
    WrittenStep,
    read_samples,
    samples_name,
    samples_text,
)


class StepSampling(Observer):
    """Leaves ``steps_<stage>.json`` in the artifact: the answers to ``count`` prompts when it begins and ends."""

    name = "step_samples"

    def __init__(self, count: int) -> None:
        self._count = count

    def begun(self, view: StageView) -> None:
        if (view.work / samples_name(view.name)).exists():
            return  # of a process that was killed before its first checkpoint
        prompts = choose(view.validation, view.collector.prompts, self._count)
        held_back = {prompt.key for prompt in view.validation}
        found = [
            sampled_prompt(view.collector.task, prompt, read, answers, held_back=prompt.key in held_back)
            for prompt, read, answers in zip(prompts, _texts(view, prompts), ask(view, prompts), strict=True)
        ]
        _write(view, StepSamples(stage=view.name, temperature=view.config.temperature, prompts=found))

    def ended(self, view: StageView) -> dict[str, float]:
        begun = read_samples(view.work, view.name)
        known = {prompt.key: prompt for prompt in (*view.collector.prompts, *view.validation)}
        answers = ask(view, [known[prompt.key] for prompt in begun.prompts])
        ended = [p.model_copy(update={"end": a}) for p, a in zip(begun.prompts, answers, strict=True)]
        _write(view, begun.model_copy(update={"prompts": ended}))
        return {}


def choose(held_back: Sequence[Prompt], trained: Sequence[Prompt], count: int) -> list[Prompt]:
    """``count`` prompts that differ in step, then in difficulty band, then in scenario; among equals the earlier one.

    Prompts that are trained on are taken only where too few are held back.
    """
    pool = list(held_back) if len(held_back) >= count else [*held_back, *trained]
    steps, bands, scenarios = Counter[int | None](), Counter[str](), Counter[str]()
    chosen: list[Prompt] = []
    while pool and len(chosen) < count:
        best = min(pool, key=lambda p: (steps[p.step], bands[p.scenario.band], scenarios[p.scenario.id]))
        pool.remove(best)
        chosen.append(best)
        steps[best.step] += 1
        bands[best.scenario.band] += 1
        scenarios[best.scenario.id] += 1
    return sorted(chosen, key=lambda p: -1 if p.step is None else p.step)


def ask(view: StageView, prompts: Sequence[Prompt]) -> list[Answers]:
    """The answers to each prompt from the weights as they are now."""
    if not prompts:
        return []
    sampler, task = view.trainer.sampler, view.collector.task
    groups = view.collector.sample(sampler, prompts, seed=seed_of(view.name, "step samples"))
    greedy = view.collector.greedy(sampler, prompts)
    return [answers_of(task, one, group) for one, group in zip(greedy, groups, strict=True)]


def answers_of(task: Task, greedy: Group, group: Group) -> Answers:
    """The record of a prompt's greedy answer and of its group."""
    return Answers(
        greedy=_answer(task, group.prompt, greedy.completions[0], greedy.scores[0], None),
        sampled=[
            _answer(task, group.prompt, completion, score, advantage)
            for completion, score, advantage in zip(
                group.completions, group.scores, group.signal.advantages, strict=True
            )
        ],
        kept=group.signal.kept,
        std=group.signal.std,
    )


def _answer(task: Task, prompt: Prompt, completion: Completion, score: Score, advantage: float | None) -> Answer:
    seen = task.explain(prompt, completion.text)
    return Answer(
        text=completion.text,
        tokens=len(completion.ids),
        finished=completion.finished,
        steps=[
            WrittenStep(title=step.title, thought=step.reasoning, action=step.action, result=result)
            for step, result in zip(seen.steps, seen.results, strict=True)
        ],
        error=seen.error.reason if seen.error else "",
        nearest=seen.nearest,
        reward=score.reward,
        parts=score.parts,
        correct=score.correct,
        advantage=advantage,
    )


def sampled_prompt(task: Task, prompt: Prompt, read: str, begin: Answers, *, held_back: bool) -> SampledPrompt:
    """The record of a prompt; ``read`` is its text."""
    return SampledPrompt(
        key=prompt.key,
        step=prompt.step,
        title="" if prompt.step is None else task.titles[prompt.step],
        brief=prompt.scenario.brief,
        band=prompt.scenario.band,
        held_back=held_back,
        text=read,
        before=prompt.before,
        before_titles=list(task.titles[: len(prompt.before)]),
        expert=prompt.expert,
        begin=begin,
    )


def _texts(view: StageView, prompts: Sequence[Prompt]) -> list[str]:
    """Decoded from the token ids: what the student read, not what we meant to write."""
    return [view.trainer.processing_class.decode(prompt.ids) for prompt in prompts]


def _write(view: StageView, samples: StepSamples) -> None:
    write_durably(view.work / samples_name(view.name), samples_text(samples))
