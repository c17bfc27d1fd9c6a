"""What may not leave the house: secrets and personal data in an example. Pure.

Prose is scrubbed: a placeholder takes the place, the same one for the same value in all of an example. An action, or a
fact that binds it, is what Model C verified: it is not changed, and the example is refused. So is one with a secret,
wherever that stands: what may have leaked is for a person to look at.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from srl_pipeline.canonical import digest, dumps
from srl_pipeline.contracts import Action, Json
from srl_pipeline.teachers.calls.records import Message
from srl_pipeline.teachers.prompted.injection import BLOCK, BLOCK_END
from srl_pipeline.teachers.prompted.prompt import answer_text
from srl_pipeline.teachers.prompted.secrets import SecretFilter
from srl_pipeline.teachers.prompted.strict_json import BadJson, read_object
from srl_pipeline.tuning.dataset.personal_data import personal_data
from srl_pipeline.tuning.dataset.records import DataKind, Done, Finding
from srl_pipeline.tuning.records import TuningExample

_WORDS: dict[DataKind, str] = {
    "email": "email",
    "phone": "phone number",
    "iban": "account number",
    "card": "card number",
    "ip_address": "IP address",
    "social_security": "social security number",
}
_LINE_ENDS = re.compile(r"(\n|\\[nrt])")
"""Real ones and those of JSON in a prompt: an escape is no part of the word that follows it."""


@dataclass(frozen=True)
class Cleaned:
    """An example as it may be kept; None where it may not."""

    example: TuningExample | None
    findings: list[Finding]


def example_id(system: str, messages: list[Message], answer: str) -> str:
    """Content hash of prompt and answer."""
    return digest([system, [m.model_dump() for m in messages], answer])


def clean(example: TuningExample, secrets: SecretFilter) -> Cleaned:
    """Scrub an example, or refuse it."""

    def refused(places: Sequence[tuple[str, DataKind]]) -> Cleaned:
        return Cleaned(None, [_finding(example, place, kind, "refused") for place, kind in places])

    if leaks := [place for place, text in _texts(example) if secrets.found(text)]:
        return refused([(place, "secret") for place in leaks])
    answers = {"action": example.answer} | ({"rejected": example.rejected} if example.rejected is not None else {})
    parsed: dict[str, tuple[str, Action]] = {}
    for place, text in answers.items():
        if (read := _read(text)) is None:
            return refused([(place, "unreadable")])
        parsed[place] = read
    item = example.item
    verified: dict[str, Json] = {place: action for place, (_, action) in parsed.items()}
    verified |= {"axes": item.axes, "facts": item.facts, "before": item.before}
    fixed: list[tuple[str, DataKind]] = [(place, kind) for place, value in verified.items() for kind in _kinds(value)]
    return refused(fixed) if fixed else _scrubbed(example, parsed)


def _scrubbed(example: TuningExample, parsed: dict[str, tuple[str, Action]]) -> Cleaned:
    """The example with placeholders in its prose; actions are the same before and after."""
    scrub = _Scrubber()
    system = scrub("system", example.system)
    messages = [
        Message(role=m.role, content=scrub(f"message {i}", m.content)) for i, m in enumerate(example.messages, start=1)
    ]
    answers: dict[str, str] = {}
    for place, (reasoning, action) in parsed.items():
        answers[place] = answer_text(scrub("reasoning" if place == "action" else place, reasoning), action)
        read = _read(answers[place])
        if read is None or dumps(read[1]) != dumps(action):
            return Cleaned(None, [_finding(example, place, "unreadable", "refused")])
    if not scrub.found:
        return Cleaned(example, [])
    kept = example.model_copy(
        update={
            "id": example_id(system, messages, answers["action"]),
            "system": system,
            "messages": messages,
            "answer": answers["action"],
            "rejected": answers.get("rejected"),
        }
    )
    return Cleaned(kept, [_finding(kept, place, kind, "scrubbed") for place, kind in scrub.found])


@dataclass
class _Scrubber:
    """Puts placeholders where personal data stands; numbers them by first appearance in one example."""

    found: list[tuple[str, DataKind]] = field(default_factory=list[tuple[str, DataKind]])
    _numbers: dict[tuple[DataKind, str], int] = field(default_factory=dict[tuple[DataKind, str], int])

    def __call__(self, place: str, text: str) -> str:
        return "".join(self._line(place, part) for part in _LINE_ENDS.split(text))

    def _line(self, place: str, line: str) -> str:
        if line.startswith((BLOCK, BLOCK_END)):  # a mark is a hash, which may look like any number
            return line
        parts: list[str] = []
        at = 0
        for span in personal_data(line):
            parts += [line[at : span.start], self._placeholder(span.kind, line[span.start : span.end])]
            self.found.append((place, span.kind))
            at = span.end
        return "".join([*parts, line[at:]])

    def _placeholder(self, kind: DataKind, value: str) -> str:
        known = (kind, re.sub(r"[^a-z0-9@]", "", value.lower()))
        earlier = sum(other == kind for other, _ in self._numbers)
        return f"[{_WORDS[kind]} {self._numbers.setdefault(known, earlier + 1)}]"


def _read(answer: str) -> tuple[str, Action] | None:
    try:
        value = read_object(answer)
    except BadJson:
        return None
    reasoning, action = value.get("reasoning"), value.get("action")
    return (reasoning, action) if isinstance(reasoning, str) and isinstance(action, dict) else None


def _kinds(value: Json) -> list[DataKind]:
    """What personal data a JSON value holds; a number is looked at as it is written."""
    return list(dict.fromkeys(span.kind for text in _scalars(value) for span in personal_data(text)))


def _scalars(value: Json) -> Iterator[str]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield key
            yield from _scalars(inner)
    elif isinstance(value, (list, tuple)):
        for inner in value:
            yield from _scalars(inner)
    elif isinstance(value, str):
        yield value
    else:
        yield dumps(value)


def _texts(example: TuningExample) -> Iterator[tuple[str, str]]:
    yield "system", example.system
    for i, message in enumerate(example.messages, start=1):
        yield f"message {i}", message.content
    yield "answer", example.answer
    if example.rejected is not None:
        yield "rejected", example.rejected
    yield "item", dumps(example.item.model_dump(mode="json"))


def _finding(example: TuningExample, place: str, kind: DataKind, done: Done) -> Finding:
    return Finding(
        example=example.id,
        trajectory=example.trajectory,
        step=example.item.step,
        place=place,
        kind=kind,
        done=done,
    )
