"""The control of SRL: a whole episode as one action, rewarded once by its likeness to the expert's whole solution.

What SRL's reward is for a step (arXiv 2510.25992, section 3.2), this is for the solution as a whole; the objective, the
filter and the format's part are SRL's. The likeness is that of the texts alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from srl_pipeline.canonical import dumps
from srl_pipeline.config import SrlConfig
from srl_pipeline.contracts import Action, Artefact, Trajectory
from srl_pipeline.training.environment.groups import GroupSignal, Score
from srl_pipeline.training.environment.prompts import Prompt, PromptWriter
from srl_pipeline.training.environment.similarity import text_similarity
from srl_pipeline.training.environment.tasks import Explanation, SrlTask
from srl_pipeline.training.environment.transcript import ends, heading, parse
from srl_pipeline.verification import Verifier, artefact_of


class HolisticTask:
    """A whole episode, rewarded by the text similarity of its artefact to the expert's.

    `Prompt.expert` holds the expert's artefacts. That an episode is verified is logged, and so is that it is the
    expert's very own; neither is rewarded.
    """

    def __init__(self, verifier: Verifier, config: SrlConfig) -> None:
        self._verifier, self._config = verifier, config
        self._step = SrlTask(verifier, config)
        self.titles = self._step.titles

    def stop(self, text: str) -> bool:
        return ends(text, len(self.titles))

    def score(self, prompt: Prompt, text: str) -> Score:
        episode = parse(heading(0, self.titles[0]) + text, self.titles)
        if episode.error:
            return Score(self._config.format_penalty, well_formed=False, correct=False)
        actions = [s.action for s in episode.steps]
        written = artefact_of(actions)
        alike, _ = self._nearest(written, prompt.expert)
        exact = dumps(written) in map(dumps, prompt.expert)
        correct = self._verifier.verify(prompt.scenario, actions).correct
        parts = {"text": alike, "exact": float(exact)}
        return Score(alike, well_formed=True, correct=correct, valid=correct, parts=parts)

    def signal(self, scores: Sequence[Score]) -> GroupSignal:
        return self._step.signal(scores)

    def explain(self, prompt: Prompt, text: str) -> Explanation:
        episode = parse(heading(0, self.titles[0]) + text, self.titles)
        actions = [s.action for s in episode.steps]
        verdict = self._verifier.verify(prompt.scenario, actions)
        nearest = None if episode.error else self._nearest(artefact_of(actions), prompt.expert)[1]
        return Explanation(episode.steps, verdict.steps, episode.error, nearest)

    def _nearest(self, written: Artefact, experts: Sequence[Action]) -> tuple[float, Action]:
        """The likeness to the reference that is most alike, and that reference; the first of several."""
        found = ((text_similarity(written, one, autojunk=self._config.autojunk), one) for one in experts)
        return max(found, key=lambda pair: pair[0])


def solution_prompts(writer: PromptWriter, trajectories: Sequence[Trajectory], *, nearest: bool) -> list[Prompt]:
    """A prompt a scenario, with the expert's artefacts; without ``nearest`` that of the first variant alone."""
    found: dict[str, Prompt] = {}
    for trajectory in trajectories:
        known = found.get(trajectory.scenario.id)
        if known is None:
            prompt = writer.episode(trajectory.scenario, trajectory.bundle)
            found[prompt.key] = replace(prompt, expert=[trajectory.artefact])
        elif nearest and trajectory.artefact not in known.expert:
            known.expert.append(trajectory.artefact)
    return list(found.values())
