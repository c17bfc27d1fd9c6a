"""Prove that a pack is what docs/packs.md demands, and measure it."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from random import Random

from srl_pipeline.canonical import seed_of
from srl_pipeline.contracts import Artefact, Json, Scenario
from srl_pipeline.generation.drawing import count_valid, evaluation_scenarios
from srl_pipeline.generation.pack_figures.rule_figures import slowest_rule, unsayable_words
from srl_pipeline.model_types import Pack
from srl_pipeline.teachers import SearchTeacher, domain
from srl_pipeline.verification import (
    Evidence,
    Rule,
    ScenarioSpace,
    Verifier,
    artefact_of,
    check_examples,
    judge,
    valid_axes,
)

RANDOM_DRAWS = 10_000
SAMPLED = 200
SEARCHED = 60


@dataclass(frozen=True)
class Figure:
    """One measured figure and what is demanded of it."""

    name: str
    value: float
    demand: str
    met: bool
    note: str = ""


def check_pack(pack: Pack) -> list[Figure]:
    """All figures. Raises PackError for what is plainly wrong (a rule, an example, a fact, a held-out scenario)."""
    verifier, space = Verifier(pack), ScenarioSpace(pack)
    check_examples(verifier)
    rng = Random(seed_of("pack check", pack.name))
    valid, _ = count_valid(space)
    frozen = pack.definition.evaluation.scenarios
    held_out = {s.id for s in evaluation_scenarios(space)} if frozen else set[str]()
    samples = [space.scenario(valid_axes(space, rng), where="pack check") for _ in range(SAMPLED)]
    random_rate = random_pass_rate(verifier, samples, rng, RANDOM_DRAWS)
    solved = solve_all(verifier, samples[:SEARCHED])
    rule, slowest = slowest_rule(verifier, list(zip(samples, solved.artefacts, strict=False)))
    unsayable = unsayable_words(pack)
    freeze = "" if frozen else f"There is no evaluation.yaml: run 'srl-pipeline packs freeze {pack.name}'."
    return [
        _least("valid scenarios", valid, 500),
        _least("lore documents", len(pack.documents), 30),
        *_rule_figures(verifier),
        _least("gold examples", len(pack.definition.examples.gold), 8),
        _least("counter-examples", len(pack.definition.examples.counter), 20),
        _least("evaluation scenarios", len(held_out), 200, freeze),
        _least("difficulty bands that occur", len({s.band for s in samples}), 3),
        Figure("random artefacts that pass all hard rules", random_rate, "< 0.02", random_rate < 0.02),
        _least("scenarios that the expert solves", 1.0, 1.0),
        Figure("scenarios solved without soft violation", solved.ideal, "(shown)", True),
        Figure("expert solutions a second", 1 / solved.seconds, "(shown)", True),
        Figure("slowest rule, microseconds", slowest * 1e6, "<= 5000", True, f"The slowest rule is {rule.id}."),
        Figure(
            "fact words that no field can say",
            len(unsayable),
            "(0 is best)",
            True,
            f"Rules compare these with a field whose enum lacks them: {', '.join(unsayable)}." if unsayable else "",
        ),
    ]


def _rule_figures(verifier: Verifier) -> list[Figure]:
    rules = verifier.rules.rules
    step_of = {name: i for i, step in enumerate(verifier.pack.spec.steps) for name in step.fields}
    relating = sum(r.reads_facts or len({step_of[f] for f in r.fields}) > 1 for r in rules)
    return [
        _least("rules", len(rules), 15),
        _least("soft rules", sum(not r.hard for r in rules), 1),
        _least("share of rules that relate steps or lore", relating / len(rules), 1 / 3),
    ]


def random_pass_rate(verifier: Verifier, scenarios: list[Scenario], rng: Random, draws: int) -> float:
    """Share of schema-valid random artefacts that break no hard rule."""
    steps = [{n: domain(f) for n, f in step.fields.items()} for step in verifier.pack.spec.steps]
    rules = [[r for r in verifier.rules.at(i) if r.hard] for i in range(len(steps))]
    # The artefacts are valid by construction, so only rules are asked, and a scenario's facts are converted once.
    evidence = [verifier.evidence(scenario) for scenario in scenarios]
    return sum(_passes(steps, rules, evidence[i % len(evidence)], rng) for i in range(draws)) / draws


def _passes(
    steps: Sequence[Mapping[str, Sequence[Json]]], rules: Sequence[Sequence[Rule]], evidence: Evidence, rng: Random
) -> bool:
    for fields, due in zip(steps, rules, strict=True):
        for name, values in fields.items():
            evidence.set(name, rng.choice(values))
        if any(judge(rule, evidence) not in (True, None) for rule in due):
            return False
    return True


@dataclass(frozen=True)
class Solved:
    """What the expert search made of some scenarios."""

    artefacts: list[Artefact]
    ideal: float
    """Share that breaks no rule, hard or soft."""
    seconds: float
    """Seconds of processor time a solution."""


def solve_all(verifier: Verifier, scenarios: list[Scenario]) -> Solved:
    """Solve them all; raises TeacherError on an unsolvable one."""
    teacher = SearchTeacher(verifier)
    start = time.thread_time()
    plans = [teacher.solve(scenario, "")[0] for scenario in scenarios]
    seconds = (time.thread_time() - start) / len(plans)
    return Solved([artefact_of(p) for _, p in plans], sum(cost == 0 for cost, _ in plans) / len(plans), seconds)


def _least(name: str, value: float, least: float, note: str = "") -> Figure:
    return Figure(name, value, f">= {least:.3g}", value >= least, note)
