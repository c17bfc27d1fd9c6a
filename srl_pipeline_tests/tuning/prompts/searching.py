"""Test-only: an installation with one paid teacher behind a real server, pupils to teach, and searches for its prompt.

Run as a program it makes one search in a process of its own, which may be killed:
``python -m srl_pipeline_tests.tuning.prompts.searching HOME``.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

from srl_pipeline.canonical import seed_of
from srl_pipeline.config import PipelineConfig, override
from srl_pipeline.contracts import Artefact, Json, Scenario, StepResult, Trajectory
from srl_pipeline.generation.dialogue import solve
from srl_pipeline.model_types import Pack, load_pack
from srl_pipeline.presets import preset
from srl_pipeline.registry import LEDGER, Nanos, SqliteLedger
from srl_pipeline.teachers import SearchTeacher, teacher_ref
from srl_pipeline.tuning.prompts import PromptResult, PromptSearch, optimise_prompt
from srl_pipeline.verification import ScenarioSpace, Verifier
from srl_pipeline_tests.generation.paid import INPUT_USD, KEY_VARIABLE, OUTPUT_USD, PACK
from srl_pipeline_tests.vendors.expert import NO_LORE, Expert

TEACHER, KEY, RUN = "pupil", "k-1", "tuning-k-1"
SHOWN = "of another task"
"""Words of a prompt that shows a solved task."""
TASKS = 5
NOWHERE = "http://127.0.0.1:1"


@lru_cache(maxsize=1)
def pack_of(folder: str) -> Pack:
    return load_pack(PACK)


class Pupil:
    """Knows the answer to some scenarios by itself, and to all that ``helped`` says when it is shown solved tasks."""

    def __init__(self, alone: float, helped: Callable[[str], float]) -> None:
        """Shares of the scenarios: by itself, and by the prompt that shows solved tasks."""
        self._expert, self._alone, self._helped = Expert(PACK, mistakes=0.0), alone, helped

    def __call__(self, prompt: str, schema: dict[str, Any] | None, request: dict[str, Any]) -> str:
        share = self._helped(prompt) if SHOWN in prompt else self._alone
        known = seed_of("known", self._expert._scenario(prompt).id) % 1000 < 1000 * share
        return self._expert(prompt, schema, request) if known else "I do not know."


def crammer(prompt: str, schema: dict[str, Any] | None, request: dict[str, Any]) -> str:
    """Right only when it is shown solved tasks, for a server in a process of its own."""
    return _crammer()(prompt, schema, request)


@lru_cache(maxsize=1)
def _crammer() -> Pupil:
    return Pupil(0.0, lambda _: 1.0)


class Interrupted(Verifier):
    """Model C in a process that is interrupted when it has checked so many steps."""

    def __init__(self, pack: Pack, after: int) -> None:
        super().__init__(pack)
        self._left = after

    def check_step(self, scenario: Scenario, before: Artefact, step: int, action: Json) -> StepResult:
        self._left -= 1
        if self._left < 0:
            raise KeyboardInterrupt
        return super().check_step(scenario, before, step, action)


@dataclass(frozen=True)
class School:
    """An installation below one folder."""

    home: Path
    entry: dict[str, Any] = field(default_factory=dict[str, Any])

    def hire(self, kind: str, endpoint: str | None = NOWHERE, **changes: Any) -> School:
        entry = {
            "kind": kind,
            "model": "pupil-1",
            "endpoint": endpoint,
            "api_key_env": KEY_VARIABLE,
            "price": {"input": INPUT_USD, "output": OUTPUT_USD, "as_of": "2026-11-01"},
            "terms": {"training_allowed": True, "source": "a test", "as_of": "2026-11-01"},
            "limits": {"concurrency": 4, "timeout_seconds": 10.0, "attempts": 2},
            "honours_idempotency_key": True,
            **changes,
        }
        file = {"version": 1, "teachers": {TEACHER: entry}, "responsibilities": {"default": TEACHER}}
        (self.home / "teachers.yaml").write_text(yaml.safe_dump(file), encoding="utf-8")
        return replace(self, entry=entry)

    @property
    def pack(self) -> Pack:
        return pack_of(str(self.home))

    def config(self, **settings: object) -> PipelineConfig:
        chosen: dict[str, Any] = {"budget.month_usd": 100.0, "generation.max_revisions": 0}
        return override(preset("smoke"), chosen | {name.replace("__", "."): v for name, v in settings.items()})

    def search(self, **changes: Any) -> PromptSearch:
        """Three solved tasks at the most, three sets, five scenarios to be measured on."""
        scenarios = some_scenarios(self.pack, 20)
        found = PromptSearch(
            base=teacher_ref(TEACHER),
            name=f"{TEACHER}-prompt",
            candidates=solved_in(self.pack),
            validation=[(scenario, NO_LORE) for scenario in scenarios[:TASKS]],
            shots=3,
            trials=3,
            seed=7,
        )
        return replace(found, **changes)

    def small_search(self) -> PromptSearch:
        """Two sets and three scenarios, where it does not matter who wins."""
        found = self.search(trials=2)
        return replace(found, validation=found.validation[:3])

    def optimise(
        self, search: PromptSearch | None = None, verifier: Verifier | None = None, **settings: object
    ) -> PromptResult:
        verifier = verifier or Verifier(self.pack)
        return optimise_prompt(search or self.search(), verifier, self.config(**settings), self.home, KEY)

    def committed(self) -> Nanos:
        """What the ledger says that the search has cost."""
        ledger = SqliteLedger(self.home / LEDGER)
        try:
            balance = ledger.spent_by_run(RUN)
            assert balance.held == 0, "a search that has ended holds nothing back"
            return balance.committed
        finally:
            ledger.close()


def some_scenarios(pack: Pack, count: int) -> list[Scenario]:
    """Different scenarios, the same ones each time."""
    space = ScenarioSpace(pack)
    found: dict[str, Scenario] = {}
    for n in range(20 * count):
        axes = {axis: values[seed_of(axis, n) % len(values)] for axis, values in space.values.items()}
        if space.problem(axes) is None:
            scenario = space.scenario(axes, where="test")
            found.setdefault(scenario.id, scenario)
    assert len(found) >= count
    return list(found.values())[:count]


@lru_cache(maxsize=1)
def _solved(pack: str) -> list[Trajectory]:
    loaded = load_pack(pack)
    verifier = Verifier(loaded)
    teacher = SearchTeacher(verifier)
    return [
        found
        for scenario in some_scenarios(loaded, 20)[TASKS:]
        if isinstance(
            found := solve(
                teacher,
                verifier,
                scenario,
                NO_LORE,
                variant=0,
                max_revisions=0,
                reasoning_words=24,
                generation=1,
                novelty=0.0,
            ),
            Trajectory,
        )
    ]


def solved_in(pack: Pack) -> list[Trajectory]:
    """Verified solutions by the embedded teacher, of other scenarios than those that are asked."""
    return _solved(pack.name)


if __name__ == "__main__":
    School(Path(sys.argv[1])).optimise()
