"""Which asset rests on which: the only list, for Dagster's edges and for the versions that a builder is given."""

from __future__ import annotations

from collections.abc import Iterable

PINS = ("lore_index", "teacher_model", "rule_set")

INPUTS: dict[str, tuple[str, ...]] = {
    "lore_index": (),
    "teacher_model": (),
    "rule_set": (),
    "trajectories": PINS,
    "verified_rewards": ("trajectories", *PINS),
    "srl_checkpoint": ("verified_rewards", "trajectories", *PINS),
    "rlvr_checkpoint": ("srl_checkpoint", "verified_rewards", "trajectories", *PINS),
    "eval_report": ("srl_checkpoint", "rlvr_checkpoint", "lore_index", "rule_set"),
    "current_evaluation": ("eval_report", "lore_index", "rule_set"),
    "weaknesses": ("eval_report", "current_evaluation"),
    "registered_model": (
        "eval_report",
        "weaknesses",
        "rlvr_checkpoint",
        "srl_checkpoint",
        "verified_rewards",
        "trajectories",
        *PINS,
    ),
    "promotion": ("registered_model", "eval_report", "current_evaluation"),
    "leaderboard": ("eval_report",),
    "status_page": ("promotion",),
}
"""Asset -> the assets that it reads; none comes before what it reads."""

TUNING_INPUTS: dict[str, tuple[str, ...]] = {
    "tuning_dataset": ("trajectories", "verified_rewards", *PINS),
    "tuned_teacher": ("tuning_dataset",),
}
"""Beside the chain: no run of it, and no sensor but its own, makes these. They cost money."""


def with_downstream(assets: Iterable[str]) -> list[str]:
    """``assets`` and all that rests on them, in the order of the graph."""
    chosen = set(assets)
    for name, inputs in INPUTS.items():
        if chosen.intersection(inputs):
            chosen.add(name)
    return [name for name in INPUTS if name in chosen]
