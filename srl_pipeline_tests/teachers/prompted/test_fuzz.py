"""10,000 mutated answers: none raises, none is accepted wrongly, none changes Model C's verdict by being read here."""

from __future__ import annotations

import json
import math
import random
import re
from collections import Counter
from collections.abc import Callable
from typing import Any

from srl_pipeline.canonical import normalise
from srl_pipeline.contracts import Action, Artefact, Scenario, Step
from srl_pipeline.model_types import Pack, load_pack
from srl_pipeline.teachers import Unreadable
from srl_pipeline.teachers.prompted.answer import AnswerReader
from srl_pipeline.teachers.prompted.language import language_of
from srl_pipeline.teachers.prompted.secrets import SecretFilter
from srl_pipeline.verification import Verifier, artefact_of
from srl_pipeline_tests.teachers.prompted.asking import gold_task

OUTPUTS, PACKS = 10_000, ("buildings", "personality")
Mutation = Callable[[random.Random, str], str]
ODD = [
    "\x00",
    "\u202e",
    "\ud83d",
    "é",
    "語",
    "\ufeff",
    "\u2028",
    "}",
    "{",
    '"',
    "\\",
    ",",
    ":",
    "[",
    "]",
    "0",
    "-",
    "e",
    "\n",
]
NUMBERS = ["NaN", "-Infinity", "1e999", "-0", "-0.0", "1E1", "9" * 400, "0.1", "1.0", "2.00000000001", "01", "+1", ".5"]


def _at(rng: random.Random, text: str) -> int:
    return rng.randrange(len(text) + 1)


def cut(rng: random.Random, text: str) -> str:
    return text[: _at(rng, text)] if rng.random() < 0.7 else text[_at(rng, text) :]


def duplicate(rng: random.Random, text: str) -> str:
    start, end = sorted((_at(rng, text), _at(rng, text)))
    return text[:end] + text[start:end] + text[end:]


def splice(rng: random.Random, text: str) -> str:
    start, end = sorted((_at(rng, text), _at(rng, text)))
    return text[:start] + text[end:] if rng.random() < 0.5 else text[end:] + text[start:end] + text[:start]


def flip(rng: random.Random, text: str) -> str:
    data = bytearray(text.encode(errors="replace"))
    for _ in range(rng.randint(1, 3)):
        if data:
            data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
    return data.decode(errors="surrogateescape" if rng.random() < 0.5 else "replace")


def odd_character(rng: random.Random, text: str) -> str:
    here = _at(rng, text)
    return text[:here] + rng.choice(ODD) + text[here:]


def number(rng: random.Random, text: str) -> str:
    found = list(re.finditer(r"-?\d+(?:\.\d+)?", text))
    if not found:
        return text
    chosen = rng.choice(found)
    return text[: chosen.start()] + rng.choice(NUMBERS) + text[chosen.end() :]


def nest(rng: random.Random, text: str) -> str:
    found = list(re.finditer(r'"\w+"|\d+', text))
    if not found:
        return text
    chosen, depth = rng.choice(found), rng.choice([1, 3, 12, 5000])
    return text[: chosen.start()] + "[" * depth + chosen[0] + "]" * depth + text[chosen.end() :]


def key_twice(rng: random.Random, text: str) -> str:
    found = list(re.finditer(r'"(\w+)":', text))
    if not found:
        return text
    chosen = rng.choice(found)
    name = f"\\u{ord(chosen[1][0]):04x}{chosen[1][1:]}" if rng.random() < 0.5 else chosen[1]
    return text[: chosen.start()] + f'"{name}":1,' + text[chosen.start() :]


def escape(rng: random.Random, text: str) -> str:
    here = _at(rng, text)
    code = rng.choice(["\\ud800", "\\u0000", "\\n", "\\/", "\\u00e9", "\\x", "\\ud83d\\ude00", "\\u202e"])
    return text[:here] + code + text[here:]


def wrap(rng: random.Random, text: str) -> str:
    before, after = rng.choice(
        [
            ("Sure! ", ""),
            ("", "\nI hope that helps."),
            ("```json\n", "\n```"),
            ("```\n", "\n```\n"),
            ("```json\n", ""),
            (" \n", "\t"),
            ("[", "]"),
            ("```json\n```json\n", "\n```\n```"),
            ("\ufeff", ""),
            ("\u00a0", "\u00a0"),
            ("", "{}"),
        ]
    )
    return before + text + after


