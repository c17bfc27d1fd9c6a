"""Blocking checks: the gates of an artifact's manifest, shown and enforced by Dagster.

They are evaluated in the step that materializes, from the manifest that it returns, so a check and its materialization
cannot drift apart. They stop their own run; a separate run of a consumer is stopped by `ArtifactStore.require`, which
reads the same gates.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import dagster as dg

from srl_pipeline.contracts import Gate
from srl_pipeline.defs.partitions import model_types

OTHER = "other_gates"
_TRAINING = {
    "finite_loss": "Every loss was a finite number.",
    "signal": "Some groups of rollouts differed in reward, so there was a gradient.",
    "adapter_reloads": "The saved adapter loads: the policy's tensors, names and shapes, all finite.",
    "adapter_differs_from_start": "The adapter is not the one that the stage began with, unless the stage says why.",
    "kl_bound": "The mean KL a token to the stage's start is below its bound.",
    "rollouts_used_updated_weights": "Rollouts came from the updated weights.",
    "hacks_unpaid": "The reward pays no answer that is built to cheat as much as the expert's.",
    "likeness_with_correctness": "Answers did not grow more like the expert's while fewer were correct.",
}
GATES: dict[str, dict[str, str]] = {
    "lore_index": {
        "non_empty": "There are chunks.",
        "unique_ids": "No two chunks have one id.",
        "dimension": "Every vector has the embedder's dimension.",
        "facts_in_prose": "Every fact is stated in the prose of its document.",
    },
    "teacher_model": {"teacher_known": "The teacher exists in this installation."},
    "rule_set": {
        "rules_parse": "Every rule compiles within its bounds.",
        "gold_accepted": "Every gold example passes all rules.",
        "counter_examples_rejected": "Every counter-example is rejected for the stated reason.",
        "every_rule_exercised": "Every rule is named by a counter-example.",
    },
    "trajectories": {
        "count": "Enough scenarios were solved.",
        "acceptance": "Model C accepted enough of the candidates.",
        "no_overlap_with_evaluation": "No scenario is in the held-out set.",
        "novelty": "The scenarios differ enough from earlier ones.",
    },
    "verified_rewards": {
        "acceptance": "The share of accepted trajectories is in its band.",
        "both_splits": "Training and validation both have trajectories.",
        "reward_variance": "Rewards differ, so there is a gradient.",
        "hard_rules_considered": "Every hard rule applied at least once (asked from 100 trajectories on).",
    },
    "srl_checkpoint": _TRAINING,
    "rlvr_checkpoint": _TRAINING,
    "eval_report": {
        "report_complete": "Every stage was evaluated.",
        "same_scenarios": "All stages were evaluated on the same scenarios.",
    },
    "tuning_dataset": {
        "both_splits": "There are examples to train on and to validate on.",
        "no_held_out": "No scenario is in the held-out set.",
        "no_secret": "No example holds what looks like a credential.",
    },
    "weaknesses": {"tested": "There were answers to look at."},
    "registered_model": {
        "weights_intact": "The registered weights are those of the checkpoint.",
        "card_valid": "The model card can be read by the Hugging Face library.",
    },
}
"""Asset -> gate -> what it means. A gate that is not listed here falls under `OTHER`."""


def check_specs(asset: str) -> list[dg.AssetCheckSpec]:
    """The checks of an asset, by partition."""
    listed = GATES[asset] | {OTHER: "No gate without a check of its own failed."}
    with warnings.catch_warnings():
        # Partitions of checks are a preview. Without them one model type's pass would hide another's failure.
        warnings.simplefilter("ignore", dg.PreviewWarning)
        return [
            dg.AssetCheckSpec(name, asset=asset, blocking=True, description=text, partitions_def=model_types)
            for name, text in listed.items()
        ]


def check_results(asset: str, gates: Sequence[Gate]) -> list[dg.AssetCheckResult]:
    """A result for every check of ``asset``. A gate that the manifest lacks was not measured, which is a failure."""
    if asset not in GATES:
        return []
    by_name = {gate.name: gate for gate in gates}
    results = [
        _result(name, by_name.get(name) or Gate(name=name, passed=False, message="The manifest has no such gate."))
        for name in GATES[asset]
    ]
    others = [gate for gate in gates if gate.name not in GATES[asset]]
    failed = [gate for gate in others if not gate.passed]
    message = "; ".join(f"{gate.name}: {gate.message}" for gate in failed or others)
    return [*results, _result(OTHER, Gate(name=OTHER, passed=not failed, message=message))]


def _result(name: str, gate: Gate) -> dg.AssetCheckResult:
    measured = {"value": gate.value, "threshold": gate.threshold}
    return dg.AssetCheckResult(
        check_name=name,
        passed=gate.passed,
        description=gate.message or None,
        metadata={key: float(value) for key, value in measured.items() if value is not None},
    )
