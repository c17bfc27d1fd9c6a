from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from srl_pipeline.config import PolicyConfig
from srl_pipeline.training.environment.groups import GroupSignal, Score
from srl_pipeline.training.environment.prompts import Prompt
from srl_pipeline.training.rollouts.collector import Collector, Counts
from srl_pipeline.training.rollouts.sampling import Completion
from srl_pipeline.training.rollouts.token_budget import next_batch

from ..world import SCENARIO, policy_config


class ScriptedSampler:
    """Completions that name their prompt; remembers what it was asked. Named double of `Sampler`."""

    def __init__(self) -> None:
        self.calls: list[tuple[list[int], int, float]] = []

    def sample(
        self,
        prompts: Sequence[Sequence[int]],
        *,
        per_prompt: int,
        max_tokens: int,
        temperature: float,
        seed: int,
        stop: Callable[[str], bool],
        first: int = 0,
    ) -> list[list[Completion]]:
        self.calls.append(([ids[0] for ids in prompts], seed, temperature))
        return [
            [Completion([ids[0]] * (1 + row % 3), f"{ids[0]} {row}", True, []) for row in range(per_prompt)]
            for ids in prompts
        ]


class ScriptedTask:
    """Decides by the prompt's number which groups carry signal."""

    def __init__(self, carries: Callable[[int], bool]) -> None:
        self._carries = carries

    def stop(self, text: str) -> bool:
        return True

    def score(self, prompt: Prompt, text: str) -> Score:
        number, row = map(int, text.split())
        return Score(float(row) if self._carries(number) else 0.5, well_formed=True, correct=number == 0)

    def signal(self, scores: Sequence[Score]) -> GroupSignal:
        return GroupSignal([s.reward for s in scores], len({s.reward for s in scores}) > 1, 0.0)


def numbered(count: int) -> list[Prompt]:
    return [Prompt(f"k{i}", [i], SCENARIO, None, [], []) for i in range(count)]


def collector(carries: Callable[[int], bool], count: int = 10, **config: Any) -> tuple[Collector, Any]:
    settings: PolicyConfig = policy_config(**({"prompts_per_step": 4, "max_resamples": 3} | config))
    return Collector(numbered(count), ScriptedTask(carries), settings, seed=5), ScriptedSampler()


def keys(groups: Sequence[Any]) -> list[str]:
    return [g.prompt.key for g in groups]


def test_a_batch_is_filled_at_once_when_every_group_carries_signal() -> None:
    found, sampler = collector(lambda _: True)
    batch = found.collect(sampler, 0)
    assert (len(batch.kept), len(batch.sampled), batch.attempts, len(sampler.calls)) == (4, 4, 1, 1)


def test_lacking_groups_are_refilled_from_the_next_prompts() -> None:
    found, sampler = collector(lambda n: n % 2 == 0)
    batch = found.collect(sampler, 0)
    assert len(batch.kept) == 4 and batch.attempts > 1
    assert all(int(key[1:]) % 2 == 0 for key in keys(batch.kept))


def test_each_refill_asks_for_exactly_what_lacks() -> None:
    found, sampler = collector(lambda n: n % 2 == 0, max_resamples=10)
    found.collect(sampler, 0)
    lacking = 4
    for asked, *_ in sampler.calls:
        assert len(asked) == lacking
        lacking -= sum(n % 2 == 0 for n in asked)
    assert lacking == 0


@pytest.mark.parametrize("resamples", [0, 1, 3])
def test_refilling_is_bounded(resamples: int) -> None:
    found, sampler = collector(lambda _: False, max_resamples=resamples)
    batch = found.collect(sampler, 0)
    assert batch.kept == [] and batch.attempts == resamples + 1 == len(sampler.calls)


def test_every_attempt_has_a_seed_of_its_own() -> None:
    found, sampler = collector(lambda _: False)
    found.collect(sampler, 0)
    found.collect(sampler, 1)
    assert len({seed for _, seed, _ in sampler.calls}) == len(sampler.calls) == 8


def test_every_prompt_is_visited_once_an_epoch() -> None:
    found, sampler = collector(lambda _: True, prompts_per_step=5)
    visits = [keys(found.collect(sampler, step).kept) for step in range(6)]
    epochs = [visits[0] + visits[1], visits[2] + visits[3], visits[4] + visits[5]]
    assert all(Counter(epoch) == Counter(p.key for p in numbered(10)) for epoch in epochs)


def test_epochs_have_orders_of_their_own() -> None:
    found, sampler = collector(lambda _: True, prompts_per_step=10)
    orders = [tuple(keys(found.collect(sampler, step).kept)) for step in range(3)]
    assert len(set(orders)) == 3


