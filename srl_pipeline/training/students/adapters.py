"""LoRA adapters: make, load, compare. Always safetensors in the PEFT layout."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig, PeftModel, get_peft_model, get_peft_model_state_dict
from pydantic import ValidationError
from safetensors import SafetensorError
from safetensors.torch import load_file

from srl_pipeline.canonical import pretty
from srl_pipeline.config import StudentConfig
from srl_pipeline.contracts import Record
from srl_pipeline.errors import TrainingError
from srl_pipeline.training.kernels.fused_lora import fuse_lora
from srl_pipeline.training.optimization.trainer import START
from srl_pipeline.training.students.student import Student, student_identity

WEIGHTS = "adapter_model.safetensors"
STUDENT = "student.json"


class Trained(Record):
    """Which student an adapter was trained on; lies beside its weights."""

    name: str
    identity: str


def write_student(folder: Path, student: Student) -> None:
    """Write down beside an adapter which student it belongs to."""
    made_for = Trained(name=student.folder.name, identity=student_identity(student.folder))
    (folder / STUDENT).write_text(pretty(made_for.model_dump()), encoding="utf-8")


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
    model.set_adapter("default")
    for name, parameter in model.named_parameters():
        parameter.requires_grad_("lora_" in name and ".default." in name)
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
    """Refuse an adapter that was made for another base model, or for one of this name with other weights."""
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
    record = folder / STUDENT
    if not record.is_file():  # an adapter from elsewhere
        return
    try:
        made_for = Trained.model_validate_json(record.read_bytes())
    except ValidationError as error:
        raise TrainingError(
            f"The record of the adapter's student is not readable: {error.errors()[0]['msg']}.",
            where=str(record),
            mend="Materialize the stage that made the adapter again.",
        ) from error
    if made_for.identity != student_identity(student.folder):
        raise TrainingError(
            f"The weights or the configuration of student {student.folder.name!r} are not those that the adapter was "
            "trained on.",
            where=str(student.folder),
            mend="Restore the student's folder, or give the changed student a folder of another name and train again.",
        )


def reload_problem(folder: Path, model: Any) -> str:
    """Why the adapter saved in ``folder`` would not load into ``model``'s policy; empty when it would."""
    try:
        saved = load_file(folder / WEIGHTS)
    except (OSError, SafetensorError) as error:
        return f"{WEIGHTS} does not load: {error}"
    policy = get_peft_model_state_dict(model, adapter_name="default")
    if odd := sorted(saved.keys() ^ policy.keys()):
        return f"{len(odd)} tensors are missing or foreign, e.g. {odd[0]}"
    if odd := [name for name, tensor in saved.items() if tensor.shape != policy[name].shape]:
        return f"{len(odd)} tensors have another shape, e.g. {odd[0]}"
    odd = [name for name, tensor in saved.items() if not bool(torch.isfinite(tensor).all())]
    return f"{len(odd)} tensors are not finite, e.g. {odd[0]}" if odd else ""


def difference(left: Path, right: Path | None) -> float:
    """Largest absolute difference between two saved adapters; against None, the largest |B| (a new one has B = 0)."""
    a = load_file(left / WEIGHTS)
    if right is None:
        return max(float(t.abs().max()) for name, t in a.items() if "lora_B" in name)
    b = load_file(right / WEIGHTS)
    return max(float((a[name].float() - b[name].float()).abs().max()) for name in a)
