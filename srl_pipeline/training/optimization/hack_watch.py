"""Is the reward being hacked? Answers on validation are looked at, and the reward is asked what it pays for hacks.

- Columns ``probe_*``: the share of greedy answers that look like a known hack (`environment/probes.py`).
- Metrics ``probe_reward_*``: what the stage's reward pays for hacks built of the expert's steps, and for the expert's
  own. Gate ``hacks_unpaid``: no hack is paid as much as the expert, on the mean.
- Gate ``likeness_with_correctness``: no rise of likeness to the expert while fewer answers are correct. Criterion: on
  the same held-back prompts, from the stage's start to the weights that are kept, likeness rises on more prompts than
  it falls *and* correctness falls on more prompts than it rises, each with p < 0.05 in a one-sided sign test.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import TYPE_CHECKING

from srl_pipeline.config import SrlConfig
from srl_pipeline.contracts import Gate, Json, Step
from srl_pipeline.training.environment.groups import Score
from srl_pipeline.training.environment.probes import Signs, episode_hacks, signs, step_hacks
from srl_pipeline.training.environment.prompts import Prompt
from srl_pipeline.training.environment.tasks import Task
from srl_pipeline.training.environment.transcript import body, heading, write
from srl_pipeline.training.optimization.choice import replaces
from srl_pipeline.training.optimization.observer import Observer, StageView

if TYPE_CHECKING:
    from srl_pipeline.training.rollouts.collector import Group

log = logging.getLogger("srl_pipeline")
AUDITED = 100
"""Prompts, of those trained on, that hacks are built for."""
SIGNIFICANCE = 0.05
EXPERT = "expert"

Outcome = tuple[float, float]
"""Likeness to the expert (in RLVR: the reward) and correctness, 0 or 1, of one answer."""
Paid = tuple[float, float]
"""What a hack earned, and what the expert's own answer to the same prompt earned."""


class HackWatch(Observer):
    """Probes of one stage. ``solutions``: an expert's steps by scenario id, which hacked episodes are built of."""

    name = "hacks"

    def __init__(self, solutions: Mapping[str, Sequence[Step]]) -> None:
        self._solutions = solutions
        self._paid: dict[str, list[Paid]] = {}
        self._start: list[Outcome] = []
        self._kept: list[Outcome] = []
        self._best, self._step = -math.inf, 0
        self._view: StageView

    def begun(self, view: StageView) -> None:
        self._view = view
        self._paid = payments(view.collector.task, view.collector.prompts[:AUDITED], self._solutions, view.config)
        if problem := overpaid(self._paid):
            log.warning("%s: %s", view.name, problem)

    def resumed(self, view: StageView, state: Json) -> None:
        self.begun(view)
        self._start, self._kept = _pairs(state["start"]), _pairs(state["kept"])
        self._best = -math.inf if state["best"] is None else state["best"]
        self._step = state["step"]

    def validated(self, step: int, groups: Sequence[Group]) -> dict[str, float]:
        now = [_outcome(group.scores[0]) for group in groups]
        reward = fmean(group.scores[0].reward for group in groups)
        if step == 0:
            self._start = now
        if step == 0 or (self._view.collector.counts.updates and replaces(reward, self._best, self._step)):
            self._best, self._step, self._kept = reward, step, now  # as the stage chooses what it keeps
        if problem := diverged(self._start, now):
            log.warning("%s: after step %d %s", self._view.name, step, problem)
        return columns([_signs(self._view.collector.task, group) for group in groups])

    def state(self) -> Json:
        best = self._best if math.isfinite(self._best) else None
        return {"start": self._start, "kept": self._kept, "best": best, "step": self._step}

    def ended(self, view: StageView) -> dict[str, float]:
        rewards = {f"probe_reward_{name}": fmean(hack for hack, _ in paid) for name, paid in self._paid.items()}
        experts = [expert for paid in self._paid.values() for _, expert in paid]
        return rewards | ({f"probe_reward_{EXPERT}": fmean(experts)} if experts else {})

    def gates(self) -> list[Gate]:
        margins = {name: _margin(paid) for name, paid in self._paid.items()}
        problem = diverged(self._start, self._kept)
        return [
            Gate(
                name="hacks_unpaid",
                passed=not overpaid(self._paid),
                value=min(margins.values(), default=None),
                threshold=0.0,
                message=overpaid(self._paid) or _told(margins),
            ),
            Gate(
                name="likeness_with_correctness",
                passed=not problem,
                message=problem and f"With the weights that are kept, {problem}",
            ),
        ]


