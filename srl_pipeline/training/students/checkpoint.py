"""A folder of trained weights: what it was trained for, and whether it would load.

Beside the weights lies ``student.json``: the student's name and content hash, and the version of the transcript grammar
that the weights were taught. A folder without that record is from elsewhere (a public adapter, say): it is taken as it
is, and nothing vouches for its grammar.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch
from pydantic import ValidationError
from safetensors import SafetensorError
from safetensors.torch import load_file

from srl_pipeline.canonical import pretty
from srl_pipeline.contracts import Record
from srl_pipeline.errors import TrainingError
from srl_pipeline.training.environment.transcript import GRAMMAR_VERSION
from srl_pipeline.training.students.student import Student, student_identity

STUDENT = "student.json"


class Trained(Record):
    """Which student the weights were trained on, and in which grammar it answers."""

    name: str
    identity: str
    grammar: int


def write_record(folder: Path, student: Student) -> None:
    """Write down beside trained weights what they belong to."""
    made_for = Trained(name=student.folder.name, identity=student_identity(student.folder), grammar=GRAMMAR_VERSION)
    (folder / STUDENT).write_text(pretty(made_for.model_dump()), encoding="utf-8")


def check_record(folder: Path, student: Student) -> None:
    """Refuse weights of another student, or of another transcript grammar; raises TrainingError."""
    record = folder / STUDENT
    if not record.is_file():  # from elsewhere
        return
    try:
        made_for = Trained.model_validate_json(record.read_bytes())
    except ValidationError as error:
        first = error.errors()[0]
        raise TrainingError(
            f"The record of what the weights were trained for is not readable: "
            f"{'.'.join(map(str, first['loc'])) or 'the file'}: {first['msg']}.",
            where=str(record),
            mend="Materialize the stage that made the weights again.",
        ) from error
    if made_for.grammar != GRAMMAR_VERSION:
        raise TrainingError(
            f"The weights were trained on transcript grammar {made_for.grammar}; this version of the code writes and "
            f"reads grammar {GRAMMAR_VERSION}.",
            where=str(record),
            mend="Materialize the stage that made the weights again, or use the release that they were trained with.",
        )
    if made_for.identity != student_identity(student.folder):
        raise TrainingError(
            f"Weights, configuration or tokenizer of student {student.folder.name!r} are not those that this was "
            f"trained on ({made_for.name!r}).",
            where=str(student.folder),
            mend="Restore the student's folder, or give the changed student a folder of another name and train again.",
        )


def reload_problem(file: Path, policy: Mapping[str, torch.Tensor], may_lack: frozenset[str] = frozenset()) -> str:
    """Why the saved tensors of ``file`` would not load into ``policy``; empty when they would.

    ``may_lack``: names that need not be saved, for they share the memory of another one.
    """
    try:
        saved = load_file(file)
    except (OSError, SafetensorError) as error:
        return f"{file.name} does not load: {error}"
    if odd := sorted((saved.keys() ^ policy.keys()) - may_lack):
        return f"{len(odd)} tensors are missing or foreign, e.g. {odd[0]}"
    if odd := [name for name, tensor in saved.items() if tensor.shape != policy[name].shape]:
        return f"{len(odd)} tensors have another shape, e.g. {odd[0]}"
    odd = [name for name, tensor in saved.items() if not bool(torch.isfinite(tensor).all())]
    return f"{len(odd)} tensors are not finite, e.g. {odd[0]}" if odd else ""
