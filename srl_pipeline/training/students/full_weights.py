"""Full fine-tuning: every weight of the student is trained, but for its input and output embeddings.

Those two matrices (one, where they are tied) stay frozen: the vocabulary projection never holds all logits and gives
no gradient for its matrix (`kernels.token_logps`). What is saved is a whole model in the Hugging Face layout.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from safetensors import safe_open
from safetensors.torch import load_file

from srl_pipeline.errors import TrainingError
from srl_pipeline.training.students import checkpoint
from srl_pipeline.training.students.student import Student

WEIGHTS = "model.safetensors"
_ONE_FILE = "1000GB"


class _Start:
    """The frozen model that a stage began with; loaded when it is first asked for. Not a part of the policy."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._model: Any = None

    def model_like(self, policy: Any) -> Any:
        if self._model is None:
            from transformers import AutoModelForCausalLM

            loaded: Any = AutoModelForCausalLM.from_pretrained(
                self._folder,
                dtype=policy.dtype,
                attn_implementation="sdpa",
                trust_remote_code=False,
                use_safetensors=True,
            )
            self._model = loaded.to(policy.device).eval().requires_grad_(False)
        return self._model


def with_all_weights(student: Student, start: Path | None) -> Any:
    """The student itself, trainable, with its own weights or with those of ``start``."""
    model = with_frozen_weights(student, start) if start else student.model
    model.srl_start = _Start(start or student.folder)
    model.requires_grad_(True)
    for embeddings in (model.get_input_embeddings(), model.get_output_embeddings()):
        embeddings.requires_grad_(False)
    return model


def with_frozen_weights(student: Student, folder: Path) -> Any:
    """The student with trained weights, for inference."""
    if not (folder / WEIGHTS).is_file():
        raise TrainingError(
            "There are no weights of a whole model.", where=str(folder), mend="Materialize the stage before this one."
        )
    checkpoint.check_record(folder, student)
    restore_weights(student.model, folder)
    return student.model


def save_weights(model: Any, tokenizer: Any, folder: Path) -> None:
    """Write model and tokenizer; `transformers` loads the folder as it is."""
    model.save_pretrained(str(folder), max_shard_size=_ONE_FILE)
    tokenizer.save_pretrained(str(folder))


def restore_weights(model: Any, folder: Path) -> None:
    """Put saved weights in the policy's place; raises TrainingError when they do not fit."""
    if problem := reload_problem(folder, model):
        raise TrainingError(
            f"The trained weights do not fit the student: {problem}.",
            where=str(folder / WEIGHTS),
            mend="Materialize the stage that made them again.",
        )
    model.load_state_dict(load_file(folder / WEIGHTS), strict=False)  # tied matrices are saved once


@contextmanager
def weights_at_start(model: Any) -> Iterator[Any]:
    """A second, frozen model with the weights that the stage began with."""
    yield model.srl_start.model_like(model)


def reload_problem(folder: Path, model: Any) -> str:
    """Why the weights saved in ``folder`` would not load into ``model``; empty when they would."""
    state = model.state_dict()
    saved_once = frozenset(state) - {name for name, _ in model.named_parameters()}
    return checkpoint.reload_problem(folder / WEIGHTS, state, may_lack=saved_once)


def difference(left: Path, right: Path) -> float:
    """Largest absolute difference between the weights of two folders, one tensor after another."""
    with ExitStack() as stack:
        ours = stack.enter_context(safe_open(left / WEIGHTS, framework="pt"))
        files = [stack.enter_context(safe_open(file, framework="pt")) for file in sorted(right.glob("*.safetensors"))]
        theirs = {name: file for file in files for name in file.keys()}  # noqa: SIM118 (not a dict)
        gaps = [
            float((ours.get_tensor(name).float() - theirs[name].get_tensor(name).float()).abs().max())
            for name in ours.keys()  # noqa: SIM118
            if name in theirs
        ]
    return max(gaps)
