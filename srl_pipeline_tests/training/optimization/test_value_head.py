from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from srl_pipeline.errors import TrainingError
from srl_pipeline.training.optimization.value_head import VALUE_HEAD, ValueHead


def some_head(hidden: int = 5) -> ValueHead:
    head = ValueHead(hidden)
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in head.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator))
    return head


def test_a_new_head_values_every_state_at_zero() -> None:
    assert torch.equal(ValueHead(5)(torch.randn(3, 5)), torch.zeros(3))


def test_a_value_is_linear_in_the_state_and_float32_whatever_the_state_is() -> None:
    head, states = some_head(), torch.randn(3, 5).bfloat16()
    values = head(states)
    expected = [sum(w * x for w, x in zip(head.weight.tolist(), row, strict=True)) for row in states.float().tolist()]
    assert values.dtype == torch.float32
    assert values.tolist() == pytest.approx([v + float(head.bias.detach()) for v in expected], abs=1e-5)


def test_what_was_saved_loads_bit_for_bit(tmp_path: Path) -> None:
    saved, loaded = some_head(), ValueHead(5)
    saved.save(tmp_path)
    loaded.load(tmp_path)
    assert all(torch.equal(a, b) for a, b in zip(saved.parameters(), loaded.parameters(), strict=True))


@pytest.mark.parametrize("content", ["missing", "not safetensors", "another size", "another name"])
def test_a_head_that_does_not_load_is_an_error_with_its_place_and_a_remedy(tmp_path: Path, content: str) -> None:
    if content == "not safetensors":
        (tmp_path / VALUE_HEAD).write_bytes(b"\0" * 64)
    elif content == "another size":
        some_head(7).save(tmp_path)
    elif content == "another name":
        save_file({"w": torch.zeros(5)}, tmp_path / VALUE_HEAD)
    with pytest.raises(TrainingError, match=rf"{VALUE_HEAD}(.|\n)*mend"):
        ValueHead(5).load(tmp_path)
