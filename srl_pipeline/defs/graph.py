"""Which asset rests on which: the only list, for Dagster's edges and for the versions that a builder is given."""

from __future__ import annotations

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
    "leaderboard": ("eval_report",),
}
"""Asset -> the assets that it reads."""
