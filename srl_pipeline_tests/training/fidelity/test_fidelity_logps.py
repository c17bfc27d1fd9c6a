"""Log-probabilities over a shared prefix are those of an ordinary pass, in value and gradient."""

from __future__ import annotations

import random
from typing import Any

import pytest
import torch

from srl_pipeline.training.kernels.shared_prefix import TokenGroup, completion_logps
from srl_pipeline.training.students.policy_weights import trainable
from srl_pipeline.training.students.student import Student

from ..world import FULL, adapted, double_copy, load, plain_logps, random_ids

SHAPES = {
    "several groups": [(17, (5, 1, 9)), (3, (2,)), (40, (12, 12, 3, 7))],
    "prompts of 200, completions of 48": [(200, (48, 48, 31, 48))],
}


def some_groups(student: Student, shapes: list[tuple[int, tuple[int, ...]]]) -> list[TokenGroup]:
    rng, words = random.Random(3), len(student.tokenizer)
    return [(random_ids(rng, p, words), [random_ids(rng, n, words) for n in lengths]) for p, lengths in shapes]


def nested_groups(student: Student) -> list[TokenGroup]:
    """Prompts that begin one another, as the steps of one trajectory do."""
    rng, words = random.Random(3), len(student.tokenizer)
    whole = random_ids(rng, 60, words)
    return [(whole[:n], [random_ids(rng, k, words) for k in (4, 9, 6)]) for n in (20, 41, 60)]


def weighted(logps: list[torch.Tensor]) -> torch.Tensor:
    generator = torch.Generator().manual_seed(4)
    return torch.stack([(x * torch.randn(len(x), generator=generator).to(x.dtype)).sum() for x in logps]).sum()


def flat_gradient(loss: torch.Tensor, model: Any) -> torch.Tensor:
    wanted = [p for p in model.parameters() if p.requires_grad]
    return torch.cat([g.flatten().double() for g in torch.autograd.grad(loss, wanted)])


@pytest.mark.parametrize("tuning", ["lora", "full"])
@pytest.mark.parametrize("temperature", [1.0, 0.7])
@pytest.mark.parametrize("shape", [*SHAPES, "nested prompts"])
def test_values_and_gradients_are_those_of_an_ordinary_pass_in_float64(
    student: Student, shape: str, temperature: float, tuning: str
) -> None:
    model = adapted(student, shaken=0.1) if tuning == "lora" else trainable(load(student.folder), FULL, None, 1)
    groups = nested_groups(student) if shape == "nested prompts" else some_groups(student, SHAPES[shape])
    exact = double_copy(model)
    found = completion_logps(model, groups, temperature=temperature)
    expected = [plain_logps(exact, p, c, temperature)[0] for p, completions in groups for c in completions]
    assert [len(x) for x in found] == [len(x) for x in expected]
    for a, b in zip(found, expected, strict=True):
        torch.testing.assert_close(a.double(), b, atol=1e-5, rtol=2e-6)
    ours, plain = flat_gradient(weighted(found), model), flat_gradient(weighted(expected), exact)
    assert float((ours - plain).norm() / plain.norm()) < 1e-5 and float(plain.norm()) > 0.1
