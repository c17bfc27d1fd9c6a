from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest
import torch

from srl_pipeline.training.kernels.shared_prefix import TokenGroup, _pack, completion_logps, completion_states
from srl_pipeline.training.kernels.token_logps import CHUNK
from srl_pipeline.training.students.student import Student

from ..world import adapted, plain_logps, random_ids, unfused

Groups = list[TokenGroup]
SHAPES = [(17, [5, 1, 9]), (3, [2]), (40, [12, 12, 3, 7]), (1, [4, 6])]
TEMPERATURE = 0.7


def make_groups(student: Student, shapes: list[tuple[int, list[int]]] = SHAPES, seed: int = 1) -> Groups:
    rng = random.Random(seed)
    size = len(student.tokenizer)
    return [(random_ids(rng, n, size), [random_ids(rng, length, size) for length in lengths]) for n, lengths in shapes]


def nested_groups(student: Student, seed: int = 1) -> Groups:
    """The steps of two trajectories, mixed; one prompt comes twice, one stands alone."""
    rng, size = random.Random(seed), len(student.tokenizer)
    first, second = random_ids(rng, 30, size), random_ids(rng, 21, size)
    prompts = [first[:12], second[:9], first, random_ids(rng, 14, size), second, first[:12], first[:23]]
    lengths = [[5, 1, 9], [4, 4], [2, 7], [6], [3], [8, 2], [5, 5, 5]]
    return [
        (prompt, [random_ids(rng, length, size) for length in sizes])
        for prompt, sizes in zip(prompts, lengths, strict=True)
    ]


MAKERS = [make_groups, nested_groups]


def shared(model: Any, groups: Groups, temperature: float = TEMPERATURE) -> list[torch.Tensor]:
    return completion_logps(model, groups, temperature=temperature)


def plain(model: Any, groups: Groups, temperature: float = TEMPERATURE) -> list[tuple[torch.Tensor, torch.Tensor]]:
    return [plain_logps(model, prompt, c, temperature) for prompt, completions in groups for c in completions]


@pytest.mark.parametrize("make", MAKERS)
@pytest.mark.parametrize("temperature", [1.0, 0.7, 1.6])
def test_log_probabilities_equal_those_of_an_ordinary_forward_pass(
    student: Student, temperature: float, make: Callable[[Student], Groups]
) -> None:
    model, groups = adapted(student, shaken=0.1), make(student)
    found = shared(model, groups, temperature)
    expected = [logps for logps, _ in plain(unfused(model), groups, temperature)]
    assert len(found) == len(expected)
    for a, b in zip(found, expected, strict=True):
        torch.testing.assert_close(a, b, atol=1e-5, rtol=0)


@pytest.mark.parametrize(
    "make",
    [make_groups, lambda s: make_groups(s, [(5, [60] * 6)]), nested_groups],
    ids=["several groups", "more than one chunk", "nested prompts"],
)
def test_adapter_gradients_equal_those_of_the_ordinary_computation(
    student: Student, make: Callable[[Student], Groups]
) -> None:
    model, groups = adapted(student, shaken=0.1), make(student)
    stock = unfused(model)
    weights = [torch.randn(len(c), generator=torch.Generator().manual_seed(4)) for _, cs in groups for c in cs]

    def gradients(model: Any, logps: list[torch.Tensor]) -> torch.Tensor:
        parameters = [p for p in model.parameters() if p.requires_grad]
        loss = torch.stack([(a * w).sum() for a, w in zip(logps, weights, strict=True)]).sum()
        return torch.cat([g.flatten() for g in torch.autograd.grad(loss, parameters)])

    found = gradients(model, shared(model, groups))
    expected = gradients(stock, [logps for logps, _ in plain(stock, groups)])
    assert float((found - expected).norm() / expected.norm()) < 1e-5
    assert float(expected.norm()) > 0.1


def test_a_prompt_that_begins_another_is_not_computed_again(student: Student) -> None:
    groups = nested_groups(student)
    completions = sum(len(c) for _, cs in groups for c in cs)
    assert len(_pack(groups).ids) == 30 + 21 + 14 + completions


def test_the_states_returned_are_those_that_predict_the_tokens(student: Student) -> None:
    groups = nested_groups(student)
    head = student.model.get_output_embeddings()
    for (logps, states), c in zip(
        completion_states(student.model, groups, temperature=1.0), [c for _, cs in groups for c in cs], strict=True
    ):
        expected = torch.log_softmax(head(states), -1)[torch.arange(len(c)), torch.tensor(c)]
        torch.testing.assert_close(logps, expected, atol=1e-5, rtol=0)


def test_a_completion_does_not_see_the_others(student: Student) -> None:
    groups = make_groups(student)
    other: Groups = [(prompt, [first, *([7] * len(c) for c in rest)]) for prompt, (first, *rest) in groups]
    starts = [sum(len(cs) for _, cs in groups[:i]) for i in range(len(groups))]
    before, after = shared(student.model, groups), shared(student.model, other)
    for i in starts:
        torch.testing.assert_close(before[i], after[i], atol=1e-6, rtol=0)


def test_a_completion_sees_every_token_of_its_prompt(student: Student) -> None:
    (prompt, completions), *_ = make_groups(student)
    changed: list[int] = [(prompt[0] + 1) % len(student.tokenizer), *prompt[1:]]
    before, after = (shared(student.model, [(ids, completions)]) for ids in (prompt, changed))
    assert all(float((a - b).abs().max()) > 1e-4 for a, b in zip(before, after, strict=True))


def test_the_groups_beside_it_do_not_change_a_group(student: Student) -> None:
    groups = make_groups(student) + nested_groups(student)
    together, alone = shared(student.model, groups), [t for g in groups for t in shared(student.model, [g])]
    for a, b in zip(together, alone, strict=True):
        torch.testing.assert_close(a, b, atol=1e-5, rtol=0)


def test_more_positions_than_one_chunk_of_logits_are_scored_alike(student: Student) -> None:
    groups = make_groups(student, [(5, [60] * 6)], seed=2)
    assert sum(len(c) for _, cs in groups for c in cs) > CHUNK
    for a, (b, _) in zip(shared(student.model, groups), plain(student.model, groups), strict=True):
        torch.testing.assert_close(a, b, atol=1e-5, rtol=0)


def test_the_order_given_is_the_order_returned(student: Student) -> None:
    groups = nested_groups(student)
    assert [len(t) for t in shared(student.model, groups)] == [len(c) for _, cs in groups for c in cs]