def test_counts_say_what_was_sampled_kept_and_generated() -> None:
    found, sampler = collector(lambda n: n % 2 == 0, max_resamples=0)
    batch = found.collect(sampler, 0)
    kept, sampled = len(batch.kept), len(batch.sampled)
    tokens = 1 + 2 + 3 + 1  # of one group of four rollouts
    assert 0 < kept < sampled
    assert found.counts == Counts(
        cursor=sampled,
        sampled=sampled,
        kept=kept,
        generated_tokens=sampled * tokens,
        trained_tokens=kept * tokens,
        updates=1,
    )


def test_idle_steps_are_counted_in_a_row() -> None:
    carries = {"now": False}
    found, sampler = collector(lambda _: carries["now"], max_resamples=0)
    found.collect(sampler, 0)
    found.collect(sampler, 1)
    assert (found.counts.idle, found.counts.updates) == (2, 0)
    carries["now"] = True
    found.collect(sampler, 2)
    assert (found.counts.idle, found.counts.updates) == (0, 1)


def test_a_dumped_state_goes_on_exactly() -> None:
    whole, sampler = collector(lambda n: n % 3 > 0)
    expected = [keys(whole.collect(sampler, step).sampled) for step in range(5)]
    first, first_sampler = collector(lambda n: n % 3 > 0)
    found = [keys(first.collect(first_sampler, step).sampled) for step in range(2)]
    second, second_sampler = collector(lambda n: n % 3 > 0)
    second.counts = Counts(**first.counts.dump())
    found += [keys(second.collect(second_sampler, step).sampled) for step in range(2, 5)]
    assert found == expected and second.counts == whole.counts
    assert first_sampler.calls + second_sampler.calls == sampler.calls


def test_prompts_that_ever_gave_a_gradient_are_remembered() -> None:
    found, sampler = collector(lambda n: n in (3, 7), prompts_per_step=5, max_resamples=1)
    found.collect(sampler, 0)
    found.collect(sampler, 1)
    assert found.productive == {"k3", "k7"}


def test_validation_answers_are_greedy_and_moves_no_cursor() -> None:
    found, sampler = collector(lambda _: True)
    groups = found.greedy(sampler, numbered(4))
    assert [g.scores[0].correct for g in groups].count(True) == 1 and not any(g.signal.kept for g in groups)
    assert sampler.calls == [([0, 1, 2, 3], 0, 0.0)] and found.counts == Counts()


def steps(trajectories: int, each: int) -> list[Prompt]:
    return [
        Prompt(f"k{each * t + k}", [each * t + k], SCENARIO, k, [], [], f"t{t}")
        for t in range(trajectories)
        for k in range(each)
    ]


def drawing(prompts: list[Prompt], **settings: Any) -> tuple[Collector, ScriptedSampler]:
    config = policy_config(draw="trajectories", **settings)
    return Collector(prompts, ScriptedTask(lambda n: n % 3 > 0), config, seed=3), ScriptedSampler()


def test_whole_trajectories_are_drawn_together_until_the_batch_is_full() -> None:
    found, sampler = drawing(steps(4, 3), prompts_per_step=4, max_resamples=0)
    batch = found.collect(sampler, 0)  # type: ignore[arg-type]
    families = [g.prompt.family for g in batch.sampled]
    assert len(families) == 6 and families[:3] == [families[0]] * 3 and families[3:] == [families[3]] * 3
    assert len(batch.kept) == 4  # the first step of each carries nothing


def test_a_refill_draws_whole_trajectories_too() -> None:
    found, sampler = drawing(steps(6, 3), prompts_per_step=5, max_resamples=3)
    batch = found.collect(sampler, 0)  # type: ignore[arg-type]
    assert len(batch.kept) == 6 and batch.attempts == 2 and len(batch.sampled) == 9


def test_every_trajectory_comes_once_before_any_comes_again() -> None:
    found, sampler = drawing(steps(5, 2), prompts_per_step=2, max_resamples=0)
    drawn = [g.prompt.family for step in range(5) for g in found.collect(sampler, step).sampled]  # type: ignore[arg-type]
    assert sorted(drawn) == sorted([f"t{i}" for i in range(5)] * 2) and found.counts.cursor == 5


def test_the_last_batches_are_cut_to_what_a_token_budget_pays_for() -> None:
    budget = 150
    found, sampler = collector(lambda _: True, token_budget=budget, max_resamples=0)
    price = sum(1 + row % 3 for row in range(found._config.rollouts)) * 2  # generated, and trained once
    sizes: list[int] = []
    while next_batch(found.counts, budget, 4):
        sizes.append(len(found.collect(sampler, len(sizes)).sampled))
    assert sizes[0] == 4 and min(sizes) < 4 and sum(sizes) == round(budget / price)
    assert abs(found.counts.tokens - budget) <= price / 2


def test_a_refill_ends_where_the_token_budget_does() -> None:
    free, sampler = collector(lambda _: False)
    free.collect(sampler, 0)
    bound, sampler = collector(lambda _: False, token_budget=free.counts.tokens // 2)
    bound.collect(sampler, 0)
    assert (free.counts.sampled, bound.counts.sampled) == (16, 8)
