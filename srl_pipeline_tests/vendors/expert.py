"""What a fake vendor answers when it plays a good teacher: the search teacher's plan, found by the brief in the prompt.

Now and then it is wrong on purpose (a seeded share of its first answers to a step), so that answers are sent back.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

from srl_pipeline.canonical import dumps, seed_of
from srl_pipeline.contracts import LoreBundle, Scenario
from srl_pipeline.model_types import load_pack
from srl_pipeline.teachers import SearchTeacher, domain
from srl_pipeline.verification import ScenarioSpace, Verifier

NO_LORE = LoreBundle(citations=[], tokens=0, budget=0)
SENT_BACK = "That was rejected:"
"""Words of the prompt that ask for another answer."""


class Expert:
    """Answers for one pack. ``mistakes``: share of first answers that break the step's rules or grid."""

    def __init__(self, pack: str, mistakes: float = 0.2) -> None:
        self._pack = load_pack(pack)
        self._space, verifier = ScenarioSpace(self._pack), Verifier(self._pack)
        self._teacher, self._mistakes = SearchTeacher(verifier), mistakes
        self._brief = re.compile(
            re.sub(r"\\\{(\w+)\\\}", r"(?P<\1>.+?)", re.escape(self._pack.spec.brief).replace(r"\ ", " "))
            + r"(?=\s|$|<)"
        )

    def __call__(self, prompt: str, schema: dict[str, Any] | None, request: dict[str, Any]) -> str:
        scenario = self._scenario(prompt)
        step = self._step(schema)
        plan = self._teacher.solve(scenario, "")[0][1]
        action = dict(plan[step])
        if SENT_BACK not in prompt and seed_of(prompt) % 1000 < 1000 * self._mistakes:
            fields = self._pack.spec.steps[step].fields
            name = sorted(fields)[seed_of(prompt, "field") % len(fields)]
            others = [v for v in domain(fields[name]) if v != action[name]]
            action[name] = others[seed_of(prompt, "value") % len(others)]
        return dumps({"reasoning": "The brief and the facts decide.", "action": action})

    def _scenario(self, prompt: str) -> Scenario:
        found = list(self._brief.finditer(prompt))
        assert found, f"no brief of {self._pack.name} in the prompt"
        axes = {axis: self._value(axis, text) for axis, text in found[-1].groupdict().items()}
        return self._space.scenario(axes, where="expert")

    def _value(self, axis: str, text: str) -> str | float:
        for value in self._space.values[axis]:
            if self._pack.spec.label(axis, value) == text:
                return value
        raise AssertionError(f"{text!r} is no {axis}")

    def _step(self, schema: dict[str, Any] | None) -> int:
        assert schema is not None, "the expert needs the schema of the step"
        wanted = set(schema["properties"]["action"]["properties"])
        return next(i for i, step in enumerate(self._pack.spec.steps) if set(step.fields) == wanted)


@lru_cache(maxsize=1)
def _lanterns() -> Expert:
    return Expert("lanterns")


def lanterns(prompt: str, schema: dict[str, Any] | None, request: dict[str, Any]) -> str:
    """The expert for the pack that `packs new lanterns` writes, for a server in a process of its own."""
    return _lanterns()(prompt, schema, request)
