"""Test-only: what OpenAI makes of training files and of graders, as far as its published pages say."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from functools import cache
from typing import Any

from jsonschema import Draft202012Validator

from srl_pipeline_tests.vendors.specification import Specification, openapi

FEWEST = 10
"""Examples: https://platform.openai.com/docs/guides/supervised-fine-tuning."""
_MOST_SOURCE = 256_000
"""Bytes of a Python grader: https://platform.openai.com/docs/guides/graders."""
_GRADER_SECONDS = 30.0
_SCHEMA = "#/components/schemas/"
_TURN = {"role", "content", "name", "weight"}
Problem = tuple[str, str]
"""The vendor's code and sentence."""
RowCheck = Callable[[dict[str, Any]], str | None]


class TuningSpecification(Specification):
    """The two trimmed files of the same specification, as one."""

    def __init__(self) -> None:
        chat, tuning = openapi("openai"), openapi("openai_tuning")
        schemas = chat._requests | tuning._requests
        super().__init__(schemas, schemas, chat._operations | tuning._operations)
        self._turns = {
            fine: Draft202012Validator({"$ref": _SCHEMA + name, "components": {"schemas": schemas}})
            for fine, name in (
                (True, "FineTuneChatCompletionRequestAssistantMessage"),
                (False, "ChatCompletionRequestMessage"),
            )
        }

    def turn_error(self, turn: Any) -> str | None:
        """What is wrong with a message of a training file."""
        if not isinstance(turn, dict) or not isinstance(turn.get("role"), str):
            return "a message has no role"
        if unknown := set(turn) - _TURN:
            return f"unexpected keys in a message: {', '.join(sorted(unknown))}"
        if not isinstance(turn.get("content"), str) or not turn["content"]:
            return "a message has no content"
        error = next(self._turns[turn["role"] == "assistant"].iter_errors(turn), None)
        return error.message[:200] if error else None


@cache
def tuning_specification() -> TuningSpecification:
    """Read once."""
    return TuningSpecification()


def file_problem(content: bytes, kind: str) -> Problem | None:
    """Why a job of a method (supervised, dpo, reinforcement) fails on a file; None where it does not."""
    try:
        lines = content.decode("utf-8").split("\n")
        rows = [json.loads(line) for line in lines if line]
    except ValueError:
        return "invalid_file_format", "Invalid file format. Line is not valid UTF-8 JSON."
    check: RowCheck = {"supervised": _supervised, "dpo": _preference, "reinforcement": _reinforcement}[kind]
    for number, row in enumerate(rows, 1):
        wrong = check(row) if isinstance(row, dict) else "no object"
        if wrong is not None:
            return "invalid_training_file", f"The job failed due to an invalid training file. Line {number}: {wrong}"
    if len(rows) < FEWEST:
        few = f"Training file has {len(rows)} example(s), but must have at least {FEWEST} examples"
        return "invalid_n_examples", few
    return None


def billed_tokens(content: bytes, epochs: int) -> int:
    """Four characters of content each."""
    rows = [json.loads(line) for line in content.decode().split("\n") if line]
    return epochs * sum(_characters(row) for row in rows) // 4


def grader_problem(grader: dict[str, Any], row: dict[str, Any]) -> str | None:
    """Why a Python grader cannot be used; it is run on an empty answer to a row of the file."""
    source = grader["source"]
    if len(source.encode()) > _MOST_SOURCE:
        return "the grader's source is too large"
    sample = {"output_text": "{}", "output_json": {}, "output_tools": [], "choices": []}
    program = (
        f"{source}\n\nimport json as _json\n"
        f"_score = grade(_json.loads({json.dumps(sample)!r}), _json.loads({json.dumps(row)!r}))\n"
        "print(_json.dumps([type(_score).__name__, _score]))\n"
    )
    try:
        ran = subprocess.run(
            [sys.executable, "-I", "-"],
            input=program.encode(),
            capture_output=True,
            timeout=_GRADER_SECONDS,
            env={},
            check=False,
        )
    except subprocess.TimeoutExpired:
        return "the grader does not end"
    if ran.returncode != 0:
        return f"the grader failed: {ran.stderr.decode(errors='replace').strip()[-200:]}"
    kind, score = json.loads(ran.stdout.decode().splitlines()[-1])
    return None if kind == "float" and score == score else f"the grader returned {score!r}, which is no float"


def _supervised(row: dict[str, Any]) -> str | None:
    if unknown := set(row) - {"messages", "tools", "parallel_tool_calls"}:
        return f"unexpected keys: {', '.join(sorted(unknown))}"
    return _turns(row.get("messages"), last="assistant")


def _preference(row: dict[str, Any]) -> str | None:
    if set(row) != {"input", "preferred_output", "non_preferred_output"}:
        return "a preference has input, preferred_output and non_preferred_output"
    if not isinstance(row["input"], dict) or set(row["input"]) - {"messages", "tools", "parallel_tool_calls"}:
        return "input has messages, tools and parallel_tool_calls"
    wrong = _turns(row["input"].get("messages"), last="user")
    for name in ("preferred_output", "non_preferred_output"):
        wrong = wrong or _turns(row[name], last="assistant")
        wrong = wrong or (f"{name} has more than one message" if len(row[name]) > 1 else None)
    return wrong


def _reinforcement(row: dict[str, Any]) -> str | None:
    return _turns(row.get("messages"), last="user")


def _turns(turns: Any, *, last: str) -> str | None:
    if not isinstance(turns, list) or not turns:
        return "there are no messages"
    for turn in turns:
        if (wrong := tuning_specification().turn_error(turn)) is not None:
            return wrong
    return None if turns[-1]["role"] == last else f"the last message must be of the {last}"


def _characters(row: dict[str, Any]) -> int:
    turns = row.get("messages") or row["input"]["messages"] + row["preferred_output"] + row["non_preferred_output"]
    return sum(len(turn["content"]) for turn in turns)
