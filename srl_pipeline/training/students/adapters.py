"""LoRA adapters: make, load, compare. Always safetensors in the PEFT layout."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from peft import (
    LoraConfig,
    PeftModel,
    get_peft_model,
    get_peft_model_state_dict,
    load_peft_weights,
    set_peft_model_state_dict,
)
from safetensors.torch import load_file

from srl_pipeline.config import StudentConfig
from srl_pipeline.errors import TrainingError
from srl_pipeline.training.kernels.fused_lora import fuse_lora
from srl_pipeline.training.students import checkpoint
from srl_pipeline.training.students.student import Student

WEIGHTS = "adapter_model.safetensors"
START = "start"
"""Name of the frozen copy of the adapter that the stage began with; absent when it began with the base model."""


def with_adapter(student: Student, config: StudentConfig, start: Path | None, seed: int) -> Any:
    """The student with a trainable adapter: a new one, or a copy of ``start``.

    ``start`` also stays loaded, frozen, as reference.
    """
    torch.manual_seed(seed)
    if start is None:
        lora = LoraConfig(
            r=config.lora_rank,
            lora_alpha=config.lora_alpha,
            lora_dropout=0.0,
            target_modules=target_modules(student.model, config),
            task_type="CAUSAL_LM",
        )
        model = get_peft_model(student.model, lora)
        fuse_lora(model)
        return model
    check_adapter(start, student)
    model = PeftModel.from_pretrained(student.model, str(start), is_trainable=True)
    model.load_adapter(str(start), adapter_name=START, is_trainable=False)
    _activate_policy(model)
    fuse_lora(model)
    return model


def target_modules(model: Any, config: StudentConfig) -> str | list[str]:
    """Names of the modules that get adapters: all, or those of the upper layers; below, no backward pass is needed."""
    count = model.config.num_hidden_layers
    first = count - max(1, round(count * config.lora_layers))
    if first == 0:
        return config.lora_targets
    wanted = config.lora_targets
    names = [n for n, m in model.named_modules() if isinstance(m, torch.nn.Linear) and re.search(r"\.layers\.\d+\.", n)]
    return [
        n
        for n in names
        if int(re.search(r"\.layers\.(\d+)\.", n)[1]) >= first  # type: ignore[index]
        and (wanted == "all-linear" or n.rpartition(".")[2] in wanted)
    ]


def with_frozen_adapter(student: Student, adapter: Path) -> Any:
    """The student with an adapter for inference."""
    check_adapter(adapter, student)
    model = PeftModel.from_pretrained(student.model, str(adapter), is_trainable=False)
    fuse_lora(model)
    return model


def check_adapter(folder: Path, student: Student) -> None:
    """Refuse an adapter that was made for another base model, for other weights of it, or for another grammar."""
    from peft import PeftConfig

    if not (folder / WEIGHTS).is_file():
        raise TrainingError("There is no adapter.", where=str(folder), mend="Materialize the stage before this one.")
    base = PeftConfig.from_pretrained(str(folder)).base_model_name_or_path
    if base and Path(base).name != student.folder.name:
        raise TrainingError(
            f"The adapter belongs to base model {Path(base).name!r}; the student is {student.folder.name!r}.",
            where=str(folder),
            mend="Train it again for this student, or name the student that it was trained for.",
        )
    checkpoint.check_record(folder, student)


def save_adapter(model: Any, folder: Path) -> None:
    """Write the trained adapter; the frozen start is an input and is not written."""
    model.save_pretrained(str(folder), selected_adapters=["default"])


def restore_adapter(model: Any, folder: Path) -> None:
    """Put a saved adapter in the policy's place."""
    set_peft_model_state_dict(model, load_peft_weights(str(folder), device="cpu"), adapter_name="default")


@contextmanager
def adapter_at_start(model: Any) -> Iterator[Any]:
    """The model as the stage began: with the frozen adapter, or with no adapter at all."""
    if START not in model.peft_config:
        with model.disable_adapter():
            yield model
        return
    model.set_adapter(START)
    try:
        yield model
    finally:
        _activate_policy(model)


def reload_problem(folder: Path, model: Any) -> str:
    """Why the adapter saved in ``folder`` would not load into ``model``'s policy; empty when it would."""
    return checkpoint.reload_problem(folder / WEIGHTS, get_peft_model_state_dict(model, adapter_name="default"))


def difference(left: Path, right: Path | None) -> float:
    """Largest absolute difference between two saved adapters; against None, the largest |B| (a new one has B = 0)."""
    a = load_file(left / WEIGHTS)
    if right is None:
        return max(float(t.abs().max()) for name, t in a.items() if "lora_B" in name)
    b = load_file(right / WEIGHTS)
    return max(float((a[name].float() - b[name].float()).abs().max()) for name in a)


def _activate_policy(model: Any) -> None:
    model.set_adapter("default")
    for name, parameter in model.named_parameters():
        parameter.requires_grad_("lora_" in name and ".default." in name)
