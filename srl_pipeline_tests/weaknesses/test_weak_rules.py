"""A rule is weak when it is broken more than the other rules of the same answers."""

from __future__ import annotations

import random

import pytest

from srl_pipeline.evaluation import Episode
from srl_pipeline.weaknesses.detect import weaknesses_of
from srl_pipeline.weaknesses.weak_rules import rule_tests

from ..evaluation.builders import episode
from .given import SETTINGS

RULES = [f"rule-{i}" for i in range(8)]
SKILLS = {rule: "shape" if i < 3 else f"skill-{i // 4}" for i, rule in enumerate(RULES)}


def answers(broken: object, n: int = 60, seed: int = 1) -> list[Episode]:
    """Answers to which every rule applies; ``broken(rng, rule)`` says whether it is broken."""
    rng = random.Random(seed)
    return [
        episode(i, True, considered=RULES, broken=[r for r in RULES if broken(rng, r)], axes={})  # type: ignore[operator]
        for i in range(n)
    ]


def test_a_rule_that_is_broken_more_than_the_others_is_found_and_told() -> None:
    given_ = answers(lambda rng, rule: rng.random() < (0.5 if rule == "rule-5" else 0.1))
    first = weaknesses_of(given_, SKILLS, SETTINGS, 0.95)[0][0]
    assert (first.part.kind, first.part.name, first.n) == ("rule", "rule-5", 60)
    assert first.failures == sum("rule-5" in e.broken for e in given_)
    assert first.against_failures == pytest.approx(sum(len(e.broken) / 8 for e in given_))
    assert first.sentence.startswith(f"Rule `rule-5` is broken in {first.failures} of the 60 scenarios")
    assert set(first.samples) <= {e.scenario_id for e in given_ if "rule-5" in e.broken}


def test_a_skill_fails_where_any_of_its_rules_is_broken() -> None:
    given_ = answers(lambda rng, rule: rng.random() < (0.3 if SKILLS[rule] == "shape" else 0.05))
    found = {w.part.name: w for w in weaknesses_of(given_, SKILLS, SETTINGS, 0.95)[0]}
    shape = {rule for rule, skill in SKILLS.items() if skill == "shape"}
    assert found["shape"].part.kind == "skill"
    assert found["shape"].failures == sum(bool(shape & set(e.broken)) for e in given_)


def test_answers_that_break_everything_make_no_rule_weak() -> None:
    given_ = [episode(i, True, considered=RULES, broken=RULES if i % 3 == 0 else [], axes={}) for i in range(60)]
    assert weaknesses_of(given_, SKILLS, SETTINGS, 0.95)[0] == []


def test_structural_errors_are_no_rule() -> None:
    given_ = [episode(i, True, considered=RULES, broken=["schema"], axes={}) for i in range(60)]
    assert rule_tests(given_, SKILLS, 6, 0.1) == []


def test_a_rule_that_applied_too_seldom_is_not_tested() -> None:
    given_ = [episode(i, True, considered=RULES if i < 5 else RULES[:4], broken=["rule-1"], axes={}) for i in range(60)]
    assert {t.part.name for t in rule_tests(given_, {}, 6, 0.1)} == set(RULES[:4])


def test_rules_that_are_broken_alike_are_seldom_found_weak() -> None:
    histories = [answers(lambda rng, rule: rng.random() < 0.15, seed=seed) for seed in range(60)]
    assert sum(bool(weaknesses_of(h, SKILLS, SETTINGS, 0.95)[0]) for h in histories) <= 12
