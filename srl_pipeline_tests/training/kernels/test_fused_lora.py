from __future__ import annotations

from pathlib import Path

import torch

from srl_pipeline.training.kernels.weight_copies import copies_held
from srl_pipeline.training.students.adapters import with_adapter
from srl_pipeline.training.students.student import Student

from ..world import LORA, adapted, load, trained, unfused

IDS = torch.tensor([[3, 1, 4, 1, 5, 9, 2, 6], [2, 7, 1, 8, 2, 8, 1, 8]])


def gradients(model: torch.nn.Module) -> dict[str, torch.Tensor]:
    model.zero_grad()
    model(input_ids=IDS, labels=IDS).loss.backward()
    return {n: p.grad.clone() for n, p in model.named_parameters() if p.grad is not None}


def test_logits_equal_those_of_peft(student: Student) -> None:
    model = adapted(student, shaken=0.2)
    with torch.no_grad():
        torch.testing.assert_close(
            model(input_ids=IDS).logits, unfused(model)(input_ids=IDS).logits, atol=1e-4, rtol=1e-5
        )


def test_gradients_equal_those_of_peft(student: Student) -> None:
    model = adapted(student, shaken=0.2)
    found, expected = gradients(model), gradients(unfused(model))
    assert found.keys() == expected.keys() == trained(model).keys()
    for name, gradient in expected.items():
        torch.testing.assert_close(found[name], gradient, atol=1e-5, rtol=1e-4)


def test_a_disabled_adapter_leaves_the_base_model(student: Student) -> None:
    model, base = adapted(student, shaken=0.2), load(student.folder).model
    with torch.no_grad(), model.disable_adapter():
        assert torch.equal(model(input_ids=IDS).logits, base(input_ids=IDS).logits)


def test_the_active_adapter_is_the_one_that_counts(student: Student, tmp_path: Path) -> None:
    adapted(load(student.folder), shaken=0.2).save_pretrained(str(tmp_path / "start"))
    model = with_adapter(student, LORA, tmp_path / "start", seed=1)
    with torch.no_grad():
        same = model(input_ids=IDS).logits
        model.set_adapter("start")
        assert torch.equal(model(input_ids=IDS).logits, same)
        model.set_adapter("default")
        for name, parameter in model.named_parameters():
            if ".default." in name:
                parameter.mul_(2)
        assert float((model(input_ids=IDS).logits - same).abs().max()) > 0.1


def test_an_update_is_seen_without_gradients_at_once(student: Student) -> None:
    model = adapted(student, shaken=0.2)
    with torch.no_grad():
        before = model(input_ids=IDS).logits
        for parameter in trained_parameters(model):
            parameter.mul_(1.5)
        after = model(input_ids=IDS).logits
        torch.testing.assert_close(after, unfused(model)(input_ids=IDS).logits, atol=1e-4, rtol=1e-5)
    assert float((after - before).abs().max()) > 0.01


def test_what_a_fused_optimizer_changes_is_seen_without_gradients_at_once(student: Student) -> None:
    """Fused optimizers change weights without counting it in their versions."""
    model = adapted(load(student.folder, "bfloat16"), shaken=0.2)
    optimizer = torch.optim.AdamW(trained_parameters(model), lr=0.5, fused=True)
    with torch.no_grad(), copies_held(model):
        before = model(input_ids=IDS).logits
    for parameter in trained_parameters(model):
        parameter.grad = torch.ones_like(parameter)
    optimizer.step()
    with torch.no_grad(), copies_held(model):
        after = model(input_ids=IDS).logits
        again = model(input_ids=IDS).logits
    with torch.no_grad():
        plain = model(input_ids=IDS).logits
    assert torch.equal(after, plain) and torch.equal(after, again) and not torch.equal(after, before)


def trained_parameters(model: torch.nn.Module) -> list[torch.nn.Parameter]:
    return [p for p in model.parameters() if p.requires_grad]
