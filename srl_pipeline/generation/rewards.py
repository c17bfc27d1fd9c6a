"""The `verified_rewards` asset: Model C's verdict on every trajectory, and the split into training and validation."""

from __future__ import annotations

import random
import statistics
from pathlib import Path

from srl_pipeline.canonical import seed_of
from srl_pipeline.config import PipelineConfig
from srl_pipeline.contracts import Gate, Sources, Trajectory, Verdict
from srl_pipeline.generation.sources import load_sources
from srl_pipeline.generation.tables import Reward, read_trajectories, write_rewards
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
        verifier = Verifier(loaded.pack)
        trajectories_ = read_trajectories(source.path)
        rows = [_reward(verifier, t, config) for t in trajectories_]
        write_rewards(work, rows)
        return _outcome(verifier, rows, _corrupted(verifier, trajectories_, config), config)

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


def _corrupted(verifier: Verifier, trajectories: list[Trajectory], config: PipelineConfig) -> list[Verdict]:
    """Verdicts after one seeded change of one field: a reward that does not notice carries no signal."""
    rng = random.Random(seed_of("corrupt", config.seed))
    domains = {n: domain(f) for step in verifier.pack.spec.steps for n, f in step.fields.items()}
    verdicts: list[Verdict] = []
    for t in trajectories:
        name = rng.choice(sorted(domains))
        others = [v for v in domains[name] if v != t.artefact[name]]
        changed = t.artefact | {name: rng.choice(others)}
        verdicts.append(verifier.verify(t.scenario, split_actions(verifier.pack, changed)))
    return verdicts


def _outcome(verifier: Verifier, rows: list[Reward], corrupted: list[Verdict], config: PipelineConfig) -> Outcome:
    accepted = [r for r in rows if r.accepted]
    share = len(accepted) / len(rows) if rows else 0.0
    considered = {rule for verdict in (*(r.verdict for r in rows), *corrupted) for rule in verdict.considered}
    never = sorted(r.id for r in verifier.rules.rules if r.hard and r.id not in considered)
    few = len(rows) < ENOUGH_TO_TELL
    outcome = [r.verdict.outcome_reward for r in rows]
    noticed = [v.outcome_reward for v in corrupted]
    validation = sum(r.split == "validation" for r in accepted)
    least = config.generation.min_acceptance
    return Outcome(
        metrics={
            "acceptance": share,
            "accepted": float(len(accepted)),
            "validation": float(validation),
            "outcome_reward_mean": statistics.fmean(outcome) if outcome else 0.0,
            "outcome_reward_std": statistics.pstdev(outcome) if outcome else 0.0,
            "rules_considered": float(len(considered)),
            "corrupted_reward_mean": statistics.fmean(noticed) if noticed else 0.0,
        },
        gates=[
            Gate(
                name="acceptance",
                passed=share >= least,
                value=share,
                threshold=least,
                message=f"{len(accepted)} of {len(rows)} trajectories accepted",
            ),
            Gate(
                name="both_splits",
                passed=0 < validation < len(accepted),
                value=validation,
                message=f"{validation} of {len(accepted)} accepted trajectories are kept for validation",
            ),
            Gate(
                name="reward_variance",
                passed=statistics.pstdev(outcome + noticed) > 0 if rows else False,
                value=statistics.pstdev(outcome + noticed) if rows else 0.0,
                threshold=0,
                message="std of the outcome reward over experts and experts with one field changed",
            ),
            Gate(
                name="hard_rules_considered",
                passed=few or not never,
                value=len(never),
                threshold=0,
                message=f"hard rules that no scenario called for: {', '.join(never) or 'none'}"
                + (f"; {len(rows)} trajectories are too few to tell" if few and never else ""),
            ),
        ],
    )
