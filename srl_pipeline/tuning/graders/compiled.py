"""A pack's rules as one self-contained Python source, for vendors that run a grader of ours on their machines."""

from __future__ import annotations

import json
from pathlib import Path
from types import ModuleType
from typing import Any, Final

from srl_pipeline.errors import TuningError
from srl_pipeline.teachers.prompted.answer import MAX_BYTES, MAX_REASONING
from srl_pipeline.teachers.prompted.strict_json import MAX_DEPTH, MAX_DIGITS, MAX_NUMBER
from srl_pipeline.tuning.graders import interpreter, runtime
from srl_pipeline.tuning.graders.syntax import Node, parse_expression
from srl_pipeline.verification import SOFT_PENALTY, Rule, Verifier
from srl_pipeline.verification.expressions import MAX_LIST, Expression
from srl_pipeline.verification.rules import Predicate

MAX_SOURCE: Final = 256_000
"""Bytes of a Python grader, by the vendor's documentation (256 kB, read 2026-11)."""
_DATA: Final = 'DATA = "{}"\n'
_IMPORT: Final = "from srl_pipeline.tuning.graders.interpreter import Missing, Names, doubles, evaluate, truth\n"


def compile_grader(verifier: Verifier) -> str:
    """The source of a module with ``grade(sample, item) -> float``; equal packs give equal text.

    Raises TuningError for a rule that cannot be judged there exactly like here, and for a source that is too long.
    """
    # not canonical JSON: it rounds numbers, and a rule's must stay exactly what they are
    data = json.dumps(_pack(verifier), sort_keys=True, separators=(",", ":"), allow_nan=False)
    source = _text(runtime)
    for slot, part in ((_IMPORT, _text(interpreter)), (_DATA, f"DATA = {data!r}\n")):
        before, found, after = source.partition(slot)
        if not found:
            raise AssertionError(f"runtime.py has no line {slot!r}")
        source = before + part + after
    if (size := len(source.encode())) > MAX_SOURCE:
        raise TuningError(
            f"The compiled grader has {size:,} bytes; a vendor takes {MAX_SOURCE:,}.",
            where=f"pack {verifier.pack.name}, rules.yaml",
            mend="Write fewer or shorter rules, or tune by another method than reinforcement.",
        )
    return source


def _text(module: ModuleType) -> str:
    return Path(str(module.__file__)).read_text(encoding="utf-8")


def _pack(verifier: Verifier) -> dict[str, Any]:
    return {
        "limits": {
            "bytes": MAX_BYTES,
            "reasoning": MAX_REASONING,
            "depth": MAX_DEPTH,
            "number": MAX_NUMBER,
            "digits": MAX_DIGITS,
            "list": MAX_LIST,
        },
        "penalty": SOFT_PENALTY,
        "steps": [
            {
                "fields": {
                    name: field.model_dump(exclude={"unit", "description"}) for name, field in step.fields.items()
                },
                "rules": [_rule(rule) for rule in verifier.rules.at(index)],
            }
            for index, step in enumerate(verifier.pack.spec.steps)
        ],
    }


def _rule(rule: Rule) -> dict[str, Any]:
    return {
        "id": rule.id,
        "hard": rule.hard,
        "weight": rule.weight,
        "when": None if rule.when is None else _tree(rule, rule.when),
        "assert": _tree(rule, rule.assertion),
    }


def _tree(rule: Rule, predicate: Predicate) -> Node:
    if isinstance(predicate, Expression):
        return parse_expression(predicate)
    raise TuningError(
        f"Rule {rule.id!r} is a plug-in's Python, which is not sent to a vendor.",
        where=predicate.where,
        mend="Write the rule in CEL, let the reward come from a function of your own (bedrock), "
        "or tune by another method than reinforcement.",
    )
