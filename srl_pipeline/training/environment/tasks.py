"""A stage's environment: when a completion ends and what it earns. One class a stage; the trainer knows neither."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from srl_pipeline.canonical import dumps
from srl_pipeline.config import RlvrConfig, SrlConfig
from srl_pipeline.contracts import Action
from srl_pipeline.training.environment.groups import GroupSignal, Score, rlvr_signal, srl_signal
from srl_pipeline.training.environment.prompts import Prompt
from srl_pipeline.training.environment.similarity import field_similarity, text_similarity
from srl_pipeline.training.environment.transcript import FormatError, ends, heading, parse, parse_body
from srl_pipeline.verification import Verifier, artefact_of

FORMAT_WEIGHT = 0.5
"""Weight of the format's own advantage term in SRL."""


class Task(Protocol):
    """A stage's environment."""

    def stop(self, text: str) -> bool:
        """Whether generation may end; called at the end of a line."""
        ...

    def score(self, prompt: Prompt, text: str) -> Score:
        """What a completion earned."""
        ...

    def signal(self, scores: Sequence[Score]) -> GroupSignal:
        """Advantages of a group, and whether it is kept."""
        ...


class SrlTask:
    """One step, rewarded by its likeness to the expert's action and by the rules (arXiv 2510.25992, section 3.2)."""

    def __init__(self, verifier: Verifier, config: SrlConfig) -> None:
        self._verifier, self._config = verifier, config
        self._titles = [s.title for s in verifier.pack.spec.steps]

    def stop(self, text: str) -> bool:
        if not self._config.step_title:  # the student writes the heading itself
            first, _, text = text.partition("\n")
            return not first.startswith("## ") or ends(text, 1)
        return ends(text, 1)

    def score(self, prompt: Prompt, text: str) -> Score:
        assert prompt.step is not None
        title = self._titles[prompt.step]
        begun = "" if self._config.step_title else heading(prompt.step, title)
        step = parse_body(text.removeprefix(begun), prompt.step, title)
        if isinstance(step, FormatError) or not text.startswith(begun):
            return Score(self._config.format_penalty, well_formed=False, correct=False)
        best = max((self._likeness(step.action, expert, prompt.step) for expert in prompt.expert), key=lambda x: x[0])
        result = self._verifier.check_step(prompt.scenario, artefact_of(prompt.before), prompt.step, step.action)
        weights = self._config.weights
        parts = {"text": best[1], "fields": best[2], "rules": result.compliance}
        total = weights.text + weights.fields + weights.rules
        reward = (weights.text * best[1] + weights.fields * best[2] + weights.rules * result.compliance) / total
        return Score(reward, well_formed=True, correct=dumps(step.action) in map(dumps, prompt.expert), parts=parts)

    def signal(self, scores: Sequence[Score]) -> GroupSignal:
        return srl_signal(scores, std_epsilon=self._config.std_epsilon, format_weight=FORMAT_WEIGHT)

    def _likeness(self, action: Action, expert: Action, step: int) -> tuple[float, float, float]:
        """(sum used for choosing the nearest reference, text, fields)."""
        text = text_similarity(action, expert, autojunk=self._config.autojunk)
        fields = field_similarity(action, expert, self._verifier.pack.spec.steps[step])
        return text + fields, text, fields


class RlvrTask:
    """A whole episode, rewarded by Model C's verdict."""

    def __init__(self, verifier: Verifier, config: RlvrConfig) -> None:
        self._verifier, self._config = verifier, config
        self._titles = [s.title for s in verifier.pack.spec.steps]

    def stop(self, text: str) -> bool:
        return ends(text, len(self._titles))

    def score(self, prompt: Prompt, text: str) -> Score:
        episode = parse(heading(0, self._titles[0]) + text, self._titles)
        if episode.error:
            return Score(0.0, well_formed=False, correct=False, parts={"steps": len(episode.steps) / len(self._titles)})
        verdict = self._verifier.verify(prompt.scenario, [s.action for s in episode.steps])
        good = sum(s.hard_ok for s in verdict.steps) / len(self._titles)
        return Score(verdict.outcome_reward, well_formed=True, correct=verdict.correct, parts={"steps": good})

    def signal(self, scores: Sequence[Score]) -> GroupSignal:
        return rlvr_signal(scores)
