"""What a language model answered, as a step, or why it is none. Total: any text gives one or the other.

Whether an action keeps to its schema and the rules is Model C's to say; here it only has to be a JSON object.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from srl_pipeline.contracts import Step
from srl_pipeline.teachers.base import Unreadability, Unreadable
from srl_pipeline.teachers.prompted.injection import find_injection
from srl_pipeline.teachers.prompted.language import Language
from srl_pipeline.teachers.prompted.secrets import SecretFilter
from srl_pipeline.teachers.prompted.strict_json import BadJson, read_object

MAX_BYTES = 16_384
"""Ten times what the longest answer of any pack needs."""
MAX_REASONING = 1_200
"""Characters: five times what is asked for."""
EXCERPT = 200
KEYS = frozenset(("reasoning", "action"))

_UNSHOWABLE = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\u202a-\u202e\u2066-\u2069\ufffe\uffff\U000e0000-\U000e007f]"
)
"""Control characters, halves of characters, and marks that turn the direction of text: none of it is prose."""


class AnswerReader:
    """Reads the answers to one pack's prompts."""

    def __init__(self, language: Language, secrets: SecretFilter) -> None:
        self._language, self._secrets = language, secrets

    def read(self, text: str, *, title: str, mark: str) -> Step | Unreadable:
        """The step called ``title`` that ``text`` is; ``mark`` is the prompt's own, which no answer may repeat."""
        if len(text) > MAX_BYTES or len(text.encode(errors="replace")) > MAX_BYTES:
            head = text[: 4 * EXCERPT]
            shown = "" if self._secrets.found(head) else head
            return unreadable("too_long", f"The answer has more than {MAX_BYTES:,} bytes.", shown)
        if self._secrets.found(text):
            return unreadable("secret", "The answer holds what looks like a credential; never write one.")
        try:
            return self._step(text, title, mark)
        except BadJson as bad:
            return unreadable(bad.reason, str(bad), text)

    def _step(self, text: str, title: str, mark: str) -> Step:
        if _UNSHOWABLE.search(text):
            raise BadJson("unshowable", "The answer holds characters that cannot be shown.")
        value = read_object(text)
        if any(_UNSHOWABLE.search(s) for s in _strings(value)):
            raise BadJson("unshowable", "An escape in the answer stands for a character that cannot be shown.")
        if value.keys() != KEYS:
            raise BadJson("not_an_object", 'The object must have exactly the keys "reasoning" and "action".')
        reasoning, action = value["reasoning"], value["action"]
        if not isinstance(reasoning, str) or not isinstance(action, dict):
            raise BadJson("not_an_object", '"reasoning" must be text and "action" a JSON object.')
        if self._secrets.found(reasoning):
            raise BadJson("secret", "The answer holds what looks like a credential; never write one.")
        return Step(title=title, reasoning=self._checked(reasoning, mark), action=action)

    def _checked(self, reasoning: str, mark: str) -> str:
        if len(reasoning) > MAX_REASONING:
            raise BadJson("too_long", f"The reasoning has more than {MAX_REASONING:,} characters.")
        if mark in reasoning:
            raise BadJson("prompt_injection", "The reasoning repeats the marks around the data.")
        if found := find_injection(reasoning):
            raise BadJson("prompt_injection", f"The reasoning holds {found}; give reasons for the action only.")
        line = " ".join(reasoning.split())  # the transcript has one line for it
        if problem := self._language.problem(line):
            raise BadJson("wrong_language", f"The reasoning is not in the language of the task: {problem}.")
        return line


def unreadable(reason: Unreadability, message: str, text: str = "", *, final: bool = False) -> Unreadable:
    """The record of an unreadable answer, with the part of ``text`` that may be shown."""
    shown = "" if reason == "secret" else _UNSHOWABLE.sub("\N{REPLACEMENT CHARACTER}", text[:EXCERPT])
    return Unreadable(reason, message, shown, final)


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield key
            yield from _strings(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _strings(inner)
