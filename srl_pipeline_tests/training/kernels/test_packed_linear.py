from __future__ import annotations

import copy

import pytest
import torch
from torch.nn import functional

from srl_pipeline.training.kernels.packed_linear import MAX_ROWS, _Forward, _supported, pack_linears
from srl_pipeline.training.kernels.weight_copies import copies_held

packs = pytest.mark.skipif(not _supported(), reason="this CPU multiplies no bfloat16 natively")


def layer(dtype: torch.dtype = torch.bfloat16, bias: bool = False) -> torch.nn.Linear:
    torch.manual_seed(2)
    made = torch.nn.Linear(96, 160, bias=bias, dtype=dtype).requires_grad_(False)
    assert pack_linears(torch.nn.Sequential(made)) == 1
    return made


def rows(count: int, dtype: torch.dtype = torch.bfloat16) -> torch.Tensor:
    return torch.randn(count, 96, generator=torch.Generator().manual_seed(count)).to(dtype)


def packed(linear: torch.nn.Linear) -> bool:
    return vars(linear)["forward"]._packed is not None


@packs
@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("count", [1, 16, 64, 100])
def test_the_packed_product_is_the_plain_one(count: int, bias: bool) -> None:
    linear, x = layer(bias=bias), rows(count)
    with torch.no_grad():
        found = linear(x)
    assert packed(linear)
    torch.testing.assert_close(found, functional.linear(x, linear.weight, linear.bias), rtol=0.01, atol=0.01)


@packs
def test_a_frozen_weight_that_changes_is_packed_again() -> None:
    linear, x = layer(), rows(8)
    with torch.no_grad():
        before = linear(x)
        linear.weight.mul_(2)
        torch.testing.assert_close(linear(x), before * 2)


@packs
def test_a_weight_that_is_trained_is_packed_only_while_copies_are_held() -> None:
    linear, x = layer().requires_grad_(), rows(8)
    optimizer = torch.optim.AdamW([linear.weight], lr=0.5, fused=True)  # changes weights without counting it
    model = torch.nn.Sequential(linear)
    with torch.no_grad(), copies_held(model):
        linear(x)
        assert packed(linear)
    assert not packed(linear)
    linear.weight.grad = torch.ones_like(linear.weight)
    optimizer.step()
    with torch.no_grad(), copies_held(model):
        torch.testing.assert_close(linear(x), functional.linear(x, linear.weight), rtol=0.01, atol=0.05)
    with torch.no_grad():
        linear(x)
    assert not packed(linear)


@packs
def test_many_rows_are_computed_plainly() -> None:
    linear = layer()
    with torch.no_grad():
        linear(rows(MAX_ROWS + 1))
    assert not packed(linear)


def test_other_number_formats_are_computed_plainly() -> None:
    linear, x = layer(torch.float32), rows(4, torch.float32)
    with torch.no_grad():
        assert torch.equal(linear(x), functional.linear(x, linear.weight)) and not packed(linear)


def test_a_gradient_flows_as_ever() -> None:
    linear, x = layer().requires_grad_(), rows(4).requires_grad_()
    linear(x).sum().backward()
    assert x.grad is not None and linear.weight.grad is not None and not packed(linear)


@packs
def test_a_copied_layer_has_weights_of_its_own() -> None:
    linear, x = layer(), rows(4)
    with torch.no_grad():
        before = linear(x)
        other = copy.deepcopy(linear)
        other.weight.zero_()
        assert float(other(x).abs().max()) == 0 and torch.equal(linear(x), before)


def test_packing_twice_changes_nothing() -> None:
    linear = layer()
    forward = vars(linear)["forward"]
    pack_linears(linear)
    assert vars(linear)["forward"] is forward and isinstance(forward, _Forward)
