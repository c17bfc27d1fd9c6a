"""A stage's environment: when a completion ends and what it earns. One class a stage; the trainer knows neither."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from srl_pipeline.canonical import dumps
from srl_pipeline.config import RlvrConfig, SrlConfig
from srl_pipeline.contracts import Action, Step, StepResult
from srl_pipeline.training.environment.groups import GroupSignal, Score, paper_signal, rlvr_signal, srl_signal
from srl_pipeline.training.environment.prompts import Prompt
from srl_pipeline.training.environment.similarity import field_similarity, text_similarity
from srl_pipeline.training.environment.transcript import FormatError, ends, heading, parse, parse_body
from srl_pipeline.verification import Verifier, artefact_of

FORMAT_WEIGHT = 0.5
"""Weight of the format's own advantage term in SRL."""


@dataclass(frozen=True)
class Explanation:
    """What stands in a completion, for people to read.

    Attributes:
        steps: Steps that could be read, in order, up to the first error.
        results: Model C on each of them.
        error: Why the rest could not be read; None where nothing is wrong.
        nearest: The expert's action that the reward compares with.
    """

    steps: list[Step]
    results: list[StepResult]
    error: FormatError | None
    nearest: Action | None = None


class Task(Protocol):
    """A stage's environment."""

    @property
    def titles(self) -> Sequence[str]:
        """Titles of the steps, in order."""
        ...

    def stop(self, text: str) -> bool:
        """Whether generation may end; called at the end of a line."""
        ...

    def score(self, prompt: Prompt, text: str) -> Score:
        """What a completion earned."""
        ...

    def signal(self, scores: Sequence[Score]) -> GroupSignal:
        """Advantages of a group, and whether it is kept."""
        ...

    def explain(self, prompt: Prompt, text: str) -> Explanation:
        """What `score` saw in a completion."""
        ...


class SrlTask:
    """One step, rewarded by its likeness to the expert's action and by the rules (arXiv 2510.25992, section 3.2)."""

    def __init__(self, verifier: Verifier, config: SrlConfig) -> None:
        self._verifier, self._config = verifier, config
        self.titles = [s.title for s in verifier.pack.spec.steps]

    def stop(self, text: str) -> bool:
        if not self._config.step_title:  # the student writes the heading itself
            first, _, text = text.partition("\n")
            return not first.startswith("## ") or ends(text, 1)
        return ends(text, 1)

    def score(self, prompt: Prompt, text: str) -> Score:
        step = self._read(prompt, text)
        if isinstance(step, FormatError):
            return Score(self._config.format_penalty, well_formed=False, correct=False)
        best = self._nearest(prompt, step.action)
        result = self._check(prompt, step.action)
        weights = self._config.weights
        parts = {"text": best.text, "fields": best.fields, "rules": result.compliance}
        total = weights.text + weights.fields + weights.rules
        reward = (weights.text * best.text + weights.fields * best.fields + weights.rules * result.compliance) / total
        correct = dumps(step.action) in map(dumps, prompt.expert)
        return Score(reward, well_formed=True, correct=correct, valid=result.hard_ok, parts=parts)

    def signal(self, scores: Sequence[Score]) -> GroupSignal:
        if self._config.format_advantage == "in_reward":
            return paper_signal(scores, std_epsilon=self._config.std_epsilon)
        return srl_signal(scores, std_epsilon=self._config.std_epsilon, format_weight=FORMAT_WEIGHT)

    def explain(self, prompt: Prompt, text: str) -> Explanation:
        step = self._read(prompt, text)
        if isinstance(step, FormatError):
            return Explanation([], [], step)
        return Explanation([step], [self._check(prompt, step.action)], None, self._nearest(prompt, step.action).expert)

    def _read(self, prompt: Prompt, text: str) -> Step | FormatError:
        assert prompt.step is not None
        title = self.titles[prompt.step]
        begun = "" if self._config.step_title else heading(prompt.step, title)
        if not text.startswith(begun):
            return FormatError(prompt.step, f"expected the heading '{begun.strip()}'")
        return parse_body(text.removeprefix(begun), prompt.step, title)

    def _check(self, prompt: Prompt, action: Action) -> StepResult:
        assert prompt.step is not None
        return self._verifier.check_step(prompt.scenario, artefact_of(prompt.before), prompt.step, action)

    def _nearest(self, prompt: Prompt, action: Action) -> _Likeness:
        """The reference that is most alike; the first of several."""
        assert prompt.step is not None
        spec = self._verifier.pack.spec.steps[prompt.step]
        found = (
            _Likeness(
                expert,
                text_similarity(action, expert, autojunk=self._config.autojunk),
                field_similarity(action, expert, spec),
            )
            for expert in prompt.expert
        )
        return max(found, key=lambda like: like.text + like.fields)


@dataclass(frozen=True)
class _Likeness:
    expert: Action
    text: float
    fields: float


class RlvrTask:
    """A whole episode, rewarded by Model C's verdict."""

    def __init__(self, verifier: Verifier, config: RlvrConfig) -> None:
        self._verifier, self._config = verifier, config
        self.titles = [s.title for s in verifier.pack.spec.steps]

    def stop(self, text: str) -> bool:
        return ends(text, len(self.titles))

    def score(self, prompt: Prompt, text: str) -> Score:
        episode = parse(heading(0, self.titles[0]) + text, self.titles)
        if episode.error:
            return Score(0.0, well_formed=False, correct=False, parts={"steps": len(episode.steps) / len(self.titles)})
        verdict = self._verifier.verify(prompt.scenario, [s.action for s in episode.steps])
        good = sum(s.hard_ok for s in verdict.steps) / len(self.titles)
        right = verdict.correct
        return Score(verdict.outcome_reward, well_formed=True, correct=right, valid=right, parts={"steps": good})

    def signal(self, scores: Sequence[Score]) -> GroupSignal:
        return rlvr_signal(scores)

    def explain(self, prompt: Prompt, text: str) -> Explanation:
        episode = parse(heading(0, self.titles[0]) + text, self.titles)
        verdict = self._verifier.verify(prompt.scenario, [s.action for s in episode.steps])
        return Explanation(episode.steps, verdict.steps, episode.error)
