"""What to ask: scenarios drawn one at a time, steered by what the student was measured to need, never one twice.

**Novelty** of a scenario: the share of axes on which it differs from the nearest one drawn before, in this or an
earlier generation (numeric axes by distance over range): 0 for a repetition, 1 for nothing in common.

Each draw belongs to a strategy (`mix` says how often); of its first `PROPOSALS` proposals that may be drawn (`fence`)
the one with the best score (`proposals`) is taken. A strategy that has nothing left gives its draws to *fresh*, and
that is counted. Seeded: the same seed and the same feedback draw the same sequence. Memory grows by under 100 bytes a
scenario.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable, Iterator
from functools import cached_property

from srl_pipeline.canonical import seed_of
from srl_pipeline.config import GenerationConfig
from srl_pipeline.errors import PackError
from srl_pipeline.generation.drawing.codes import Axes, AxisCodes, Digits
from srl_pipeline.generation.drawing.conditions import Conditions
from srl_pipeline.generation.drawing.coverage import PairCoverage
from srl_pipeline.generation.drawing.fence import Fence
from srl_pipeline.generation.drawing.held_out import scenario_id
from srl_pipeline.generation.drawing.history import History
from srl_pipeline.generation.drawing.mix import allocate, interleaved
from srl_pipeline.generation.drawing.outcomes import PassCurve, Weakness, learnability
from srl_pipeline.generation.drawing.proposals import (
    FAILS_BELOW,
    WEIGHTS,
    Adversarial,
    Fresh,
    Frontier,
    Proposal,
    Proposer,
    has_frontier,
)
from srl_pipeline.generation.drawing.records import Drawn, FailedEpisode, Feedback
from srl_pipeline.generation.drawing.repairs import right_prefix
from srl_pipeline.generation.drawing.shares import shares_and_reasons
from srl_pipeline.generation.drawing.weak_slices import Pull
from srl_pipeline.verification import ScenarioSpace, Verifier

PROPOSALS = 6
"""Proposals that may be drawn, among which the best is taken."""
MAX_DRAWS = 400
"""Proposals after which a strategy counts as exhausted."""
FRESH, REPAIR = "fresh", "repair"


class Drawing(Iterator[Drawn]):
    """Draws ``count`` scenarios; raises PackError when the space is exhausted before.

    Args:
        kept: The axes of scenarios that this generation has already: not drawn again, and covered.
        steer: How much weak slices weigh in the score of a proposal, 0..1.

    Attributes:
        shares: Strategy -> its share of the draws; they add up to 1.
        reasons: Strategy -> why it has that share.
        drawn: Draws so far by strategy.
        refused: Proposals not taken, by reason; ``<strategy>_to_fresh`` counts draws that a strategy gave away.
    """

    def __init__(
        self,
        space: ScenarioSpace,
        seed: int,
        count: int,
        settings: GenerationConfig,
        feedback: Feedback | None = None,
        kept: Iterable[Axes] = (),
        steer: float = 0.0,
    ) -> None:
        feedback = feedback or Feedback()
        self._space, self._codes = space, AxisCodes(space)
        self._rng = random.Random(seed_of("scenarios", space.pack.name, seed))
        self._conditions = Conditions(space, self._codes)
        self._history = feedback.history.copy() if feedback.history else History(self._codes)
        self._covered, self._own = PairCoverage(self._codes), set[int]()
        self.refused, self.drawn = Counter[str](), Counter[str]()
        self._fence = Fence(space, self._codes, self._history, settings.near_duplicate, self.refused)
        for digits in filter(None, map(self._codes.encode, kept)):
            self._take(digits)
        measured = [*feedback.outcomes, *feedback.held_out]
        self._weakness = Weakness(self._codes, measured)
        self._pull = Pull(self._codes, feedback.weak, steer)
        self._curve = PassCurve(measured) if measured else None
        self._repairs = self._repairable(feedback)
        self._proposers, missing = self._strategies(feedback)
        self.shares, self.reasons = shares_and_reasons(settings, feedback, missing)
        allocation = self._within_supply(allocate(self.shares, count))
        self._order = interleaved(allocation)

    @property
    def coverage(self) -> float:
        """Share of pairs of axis values that this generation has covered."""
        return self._covered.share

    @property
    def coverage_ever(self) -> float:
        """Share of pairs of axis values that this and all earlier generations have covered."""
        covered = PairCoverage(self._codes)
        for digits in self._history:
            covered.add(digits)
        return covered.share

    def __iter__(self) -> Drawing:
        return self

    def __next__(self) -> Drawn:
        strategy = next(self._order)
        found = self._repair() if strategy == REPAIR else self._new(strategy)
        if found is None:
            self.refused[f"{strategy}_to_fresh"] += 1
            found = self._new(FRESH)
        if found is None:
            raise PackError(
                f"No new scenario is left after {len(self._history)} drawn; refused lately: {dict(self.refused)}.",
                where=f"{self._space.pack.name}/pack.yaml, axes",
                mend="Add axis values, ask for fewer trajectories, or lower generation.near_duplicate.",
            )
        self.drawn[found.strategy] += 1
        return found

    def _new(self, strategy: str) -> Drawn | None:
        """The best of a few proposals; None when the strategy has no more."""
        proposer = self._proposers.get(strategy)
        best: tuple[float, float, Proposal] | None = None
        fit = 0
        for _ in range(MAX_DRAWS if proposer else 0):
            proposal = proposer.propose() if proposer else None
            if proposal is None:
                break
            novelty = self._fence.novelty(proposal.digits)
            if novelty is None:
                continue
            score = self._score(strategy, proposal.digits, novelty)
            if best is None or score > best[0]:
                best = (score, novelty, proposal)
            fit += 1
            if fit == PROPOSALS:
                break
        if best is None:
            self._proposers.pop(strategy, None)
            return None
        _, novelty, proposal = best
        self._take(proposal.digits)
        scenario = self._space.scenario(self._codes.axes(proposal.digits), where="drawing")
        return Drawn(scenario, novelty, strategy, parent=proposal.parent)

    def _score(self, strategy: str, digits: Digits, novelty: float) -> float:
        weights = WEIGHTS[strategy]
        score = weights.coverage * self._covered.gain(digits) + weights.novelty * novelty
        if self._curve is None and not self._pull.known:
            return score
        difficulty = self._conditions.difficulty(digits)
        score += self._pull.of(digits, difficulty)
        if self._curve is None:
            return score
        score += weights.learnability * learnability(self._curve(difficulty))
        return score + (weights.weakness * self._weakness.of(digits, difficulty) if self._weakness.known else 0.0)

    def _take(self, digits: Digits) -> None:
        self._history.add(digits)
        self._covered.add(digits)
        self._own.add(self._codes.number(digits))

    def _strategies(self, feedback: Feedback) -> tuple[dict[str, Proposer], dict[str, str]]:
        """Who can propose; and of the strategies that have nothing to draw, why."""
        codes, conditions, rng, refused = self._codes, self._conditions, self._rng, self.refused
        fresh = Fresh(self._space, codes, conditions, rng, refused)
        proposers: dict[str, Proposer] = {FRESH: fresh}
        missing: dict[str, str] = {}
        if parents := self._failing(feedback):
            proposers["adversarial"] = Adversarial(codes, conditions, rng, refused, parents)
        else:
            missing["adversarial"] = "no training scenario is known on which the student fails"
        if self._curve and has_frontier(self._curve):
            proposers["frontier"] = Frontier(fresh, conditions.difficulty, self._curve, refused)
        else:
            missing["frontier"] = "no frontier known"
        if not self._repairs:
            missing[REPAIR] = "no failed episode is known that began right"
        return proposers, missing

    def _failing(self, feedback: Feedback) -> list[tuple[Digits, str]]:
        """Training scenarios on which the student fails. The evaluation set is kept out even where it got in."""
        found: list[tuple[Digits, str]] = []
        for outcome in feedback.outcomes:
            digits = self._codes.encode(outcome.axes) if outcome.correct < FAILS_BELOW else None
            if digits is not None and not self._fence.held_out(digits):
                found.append((digits, scenario_id(self._space, outcome.axes)))
        return found

    def _repairable(self, feedback: Feedback) -> list[tuple[Digits, FailedEpisode]]:
        """Failed episodes in a seeded order, the last comes first; of scenarios that still are."""
        found = [
            (digits, episode)
            for episode in feedback.failed
            if (digits := self._codes.encode(episode.axes)) is not None
            and not self._fence.held_out(digits)
            and self._codes.number(digits) not in self._own
            and self._conditions.possible(digits)
        ]
        random.Random(self._rng.random()).shuffle(found)
        return found

    def _repair(self) -> Drawn | None:
        while self._repairs:
            digits, episode = self._repairs.pop()
            if self._codes.number(digits) in self._own:
                self.refused["repeated"] += 1
                continue
            scenario = self._space.scenario(self._codes.axes(digits), where="drawing")
            if prefix := right_prefix(self._verifier, scenario, episode.actions):
                self._take(digits)
                return Drawn(scenario, 0.0, REPAIR, prefix, scenario.id)
            self.refused["nothing_to_repair"] += 1
        return None

    @cached_property
    def _verifier(self) -> Verifier:
        return Verifier(self._space.pack)

    def _within_supply(self, allocation: dict[str, int]) -> dict[str, int]:
        """Repairs that there are no episodes for go to fresh before anything is drawn, and are counted."""
        spare = max(0, allocation.get(REPAIR, 0) - len(self._repairs))
        if spare:
            self.refused[f"{REPAIR}_to_fresh"] += spare
            allocation[REPAIR] -= spare
            allocation[FRESH] += spare
        return allocation
