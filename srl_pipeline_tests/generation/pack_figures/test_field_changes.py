"""Every change of one field is judged as the verifier judges the changed artefact."""

from __future__ import annotations

import pytest

from srl_pipeline.generation.dialogue import soft_cost
from srl_pipeline.generation.pack_figures.field_changes import domains_of
from srl_pipeline.model_types import Pack
from srl_pipeline.verification import Verifier, split_actions
from srl_pipeline_tests.generation.pack_figures.lanterns import changes_of, solved

GUSTY = {"region": "highmarch", "bearer": "miner", "hours": 7}
CALM = {"region": "amber_vale", "bearer": "scribe", "hours": 24}


@pytest.mark.parametrize("axes", [GUSTY, CALM])
def test_a_change_breaks_what_the_verifier_says_it_breaks(scaffold_pack: Pack, axes: dict[str, str | float]) -> None:
    verifier = Verifier(scaffold_pack)
    [(scenario, artefact)] = solutions = solved(verifier, axes)
    [changes] = changes_of(verifier, solutions)
    for change in changes:
        changed = split_actions(scaffold_pack, artefact | {change.field: change.value})
        verdict = verifier.verify(scenario, changed)
        assert change.broken == {v.rule_id for v in verdict.violations}  # the expert breaks nothing here
        assert change.hard == {v.rule_id for v in verdict.violations if v.severity == "hard"}
        assert change.dearer == (soft_cost(verdict) > 0)


def test_every_other_value_of_every_field_is_tried_once(scaffold_pack: Pack) -> None:
    verifier = Verifier(scaffold_pack)
    [(_, artefact)] = solutions = solved(verifier, GUSTY)
    [changes] = changes_of(verifier, solutions)
    expected = [(n, v) for n, values in domains_of(scaffold_pack).items() for v in values if v != artefact[n]]
    assert [(c.field, c.value) for c in changes] == expected


def test_fields_weigh_the_same_however_many_values_they_have(scaffold_pack: Pack) -> None:
    verifier = Verifier(scaffold_pack)
    [changes] = changes_of(verifier, solved(verifier, GUSTY))
    for name in domains_of(scaffold_pack):
        assert sum(c.weight for c in changes if c.field == name) == pytest.approx(1 / 6)