MUTATIONS: list[Mutation] = [
    cut, duplicate, splice, flip, odd_character, number, nest, key_twice, escape, wrap,
]  # fmt: skip


def _no_twins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    assert len({key for key, _ in pairs}) == len(pairs), "a key stands twice"
    return dict(pairs)


def plainly(text: str) -> dict[str, Any]:
    """What an accepted text says, read by other means, every demand on it asserted."""
    bare = text.strip(" \t\r\n")
    if bare.startswith("```"):
        lines = bare.split("\n")
        assert lines[0].strip().lower() in ("```", "```json")
        assert lines[-1].strip() == "```"
        bare = "\n".join(lines[1:-1])
    assert len(text.encode()) <= 16_384
    value = json.loads(bare, object_pairs_hook=_no_twins)  # refuses what stands around it
    assert isinstance(value, dict)
    assert set(value) == {"reasoning", "action"}
    assert isinstance(value["reasoning"], str)
    assert isinstance(value["action"], dict)
    numbers = [v for v in _leaves(value) if isinstance(v, (int, float))]
    assert all(math.isfinite(v) and abs(v) < 2**53 for v in numbers)
    for word in _leaves(value):
        if isinstance(word, str):
            assert not re.search("[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff\u202e]", word.replace("\r", ""))
    return value


def _leaves(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return [leaf for key, inner in value.items() for leaf in (key, *_leaves(inner))]
    if isinstance(value, list):
        return [leaf for inner in value for leaf in _leaves(inner)]
    return [value]


class Case:
    """A step of a gold example: where mutations begin."""

    def __init__(self, pack: Pack, reader: AnswerReader, verifier: Verifier, actions: list[Action], at: int) -> None:
        self.reader, self.verifier, self.index = reader, verifier, at
        self.title = pack.spec.steps[at].title
        self.before: Artefact = artefact_of(actions[:at])
        reasoning = f"{pack.spec.steps[at].instruction} Its fields follow from the facts; 2 less 1 is 1."
        self.text = json.dumps({"reasoning": reasoning, "action": actions[at]}, separators=(",", ":"))

    def verdict(self, scenario: Scenario, action: Action) -> tuple[bool, float, list[tuple[str, str]]]:
        """Model C's, without its messages: those quote a number as it was written."""
        result = self.verifier.check_step(scenario, self.before, self.index, action)
        return result.structure_ok, result.compliance, [(v.rule_id, v.evidence) for v in result.violations]

    def read(self, text: str) -> Step | Unreadable:
        return self.reader.read(text, title=self.title, mark="0123456789abcdef")


def test_ten_thousand_mutated_answers_are_read_rightly() -> None:
    rng, counted = random.Random(20_261_128), Counter[str]()
    cases: list[tuple[Case, Scenario]] = []
    for name in PACKS:
        pack = load_pack(name)
        verifier, reader = Verifier(pack), AnswerReader(language_of(pack), SecretFilter())
        task, actions = gold_task(pack)
        cases += [(Case(pack, reader, verifier, actions, at), task.scenario) for at in range(len(actions))]
    for case, _ in cases:
        assert isinstance(case.read(case.text), Step), case.read(case.text)
    for _ in range(OUTPUTS):
        case, scenario = rng.choice(cases)
        text = case.text
        for _ in range(rng.choice([1, 1, 1, 2, 3])):
            text = rng.choice(MUTATIONS)(rng, text)
        found = case.read(text)
        if isinstance(found, Unreadable):
            counted[found.reason] += 1
            assert len(found.excerpt) <= 200
            found.excerpt.encode()
            continue
        counted["accepted"] += 1
        value = plainly(text)
        assert found.action == value["action"]
        assert found.reasoning == " ".join(value["reasoning"].split())
        assert normalise(found.action) == found.action
        if json.dumps(found.action) != json.dumps(value["action"]):  # 3.0 was read as 3: Model C must not care
            counted["rewritten"] += 1
            assert case.verdict(scenario, found.action) == case.verdict(scenario, value["action"])
    assert counted["accepted"] > OUTPUTS / 20
    assert counted["rewritten"] > 20  # so that the comparison above was made
    reasons = {"not_json", "extra_text", "not_an_object", "duplicate_key", "not_a_number", "too_deep", "unshowable"}
    assert reasons <= set(counted)
