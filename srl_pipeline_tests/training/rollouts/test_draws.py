"""Which prompts are drawn where steps are drawn by how often they fail."""

from __future__ import annotations

from collections import Counter

import pytest

from srl_pipeline.training.environment.groups import GroupSignal, Score
from srl_pipeline.training.environment.prompts import Prompt
from srl_pipeline.training.rollouts.collector import Counts, Group
from srl_pipeline.training.rollouts.draws import LEAST, NEWEST, Draws

from ..world import SCENARIO

STEPS = 4


def prompts(trajectories: int = 6) -> list[Prompt]:
    return [
        Prompt(f"t{t}:{step}", [0], SCENARIO, step, [], [], f"t{t}")
        for t in range(trajectories)
        for step in range(STEPS)
    ]


def group(prompt: Prompt, failing: int, *, kept: bool = True) -> Group:
    """Eight answers, of which so many break a rule."""
    scores = [Score(0.5, well_formed=True, correct=False, valid=i >= failing) for i in range(8)]
    return Group(prompt, [], scores, GroupSignal([0.0] * 8, kept, 0.1))


def taught(counts: Counts, draws: Draws, batches: int, *, kept: bool = True) -> Counter[int | None]:
    """Batches of eight prompts in which step 1 alone fails; what was drawn in the second half."""
    drawn: Counter[int | None] = Counter()
    for batch in range(batches):
        found = draws.next(counts, 8)
        draws.learn(counts, [group(p, 7 if p.step == 1 else 0, kept=kept) for p in found])
        if batch >= batches // 2:
            drawn.update(p.step for p in found)
    return drawn


def test_the_step_that_fails_is_drawn_most_and_none_is_forgotten() -> None:
    drawn = taught(Counts(), Draws(prompts(), "failing", 3), 60)
    assert drawn[1] / drawn.total() == pytest.approx(7 / 8 / (7 / 8 + 3 * LEAST), abs=0.08)
    assert set(drawn) == set(range(STEPS))


def test_before_anything_was_learned_all_steps_are_drawn_alike() -> None:
    drawn = Counter(p.step for p in Draws(prompts(), "failing", 3).next(Counts(), 4000))
    assert all(count == pytest.approx(1000, rel=0.1) for count in drawn.values())


def test_a_step_whose_groups_carry_no_signal_is_worth_nothing_however_it_fails() -> None:
    counts = Counts()
    drawn = taught(counts, Draws(prompts(), "failing", 3), 60, kept=False)
    assert all(worth < LEAST for worth in counts.worth.values())
    assert drawn[1] == pytest.approx(drawn.total() / STEPS, rel=0.4)


def test_the_newest_group_moves_the_worth_of_its_step_by_its_share_of_failing_answers() -> None:
    counts = Counts()
    draws = Draws(prompts(), "failing", 3)
    draws.learn(counts, [group(prompts()[2], 2)])
    assert counts.worth == {"2": pytest.approx(1 - NEWEST + NEWEST * 2 / 8)}


def test_every_prompt_of_a_step_comes_once_before_any_comes_again() -> None:
    found = Draws(prompts(), "failing", 3).next(Counts(), 300)
    of_one = [p.key for p in found if p.step == 1]
    assert all(len(set(of_one[i : i + 6])) == 6 for i in range(0, len(of_one) - 5, 6))


def test_a_dumped_state_goes_on_with_the_same_prompts() -> None:
    whole, counts = Draws(prompts(), "failing", 3), Counts()
    taught(counts, whole, 3)
    again = Counts(**counts.dump())
    assert taught(again, Draws(prompts(), "failing", 3), 4) == taught(counts, whole, 4)
    assert again == counts


def test_drawn_in_turn_nothing_is_learned() -> None:
    counts, draws = Counts(), Draws(prompts(), "steps", 3)
    draws.learn(counts, [group(p, 8) for p in draws.next(counts, 8)])
    assert (counts.worth, counts.drawn, counts.cursor) == ({}, {}, 8)