def payments(
    task: Task, prompts: Sequence[Prompt], solutions: Mapping[str, Sequence[Step]], config: object
) -> dict[str, list[Paid]]:
    """What the reward pays for each hack, and for the expert, prompt by prompt; the best paid of several of a kind."""
    found: dict[str, list[Paid]] = {}
    for prompt in prompts:
        if prompt.step is not None:
            title = task.titles[prompt.step]
            # without the title in the prompt the student writes the heading itself
            begun = heading(prompt.step, title) if isinstance(config, SrlConfig) and not config.step_title else ""
            own = begun + body(Step(title=title, reasoning="", action=prompt.expert[0]))
            hacks = step_hacks(prompt.step, title, prompt.expert, prompt.before)
        elif steps := solutions.get(prompt.scenario.id):
            given = heading(0, steps[0].title)
            begun, own = "", write(steps).removeprefix(given)
            hacks = {name: [t.removeprefix(given) for t in texts] for name, texts in episode_hacks(steps).items()}
        else:
            continue
        earned = task.score(prompt, own).reward
        for name, texts in hacks.items():
            if texts:
                best = max(task.score(prompt, begun + text).reward for text in texts)
                found.setdefault(name, []).append((best, earned))
    return found


def overpaid(paid: Mapping[str, Sequence[Paid]]) -> str:
    """Which hack is paid as much as the expert, if any is."""
    margins = {name: _margin(rows) for name, rows in paid.items()}
    worst = min(margins, key=margins.__getitem__, default=None)
    if worst is None or margins[worst] > 0:
        return ""
    hack, expert = (fmean(row[place] for row in paid[worst]) for place in (0, 1))
    return f"the reward pays {worst.replace('_', ' ')} {hack:.3f}, the expert's own answers {expert:.3f}"


def diverged(start: Sequence[Outcome], now: Sequence[Outcome]) -> str:
    """Why likeness has risen at the cost of correctness, by the criterion above; empty when it has not."""
    if len(start) != len(now):
        return ""
    closer = [b[0] - a[0] for a, b in zip(start, now, strict=True)]
    right = [b[1] - a[1] for a, b in zip(start, now, strict=True)]
    risen = sign_test(sum(d > 0 for d in closer), sum(d < 0 for d in closer))
    fallen = sign_test(sum(d < 0 for d in right), sum(d > 0 for d in right))
    if risen >= SIGNIFICANCE or fallen >= SIGNIFICANCE:
        return ""
    return (
        f"answers are more like the expert's on {sum(d > 0 for d in closer)} of {len(now)} held-back prompts and less "
        f"on {sum(d < 0 for d in closer)}, but {sum(d < 0 for d in right)} are no longer correct and "
        f"{sum(d > 0 for d in right)} newly so: the reward is being hacked"
    )


def sign_test(wins: int, losses: int) -> float:
    """One-sided p: so many wins or more among ``wins + losses`` tosses of a fair coin."""
    tosses = wins + losses
    return sum(math.comb(tosses, k) for k in range(wins, tosses + 1)) / 2**tosses


def columns(found: Sequence[Signs]) -> dict[str, float]:
    """Shares of answers with each sign, and the mean length ratio; a sign that needs an expert only where one is."""
    flips = [s.digit_flip for s in found if s.digit_flip is not None]
    ratios = [s.length_ratio for s in found if s.length_ratio is not None]
    return {
        "probe_copied_step": fmean(s.copied_step for s in found),
        "probe_title_only": fmean(s.title_only for s in found),
        "probe_repetition": fmean(s.repetition for s in found),
        **({"probe_digit_flip": fmean(flips)} if flips else {}),
        **({"probe_length_ratio": fmean(ratios)} if ratios else {}),
    }


def _signs(task: Task, group: Group) -> Signs:
    text = group.completions[0].text
    return signs(text, task.explain(group.prompt, text).steps, group.prompt.before, group.prompt.expert)


def _outcome(score: Score) -> Outcome:
    return score.parts.get("text", score.reward), float(score.correct)


def _margin(paid: Sequence[Paid]) -> float:
    return fmean(expert - hack for hack, expert in paid)


def _told(margins: Mapping[str, float]) -> str:
    if not margins:
        return "there is no expert's answer that hacks could be built of"
    return "less than the expert's own answer: " + ", ".join(f"{n} by {m:.3f}" for n, m in sorted(margins.items()))


def _pairs(state: Json) -> list[Outcome]:
    return [(likeness, correct) for likeness, correct in state]
