"""Test helper: answers for a step at random, right in their structure or spoiled, and the artefact before them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from copy import deepcopy
from random import Random
from typing import Any

from srl_pipeline.model_types import EnumField, FieldSpec, FlagField, NumberField, SetField
from srl_pipeline.tuning.graders import GraderCase
from srl_pipeline.tuning.records import GraderItem
from srl_pipeline.verification import ScenarioSpace, Verifier, split_actions

_ODD: list[Any] = [True, None, "", "oak", 0, 1.5, -1, 10**9, [], ["oak", "oak"], {"a": 1}, [[1]], "\u00e9"]


def random_cases(verifier: Verifier, count: int, seed: int) -> Iterator[GraderCase]:
    """``count`` answers for steps of random scenarios, of gold examples with a change, and spoiled in a known way."""
    rng, pack, space = Random(seed), verifier.pack, ScenarioSpace(verifier.pack)
    for index in range(count):
        gold = rng.choice(pack.definition.examples.gold)
        artefact = deepcopy(gold.artefact)
        axes = gold.scenario if rng.random() < 0.5 else space.at(rng.randrange(space.size))
        if space.problem(axes):
            axes = gold.scenario
        for step in pack.spec.steps:
            for name, field in step.fields.items():
                if rng.random() < 0.2:
                    artefact[name] = random_value(field, rng)
        actions = split_actions(pack, artefact)
        step = rng.randrange(len(actions))
        before = {k: v for action in actions[:step] for k, v in action.items()}
        kind, spoil = rng.choice(_SPOILS)
        spoil(rng, verifier, step, actions[step], before)
        scenario = space.scenario(axes, where="test")
        item = GraderItem(axes=scenario.axes, facts=scenario.facts, before=before, step=step)
        text = json.dumps({"reasoning": "because", "action": actions[step]})
        yield GraderCase(name=f"{pack.name} {index}, {kind}", text=text, item=item)


def random_value(field: FieldSpec, rng: Random) -> Any:
    """A value that the field may have."""
    if isinstance(field, EnumField):
        return rng.choice(field.enum)
    if isinstance(field, FlagField):
        return rng.random() < 0.5
    if isinstance(field, NumberField):
        value = rng.choice(field.values)
        return int(value) if value.is_integer() and rng.random() < 0.5 else value
    size = rng.randint(field.minItems, field.maxItems)
    chosen = set(rng.sample(field.items.enum, size))
    return [word for word in field.items.enum if word in chosen]


def _nothing(rng: Random, verifier: Verifier, step: int, action: dict[str, Any], before: dict[str, Any]) -> None:
    """Right in its structure."""


def _odd_value(rng: Random, verifier: Verifier, step: int, action: dict[str, Any], before: dict[str, Any]) -> None:
    action[rng.choice(sorted(action))] = rng.choice(_ODD)


def _missing_field(rng: Random, verifier: Verifier, step: int, action: dict[str, Any], before: dict[str, Any]) -> None:
    del action[rng.choice(sorted(action))]


def _extra_field(rng: Random, verifier: Verifier, step: int, action: dict[str, Any], before: dict[str, Any]) -> None:
    action["extra"] = rng.choice(_ODD)


def _nudged(rng: Random, verifier: Verifier, step: int, action: dict[str, Any], before: dict[str, Any]) -> None:
    """Numbers off their grid or out of their bounds, sets in another order, with a word twice or one too many."""
    for name, field in verifier.pack.spec.steps[step].fields.items():
        value = action[name]
        if isinstance(field, NumberField):
            shift = rng.choice([0.5, 1e-3, 1e-7, 1e-12, field.multipleOf, -field.multipleOf, 1000 * field.multipleOf])
            action[name] = value + shift
        elif isinstance(field, SetField):
            action[name] = rng.choice([value[::-1], value * 2, [*value, field.items.enum[-1]], value[:-1], "oak"])


def _flag_for_number(
    rng: Random, verifier: Verifier, step: int, action: dict[str, Any], before: dict[str, Any]
) -> None:
    for name, field in verifier.pack.spec.steps[step].fields.items():
        action[name] = bool(action[name]) if isinstance(field, NumberField) else action[name]
        action[name] = int(action[name]) if isinstance(field, FlagField) else action[name]


def _less_before(rng: Random, verifier: Verifier, step: int, action: dict[str, Any], before: dict[str, Any]) -> None:
    for name in rng.sample(sorted(before), rng.randint(0, len(before))):
        del before[name]


def _odd_before(rng: Random, verifier: Verifier, step: int, action: dict[str, Any], before: dict[str, Any]) -> None:
    for name in before:
        if rng.random() < 0.3:
            before[name] = rng.choice([True, 0, 2.5, "oak", ["oak"], [], None, [1, "oak"], ["oak"] * 65])


_Spoil = Callable[[Random, Verifier, int, dict[str, Any], dict[str, Any]], None]
_SPOILS: list[tuple[str, _Spoil]] = [
    ("plain", _nothing),
    ("plain", _nothing),
    ("plain", _nothing),
    ("odd value", _odd_value),
    ("missing field", _missing_field),
    ("extra field", _extra_field),
    ("nudged", _nudged),
    ("flag for number", _flag_for_number),
    ("less before", _less_before),
    ("odd before", _odd_before),
]
