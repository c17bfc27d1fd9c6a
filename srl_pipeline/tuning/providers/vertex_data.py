"""Training data as Vertex AI reads it: a JSON object a line, in the words of its own content records.

https://docs.cloud.google.com/vertex-ai/generative-ai/docs/models/gemini-supervised-tuning-prepare and, for preference,
.../gemini-preference-tuning-prepare (looked up 2026-11).
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from srl_pipeline.canonical import dumps
from srl_pipeline.contracts import Json
from srl_pipeline.teachers.calls.records import PermanentError
from srl_pipeline.tuning.records import DataFile, Method, Split, TuningExample

_SPLITS: tuple[Split, ...] = ("train", "validation")


def vertex_files(examples: Sequence[TuningExample], method: Method) -> list[DataFile]:
    """A file for each split that has examples; for preference those that have a rejected answer.

    Raises PermanentError where nothing is left to train on.
    """
    used = [e for e in examples if method != "preference" or e.rejected is not None]
    files = [_file(split, rows, method) for split in _SPLITS if (rows := [e for e in used if e.split == split])]
    if not files or files[0].split != "train":
        raise PermanentError("there is no example to train on", mend="Materialize tuning_dataset with more scenarios.")
    return files


def _file(split: Split, examples: Sequence[TuningExample], method: Method) -> DataFile:
    row = _preference if method == "preference" else _supervised
    content = "".join(f"{dumps(row(example))}\n" for example in examples).encode()
    hashed = hashlib.sha256(content).hexdigest()
    return DataFile(name=f"{method}-{split}-{hashed[:32]}.jsonl", split=split, content=content, digest=hashed)


def _supervised(example: TuningExample) -> dict[str, Json]:
    system: dict[str, Json] = {"systemInstruction": _content("system", example.system)} if example.system else {}
    return system | {"contents": [*_turns(example), _content("model", example.answer)]}


def _preference(example: TuningExample) -> dict[str, Json]:
    """Snake case, as the documentation of this method has it."""
    system: dict[str, Json] = {"system_instruction": {"parts": [{"text": example.system}]}} if example.system else {}
    pair: list[Json] = [
        {"score": 1, "completion": _content("model", example.answer)},
        {"score": 0, "completion": _content("model", example.rejected or "")},
    ]
    return system | {"contents": _turns(example), "completions": pair}


def _turns(example: TuningExample) -> list[Json]:
    return [_content("model" if m.role == "assistant" else "user", m.content) for m in example.messages]


def _content(role: str, text: str) -> Json:
    return {"role": role, "parts": [{"text": text}]}
