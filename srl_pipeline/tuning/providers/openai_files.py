"""Examples as the lines that OpenAI's tuning reads: chat, preference pairs, or prompts with what a grader must know."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from srl_pipeline.canonical import digest_bytes, dumps
from srl_pipeline.contracts import Json
from srl_pipeline.teachers.calls.records import PermanentError
from srl_pipeline.tuning.records import DataFile, Method, Split, TuningExample

SPLITS: tuple[Split, ...] = ("train", "validation")


def data_files(examples: Sequence[TuningExample], method: Method, *, reference: bool = False) -> list[DataFile]:
    """A file for each split that has examples; of preferences only those whose refused answer is known.

    ``reference``: the grader's facts lie under ``reference_answer``, where Bedrock's endpoint hands them to a function.
    Raises PermanentError for a method that is none of OpenAI's.
    """
    files: list[DataFile] = []
    for split in SPLITS:
        rows = [
            _row(e, method, reference) for e in examples if e.split == split and (method != "preference" or e.rejected)
        ]
        if rows:
            content = "".join(dumps(row) + "\n" for row in rows).encode()
            name = f"srl-{digest_bytes(content)}-{split}.jsonl"
            files.append(DataFile(name=name, split=split, content=content, digest=hashlib.sha256(content).hexdigest()))
    return files


def _row(example: TuningExample, method: Method, reference: bool) -> dict[str, Json]:
    if method == "supervised":
        turns: list[Json] = [_ignored(turn) for turn in _prompt(example)]
        return {"messages": [*turns, _answer(example.answer)]}
    if method == "preference":
        return {
            "input": {"messages": [*_prompt(example)]},
            "preferred_output": [_answer(example.answer)],
            "non_preferred_output": [_answer(example.rejected or "")],
        }
    if method == "reinforcement":
        facts: dict[str, Json] = {"task": example.item.model_dump(mode="json")}
        return {"messages": [*_prompt(example)], **({"reference_answer": facts} if reference else facts)}
    raise PermanentError(f"OpenAI's tuning has no method {method!r}", mend="Use another 'method' in tuning.yaml.")


def _prompt(example: TuningExample) -> list[dict[str, Json]]:
    system: list[dict[str, Json]] = [{"role": "system", "content": example.system}] if example.system else []
    return [*system, *({"role": m.role, "content": m.content} for m in example.messages)]


def _answer(text: str) -> dict[str, Json]:
    return {"role": "assistant", "content": text}


def _ignored(turn: dict[str, Json]) -> dict[str, Json]:
    """An earlier turn of the assistant may be what was sent back: it is read, not imitated."""
    return turn | {"weight": 0} if turn["role"] == "assistant" else turn
