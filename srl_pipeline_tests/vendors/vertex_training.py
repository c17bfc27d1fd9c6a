"""Test-only: what Vertex AI says of a training file, and how many tokens it counts in it.

Google documents no least number of examples (it recommends 100), and at most 131,072 tokens an example, 1 GB a file and
5,000 examples to validate on.
"""

from __future__ import annotations

import json
from typing import Any

from srl_pipeline_tests.vendors.exchange import tokens_of

MAX_TOKENS = 131_072
MAX_BYTES = 10**9
MAX_VALIDATION = 5_000


def count_tokens(content: bytes, *, preference: bool, validation: bool = False) -> int:
    """Billable tokens of one pass over a file; raises ValueError, in Google's manner, for one that cannot be used."""
    if len(content) > MAX_BYTES:
        raise ValueError("The training dataset file is too large.")
    rows = content.decode("utf-8").removesuffix("\n").split("\n")
    if validation and len(rows) > MAX_VALIDATION:
        raise ValueError(f"The validation dataset has more than {MAX_VALIDATION} examples.")
    total = 0
    for number, row in enumerate(rows):
        try:
            texts = (_preference if preference else _supervised)(json.loads(row))
        except (ValueError, LookupError, TypeError, AttributeError) as error:
            raise ValueError(f"Row: {number}. {error}") from error
        tokens = sum(map(tokens_of, texts))
        if tokens > MAX_TOKENS:
            raise ValueError(f"Row: {number}. The example has {tokens} tokens; the limit is {MAX_TOKENS}.")
        total += tokens
    return total


def _supervised(row: dict[str, Any]) -> list[str]:
    _only(row, {"systemInstruction", "contents"})
    texts = [text for content in row["contents"] for text in _texts(content)]
    if row["contents"][-1]["role"] != "model":
        raise ValueError("The last turn of `contents` must be the model's.")
    return [*_system(row.get("systemInstruction")), *texts]


def _preference(row: dict[str, Any]) -> list[str]:
    _only(row, {"system_instruction", "contents", "completions"})
    if row["contents"][-1]["role"] != "user":
        raise ValueError("`contents` must end with a user turn.")
    if sorted(completion["score"] for completion in row["completions"]) != [0, 1]:
        raise ValueError("`completions` must have one preferred completion and one dispreferred one.")
    turns = [completion["completion"] for completion in row["completions"]]
    if any(turn["role"] != "model" for turn in turns):
        raise ValueError("A completion is a turn of the model.")
    return [*_system(row.get("system_instruction")), *(t for turn in [*row["contents"], *turns] for t in _texts(turn))]


def _system(content: dict[str, Any] | None) -> list[str]:
    return [] if content is None else [part["text"] for part in content["parts"]]


def _texts(content: dict[str, Any]) -> list[str]:
    _only(content, {"role", "parts"})
    texts = [part["text"] for part in content["parts"]]
    if not texts or not all(isinstance(text, str) and text for text in texts):
        raise ValueError("A turn has no text.")
    return texts


def _only(found: dict[str, Any], known: set[str]) -> None:
    if unknown := set(found) - known:
        raise ValueError(f"Unknown field: {', '.join(sorted(unknown))}.")
