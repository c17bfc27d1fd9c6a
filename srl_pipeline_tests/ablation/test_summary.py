"""From cells to rows, comparisons and words; nothing is called better that was not measured so."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from srl_pipeline.ablation.plan import ARMS, Arm
from srl_pipeline.ablation.results import Cell, Start, Trial
from srl_pipeline.ablation.run import Measured, Skipped
from srl_pipeline.ablation.summary import AblationResults, Comparison, Row, summarise
from srl_pipeline.config import override
from srl_pipeline.presets import preset

from .cases import PLAN, answers, attempt, calibration, cell, cost, rates


def results(*cells: Cell, seeds: int = 1, skipped: Sequence[Skipped] = ()) -> AblationResults:
    measured = Measured(
        starts=[Start(plan=PLAN.digest, seed=1, warmup=cost("warmup"))],
        calibrations=[calibration(rates(0, 0, 1), rates(0, 2))],
        cells=list(cells),
        skipped=list(skipped),
    )
    config = override(preset("smoke"), {"ablation.token_budget": 1000})
    return summarise(PLAN, measured, config, seeds=seeds, steps=5)


def row(found: AblationResults, arm: Arm) -> Row:
    [one] = [r for r in found.rows if r.arm == arm]
    return one


def compared(found: AblationResults, after: Arm, before: Arm, measure: str = "greedy") -> Comparison:
    [one] = [c for c in found.comparisons if (c.after, c.before, c.measure) == (after, before, measure)]
    return one


def test_a_row_holds_what_was_solved_and_what_it_cost() -> None:
    found = row(results(cell("srl", [True, False, False, True])), "srl")
    assert (found.greedy.value, found.sampled.value, found.steps.value) == (0.5, 0.5, 3.5)
    assert (found.generated_tokens, found.trained_tokens, found.updates, found.seconds) == (600, 500, 3, 7.0)
    assert (found.seeds, found.scenarios) == (1, 4)


def test_costs_are_summed_over_stages_and_averaged_over_seeds() -> None:
    both = [cost("srl"), cost("rlvr", generated_tokens=100)]
    cells = [cell("srl_rlvr", [True], stages=both), cell("srl_rlvr", [True], seed=2)]
    assert row(results(*cells, seeds=2), "srl_rlvr").generated_tokens == (700 + 600) / 2


def test_exactness_counts_only_scenarios_that_have_an_expert() -> None:
    trial = Trial(answers=[answers("s0", True, [True]), answers("s1", True, [True])], seconds=1.0)
    without = trial.answers[1].model_copy(update={"greedy": attempt(True, exact=None), "sampled": []})
    found = row(results(cell("sft", [], trial=Trial(answers=[trial.answers[0], without], seconds=1.0))), "sft")
    assert (found.exact_greedy.n, found.exact_greedy.value, found.greedy.n) == (1, 1.0, 2)


def test_srl_then_rlvr_and_srl_are_compared_with_every_other_arm_once() -> None:
    found = results(*(cell(arm, [True, False]) for arm in ARMS))
    pairs = [(c.after, c.before) for c in found.comparisons if c.measure == "greedy"]
    assert pairs == [("srl_rlvr", a) for a in ARMS if a != "srl_rlvr"] + [
        ("srl", a) for a in ARMS if a not in ("srl", "srl_rlvr")
    ]


def test_an_arm_that_was_not_asked_for_is_not_compared() -> None:
    found = results(cell("base", [False]), cell("srl", [True]))
    assert {(c.after, c.before) for c in found.comparisons} == {("srl", "base")}


@pytest.mark.parametrize(
    ("before", "after", "word"),
    [
        ([False] * 12, [True] * 8 + [False] * 4, "improved"),
        ([True] * 8 + [False] * 4, [False] * 12, "got worse"),
        ([False] * 12, [True] * 3 + [False] * 9, "undecided"),
        ([False] * 12, [False] * 12, "undecided"),
    ],
)
def test_the_word_is_that_of_test_and_interval(before: list[bool], after: list[bool], word: str) -> None:
    assert compared(results(cell("sft", before), cell("srl", after)), "srl", "sft").word == word


def test_with_several_seeds_few_scenarios_decide_nothing_however_often_they_were_tried() -> None:
    cells = [cell(arm, [arm == "srl"] * 3, seed=seed) for arm in ("sft", "srl") for seed in (1, 2, 3, 4)]
    found = compared(results(*cells, seeds=4), "srl", "sft")
    assert found.word == "undecided" and found.change.difference.value == 1.0


def test_several_seeds_and_enough_scenarios_can_decide() -> None:
    solved = {1: [True] * 9 + [False] * 3, 2: [True] * 10 + [False] * 2}
    cells = [cell("sft", [False] * 12, seed=seed) for seed in solved]
    cells += [cell("srl", outcome, seed=seed) for seed, outcome in solved.items()]
    assert compared(results(*cells, seeds=2), "srl", "sft").word == "improved"


def test_progress_in_steps_is_seen_where_nothing_is_solved() -> None:
    def trial(steps: int) -> Trial:
        given = [attempt(False, steps_ok=steps + i % 2) for i in range(10)]
        return Trial(
            answers=[answers(f"s{i}", False, []).model_copy(update={"sampled": [one]}) for i, one in enumerate(given)],
            seconds=1.0,
        )

    found = results(
        cell("sft", [], trial=trial(1)),
        cell("srl", [], trial=Trial(answers=trial(3).answers[:5] + trial(2).answers[5:], seconds=1.0)),
    )
    assert compared(found, "srl", "sft", "steps").word == "improved"
    assert compared(found, "srl", "sft", "sampled").word == "undecided"


def test_regimes_and_calibrations_are_told_with_their_counts() -> None:
    found = results(cell("srl", [True], regime="easy"))
    assert found.regimes == ["easy"]
    [told] = found.calibrations
    assert told.train == {"measured": 3, "hard": 2, "easy": 1}
    assert told.held_out == {"measured": 2, "hard": 1, "easy": 1} and told.pass_rate == 0.5


def test_what_a_stage_said_is_told_with_its_seed() -> None:
    noted = cell("rlvr", [False], seed=2, stages=[cost("rlvr", note="No weight was changed.")])
    assert row(results(noted), "rlvr").notes == ["seed 2, rlvr: No weight was changed."]
