"""The gate that asks whether every hard rule was called for, on as many trajectories as it needs to tell."""

from __future__ import annotations

import random

from srl_pipeline.contracts import Gate
from srl_pipeline.generation.rewards import ENOUGH_TO_TELL, Findings, _outcome
from srl_pipeline.generation.tables import Reward
from srl_pipeline.model_types import Pack
from srl_pipeline.teachers import SearchTeacher
from srl_pipeline.verification import ScenarioSpace, Verifier, valid_axes

SOFT_WINDS: dict[str, str | float] = {"region": "amber_vale"}  # calm: nothing asks for a pane


def gate(pack: Pack, count: int, fixed: dict[str, str | float], corrupted: int = 0) -> Gate:
    """The gate over ``count`` expert solutions of scenarios with some axes fixed; the last ``corrupted`` are probes."""
    verifier, space, rng = Verifier(pack), ScenarioSpace(pack), random.Random(1)
    verdicts = []
    while len(verdicts) < count:
        axes = {**valid_axes(space, rng), **(fixed if len(verdicts) < count - corrupted else {"region": "highmarch"})}
        if space.impossible(axes) is None:
            scenario = space.scenario(axes, where="test")
            verdicts.append(verifier.verify(scenario, SearchTeacher(verifier).solve(scenario, "")[0][1]))
    experts, probes = verdicts[: count - corrupted], verdicts[count - corrupted :]
    rows = [
        Reward(trajectory_id=str(i), accepted=True, split="validation" if i == 0 else "train", verdict=v)
        for i, v in enumerate(experts)
    ]
    found = Findings()
    for row in rows:
        found.add(row)
    for verdict in probes:
        found.probe(verdict)
    return {g.name: g for g in _outcome(verifier, found, 0.8).gates}["hard_rules_considered"]


def test_a_hard_rule_that_many_trajectories_never_called_for_fails_the_gate(scaffold_pack: Pack) -> None:
    found = gate(scaffold_pack, ENOUGH_TO_TELL, SOFT_WINDS)
    assert not found.passed and "pane-stands-wind" in found.message


def test_of_few_trajectories_the_gate_says_that_they_are_too_few(scaffold_pack: Pack) -> None:
    found = gate(scaffold_pack, 20, SOFT_WINDS)
    assert found.passed and found.value and "20 trajectories are too few to tell" in found.message


def test_a_rule_that_only_a_changed_answer_meets_counts_as_called_for(scaffold_pack: Pack) -> None:
    assert "pane-stands-wind" not in gate(scaffold_pack, ENOUGH_TO_TELL + 20, SOFT_WINDS, corrupted=20).message
