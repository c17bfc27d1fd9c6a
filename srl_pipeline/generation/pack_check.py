"""Prove that a pack is what docs/packs.md demands, and measure it."""

from __future__ import annotations

import random
import time
from dataclasses import dataclass

from srl_pipeline.canonical import seed_of
from srl_pipeline.contracts import Scenario
from srl_pipeline.generation.sampling import count_valid, evaluation_scenarios, valid_axes
from srl_pipeline.model_types import Pack
from srl_pipeline.teachers import SearchTeacher, domain
from srl_pipeline.verification import ScenarioSpace, Verifier, check_examples

RANDOM_DRAWS = 10_000
SEARCHED = 60


@dataclass(frozen=True)
class Figure:
    """One measured figure and what is demanded of it."""

    name: str
    value: float
    demand: str
    met: bool


def check_pack(pack: Pack) -> list[Figure]:
    """All figures. Raises PackError for what is plainly wrong (a rule, an example, a fact)."""
    verifier, space = Verifier(pack), ScenarioSpace(pack)
    check_examples(verifier)
    rng = random.Random(seed_of("pack check", pack.name))
    valid, _ = count_valid(space)
    rules = verifier.rules.rules
    step_of = {name: i for i, step in enumerate(pack.spec.steps) for name in step.fields}
    relating = sum(r.reads_facts or len({step_of[f] for f in r.fields}) > 1 for r in rules)
    held_out = evaluation_scenarios(space)
    samples = [space.scenario(valid_axes(space, rng), where="pack check") for _ in range(200)]
    bands = {s.band for s in samples}
    random_rate = random_pass_rate(verifier, samples, rng, RANDOM_DRAWS)
    ideal, seconds = search_figures(verifier, samples[:SEARCHED])
    examples = pack.definition.examples
    return [
        _least("valid scenarios", valid, 500),
        _least("lore documents", len(pack.documents), 30),
        _least("rules", len(rules), 15),
        _least("soft rules", sum(not r.hard for r in rules), 1),
        _least("share of rules that relate steps or lore", relating / len(rules), 1 / 3),
        _least("gold examples", len(examples.gold), 8),
        _least("counter-examples", len(examples.counter), 20),
        _least("evaluation scenarios", len({s.id for s in held_out}), 200),
        _least("difficulty bands that occur", len(bands), 3),
        Figure("random artefacts that pass all hard rules", random_rate, "< 0.02", random_rate < 0.02),
        _least("scenarios that the expert solves", 1.0, 1.0),
        Figure("scenarios solved without soft violation", ideal, "(shown)", True),
        Figure("expert solutions a second", 1 / seconds, "(shown)", True),
    ]


def random_pass_rate(verifier: Verifier, scenarios: list[Scenario], rng: random.Random, draws: int) -> float:
    """Share of schema-valid random artefacts that break no hard rule."""
    steps = [{n: domain(f) for n, f in step.fields.items()} for step in verifier.pack.spec.steps]
    passed = 0
    for i in range(draws):
        scenario = scenarios[i % len(scenarios)]
        artefact: dict[str, object] = {}
        for index, fields in enumerate(steps):
            action = {name: rng.choice(values) for name, values in fields.items()}
            if not verifier.check_step(scenario, artefact, index, action).hard_ok:
                break
            artefact |= action
        else:
            passed += 1
    return passed / draws


def search_figures(verifier: Verifier, scenarios: list[Scenario]) -> tuple[float, float]:
    """Share of scenarios solved without any violation, and seconds a solution; raises TeacherError on an unsolvable one."""
    teacher = SearchTeacher(verifier)
    start = time.perf_counter()
    costs = [teacher.solve(scenario, "")[0][0] for scenario in scenarios]
    return sum(c == 0 for c in costs) / len(costs), (time.perf_counter() - start) / len(costs)


def _least(name: str, value: float, least: float) -> Figure:
    return Figure(name, value, f">= {least:.3g}", value >= least)
