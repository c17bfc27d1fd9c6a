"""The weights of a policy, whatever is tuned: an adapter, or the whole model. The only place that knows both."""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from peft import PeftModel

from srl_pipeline.config import StudentConfig
from srl_pipeline.errors import TrainingError
from srl_pipeline.training.students import adapters, full_weights
from srl_pipeline.training.students.checkpoint import write_record
from srl_pipeline.training.students.student import Student


def trainable(student: Student, config: StudentConfig, start: Path | None, seed: int) -> Any:
    """The student, trainable as ``config.tuning`` has it: from its own weights, or from the folder ``start``."""
    if config.tuning == "full":
        return full_weights.with_all_weights(student, start)
    return adapters.with_adapter(student, config, start, seed)


def load_trained(student: Student, folder: Path) -> Any:
    """The student with trained weights, for inference; ``folder`` tells what was tuned."""
    if weights_file(folder).name == adapters.WEIGHTS:
        return adapters.with_frozen_adapter(student, folder)
    return full_weights.with_frozen_weights(student, folder)


def weights_file(folder: Path) -> Path:
    """The file of trained weights in ``folder``; raises TrainingError when there is none."""
    for name in (adapters.WEIGHTS, full_weights.WEIGHTS):
        if (folder / name).is_file():
            return folder / name
    raise TrainingError(
        "There are no trained weights.", where=str(folder), mend="Materialize the stage that makes them."
    )


def save(model: Any, student: Student, folder: Path) -> None:
    """Write the trained weights, and what they belong to, to ``folder``."""
    if isinstance(model, PeftModel):
        adapters.save_adapter(model, folder)
    else:
        full_weights.save_weights(model, student.tokenizer, folder)
    write_record(folder, student)


def restore(model: Any, folder: Path) -> None:
    """Put saved weights in the policy's place."""
    if isinstance(model, PeftModel):
        adapters.restore_adapter(model, folder)
    else:
        full_weights.restore_weights(model, folder)


def at_start(model: Any) -> AbstractContextManager[Any]:
    """The model that the stage began with, for as long as the context lasts."""
    if isinstance(model, PeftModel):
        return adapters.adapter_at_start(model)
    return full_weights.weights_at_start(model)


def reload_problem(folder: Path, model: Any) -> str:
    """Why what is saved in ``folder`` would not load into ``model``'s policy; empty when it would."""
    own = adapters if isinstance(model, PeftModel) else full_weights
    return own.reload_problem(folder, model)


def difference(folder: Path, start: Path | None, student: Path) -> float:
    """Largest change of a weight since ``start``; since the student in its own folder when there was no start."""
    if weights_file(folder).name == adapters.WEIGHTS:
        return adapters.difference(folder, start)
    return full_weights.difference(folder, start or student)
