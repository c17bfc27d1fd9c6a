"""Figures about the rules themselves: how long they take, and words of the lore that no answer can give."""

from __future__ import annotations

import re
import time
from collections.abc import Sequence

from srl_pipeline.contracts import Artefact, Scenario
from srl_pipeline.errors import RuleError
from srl_pipeline.model_types import EnumField, Pack, SetField
from srl_pipeline.verification import Rule, Verifier, judge

MAX_RULE_SECONDS = 0.005
"""A rule that takes longer is refused: rewards ask for each rule many thousand times."""
REPEATS = 5
# what a rule forbids need not be sayable: a comparison that is negated does not count
_COMPARED = re.compile(r"(?<!!\()\bartefact\.(\w+)\s*(?:==|in)\s*facts\.(\w+)\.(\w+)")


def slowest_rule(verifier: Verifier, cases: Sequence[tuple[Scenario, Artefact]]) -> tuple[Rule, float]:
    """The rule that takes longest, and its seconds; raises RuleError for one that is too slow.

    Of some repetitions the fastest counts, so that another process on the machine makes no rule slow.
    """
    measured = [(max(_seconds(verifier, rule, *case) for case in cases), rule) for rule in verifier.rules.rules]
    seconds, rule = max(measured, key=lambda m: m[0])
    if seconds > MAX_RULE_SECONDS:
        raise RuleError(
            f"Rule {rule.id!r} takes {seconds * 1e3:.1f} ms; at most {MAX_RULE_SECONDS * 1e3:.0f} ms are allowed.",
            where=rule.assertion.where,
            mend="Make it simpler: shorter lists, fewer comprehensions, no regular expression.",
        )
    return rule, seconds


def unsayable_words(pack: Pack) -> list[str]:
    """Fact words that a rule compares with a field whose enum lacks them: ``cedar (facts.region.timber)``."""
    fields = {name: field for step in pack.spec.steps for name, field in step.fields.items()}
    found: list[str] = []
    for rule in pack.definition.rules.rules:
        for name, axis, fact in _COMPARED.findall(rule.assertion):
            field = fields.get(name)
            if isinstance(field, (EnumField, SetField)):
                known = set(field.enum if isinstance(field, EnumField) else field.items.enum)
                found += [f"{w} (facts.{axis}.{fact})" for w in sorted(_fact_words(pack, axis, fact) - known)]
    return list(dict.fromkeys(found))


def _fact_words(pack: Pack, axis: str, fact: str) -> set[str]:
    values = pack.spec.axes.get(axis)
    bound = [v.lore for v in values.values() if v.lore] if isinstance(values, dict) else []
    facts = [pack.documents[document].facts.get(fact) for document in bound]
    return {w for f in facts for w in ([f] if isinstance(f, str) else f if isinstance(f, list) else [])}


def _seconds(verifier: Verifier, rule: Rule, scenario: Scenario, artefact: Artefact) -> float:
    evidence = verifier.evidence(scenario, artefact)
    best = float("inf")
    for _ in range(REPEATS):
        start = time.perf_counter()
        judge(rule, evidence)
        best = min(best, time.perf_counter() - start)
    return best
