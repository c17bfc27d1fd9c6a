"""The `verified_rewards` asset: Model C's verdict on every trajectory, and the split into training and validation."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from pathlib import Path

from srl_pipeline.canonical import seed_of
from srl_pipeline.config import PipelineConfig
from srl_pipeline.contracts import Gate, Sources, Trajectory, Verdict
from srl_pipeline.generation.sources import load_sources
from srl_pipeline.generation.tables import Reward, read_trajectories, reward_writer
from srl_pipeline.registry import ArtifactStore, Built, Outcome, build_or_reuse, code_version
from srl_pipeline.teachers import domain
from srl_pipeline.verification import Verifier, split_actions

ENOUGH_TO_TELL = 100
"""Trajectories from which a rule that was never called for is a fault: one that applies to 3 % of them would have been
met with 95 % certainty (rule of three). Of fewer, rare rules are missing by chance."""


def build_verified_rewards(
    store: ArtifactStore, model_type: str, trajectories: str, sources: Sources, config: PipelineConfig
) -> Built:
    """Verify the trajectories of data version ``trajectories`` against the pinned rules."""
    loaded = load_sources(store, model_type, sources)
    source = store.require("trajectories", model_type, trajectories)
    settings = {
        "min_acceptance": config.generation.min_acceptance,
        "validation_share": config.generation.validation_share,
        "seed": config.seed,
    }

    def make(work: Path) -> Outcome:
        found, spoil = Findings(), _Spoiler(verifier := Verifier(loaded.pack), config.seed)
        with reward_writer(work) as rows:
            for trajectory in read_trajectories(source.path):
                reward = _reward(verifier, trajectory, config)
                rows.add(reward)
                found.add(reward)
                found.probe(spoil(trajectory))
        return _outcome(verifier, found, config.generation.min_acceptance)

    return build_or_reuse(
        store,
        "verified_rewards",
        model_type,
        inputs={"trajectories": source, "rule_set": loaded.rule_set, "lore_index": loaded.lore_index},
        config=settings,
        code=code_version("verification", "generation/rewards.py", "generation/tables.py", "model_types/spec.py"),
        make=make,
    )


def _reward(verifier: Verifier, trajectory: Trajectory, config: PipelineConfig) -> Reward:
    verdict = verifier.verify(trajectory.scenario, [s.action for s in trajectory.steps])
    # By scenario, not by trajectory: variants of one scenario never stand on both sides.
    draw = seed_of("split", config.seed, trajectory.scenario.id) % 10_000 / 10_000
    return Reward(
        trajectory_id=trajectory.id,
        accepted=verdict.correct,
        split="validation" if draw < config.generation.validation_share else "train",
        verdict=verdict,
    )


class _Spoiler:
    """Verdicts after one seeded change of one field: a reward that does not notice carries no signal."""

    def __init__(self, verifier: Verifier, seed: int) -> None:
        self._verifier, self._rng = verifier, random.Random(seed_of("corrupt", seed))
        self._domains = {n: domain(f) for step in verifier.pack.spec.steps for n, f in step.fields.items()}

    def __call__(self, trajectory: Trajectory) -> Verdict:
        name = self._rng.choice(sorted(self._domains))
        others = [v for v in self._domains[name] if v != trajectory.artefact[name]]
        changed = trajectory.artefact | {name: self._rng.choice(others)}
        return self._verifier.verify(trajectory.scenario, split_actions(self._verifier.pack, changed))


@dataclass
class _Spread:
    """Mean and population standard deviation of values that are not kept (Welford)."""

    count: int = 0
    mean: float = 0.0
    _squares: float = 0.0

    def add(self, value: float) -> None:
        self.count += 1
        before, self.mean = self.mean, self.mean + (value - self.mean) / self.count
        self._squares += (value - before) * (value - self.mean)

    @property
    def std(self) -> float:
        return (self._squares / self.count) ** 0.5 if self.count else 0.0


@dataclass
class Findings:
    """What the verdicts came to."""

    accepted: int = 0
    validation: int = 0
    considered: set[str] = field(default_factory=set[str])
    outcome: _Spread = field(default_factory=_Spread)
    spoilt: _Spread = field(default_factory=_Spread)
    both: _Spread = field(default_factory=_Spread)

    def add(self, reward: Reward) -> None:
        """An expert's trajectory."""
        self.accepted += reward.accepted
        self.validation += reward.accepted and reward.split == "validation"
        self._see(reward.verdict, self.outcome)

    def probe(self, spoilt: Verdict) -> None:
        """One with a field changed."""
        self._see(spoilt, self.spoilt)

    def _see(self, verdict: Verdict, spread: _Spread) -> None:
        spread.add(verdict.outcome_reward)
        self.both.add(verdict.outcome_reward)
        self.considered.update(verdict.considered)


def _outcome(verifier: Verifier, found: Findings, least: float) -> Outcome:
    rows = found.outcome.count
    share = found.accepted / rows if rows else 0.0
    never = sorted(r.id for r in verifier.rules.rules if r.hard and r.id not in found.considered)
    few = rows < ENOUGH_TO_TELL
    return Outcome(
        metrics={
            "acceptance": share,
            "accepted": float(found.accepted),
            "validation": float(found.validation),
            "outcome_reward_mean": found.outcome.mean,
            "outcome_reward_std": found.outcome.std,
            "rules_considered": float(len(found.considered)),
            "corrupted_reward_mean": found.spoilt.mean,
        },
        gates=[
            Gate(
                name="acceptance",
                passed=share >= least,
                value=share,
                threshold=least,
                message=f"{found.accepted} of {rows} trajectories accepted",
            ),
            Gate(
                name="both_splits",
                passed=0 < found.validation < found.accepted,
                value=found.validation,
                message=f"{found.validation} of {found.accepted} accepted trajectories are kept for validation",
            ),
            Gate(
                name="reward_variance",
                passed=found.both.std > 0,
                value=found.both.std,
                threshold=0,
                message="std of the outcome reward over experts and experts with one field changed",
            ),
            Gate(
                name="hard_rules_considered",
                passed=few or not never,
                value=len(never),
                threshold=0,
                message=f"hard rules that no scenario called for: {', '.join(never) or 'none'}"
                + (f"; {rows} trajectories are too few to tell" if few and never else ""),
            ),
        ],
    )
