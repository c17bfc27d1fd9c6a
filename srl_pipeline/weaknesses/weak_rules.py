"""Which rules, and which skills, are broken more than the others. Pure.

Of every episode two numbers are taken as given: m rules applied, b of them were broken. If all rules were alike, the b
broken ones would be any of the m: a given rule would be broken with probability b/m, and at least one of a skill's s
rules with 1 - C(m - s, b) / C(m, b), independently from episode to episode. So the number of episodes in which a rule
or a skill broke is a sum of independent trials with known chances, and its tail is computed. That an episode's checks
hang together (a bad answer breaks many rules) is in b, and costs nothing.

Structural errors are left out: they are no rule, and the rate of well-formed answers is a figure of its own.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from srl_pipeline.evaluation.results import Episode
from srl_pipeline.evaluation.slices import STRUCTURE
from srl_pipeline.weaknesses.exact import benjamini_hochberg, sum_mid_p
from srl_pipeline.weaknesses.records import Part


@dataclass(frozen=True)
class RuleTest:
    """A rule or a skill where it applied."""

    part: Part
    n: int
    failures: int
    expected: float  # failures if all rules were alike
    p: float
    failed: list[str]  # scenario ids

    @property
    def effect(self) -> float:
        """Share of failures above what is expected."""
        return (self.failures - self.expected) / self.n


def rule_tests(
    episodes: Sequence[Episode], skills: Mapping[str, str], min_scenarios: int, level: float
) -> list[RuleTest]:
    """Rules and skills that applied in enough scenarios and could reach ``level``. ``skills``: rule -> skill."""
    checks = [({*e.considered, *e.broken} - {STRUCTURE}, set(e.broken) - {STRUCTURE}, e.scenario_id) for e in episodes]
    of_skill: dict[str, set[str]] = {}
    for rule in sorted({rule for applied, _, _ in checks for rule in applied}):
        if rule in skills:
            of_skill.setdefault(skills[rule], set()).add(rule)
    rules = {rule for applied, _, _ in checks for rule in applied}
    parts = [(Part(kind="rule", name=rule), {rule}) for rule in sorted(rules)]
    # A skill of one rule is that rule.
    parts += [(Part(kind="skill", name=skill), own) for skill, own in sorted(of_skill.items()) if len(own) > 1]
    found = [_test(part, own, checks, min_scenarios, level) for part, own in parts]
    return [test for test in found if test is not None]


def weak_rules(tests: Sequence[RuleTest], level: float, min_effect: float) -> list[tuple[RuleTest, float]]:
    """Those that are weak at this false discovery rate and by at least ``min_effect``, each with its q."""
    adjusted = benjamini_hochberg([test.p for test in tests])
    return [(test, q) for test, q in zip(tests, adjusted, strict=True) if q <= level and test.effect >= min_effect]


def _test(
    part: Part,
    own: Collection[str],
    checks: Sequence[tuple[set[str], set[str], str]],
    min_scenarios: int,
    level: float,
) -> RuleTest | None:
    chances: list[float] = []
    failed: list[str] = []
    for applied, broken, scenario in checks:
        if here := len(applied.intersection(own)):
            chances.append(_chance(here, len(applied), len(broken)))
            if broken.intersection(own):
                failed.append(scenario)
    least = math.prod(chance for chance in chances if chance) / 2
    if len(chances) < min_scenarios or least > level:
        return None
    return RuleTest(part, len(chances), len(failed), math.fsum(chances), sum_mid_p(len(failed), chances), failed)


@lru_cache(maxsize=10_000)
def _chance(own: int, applied: int, broken: int) -> float:
    """That of ``broken`` of the ``applied`` rules at least one is among the ``own``."""
    return 1.0 - math.comb(applied - own, broken) / math.comb(applied, broken)
