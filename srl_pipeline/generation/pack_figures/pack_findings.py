"""What a designer should look at: figures of a pack that are out of the ordinary, as sentences. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from srl_pipeline.generation.pack_figures.field_freedom import FieldFreedom
from srl_pipeline.generation.pack_figures.pack_statistics import BANDS, PackStatistics, ScenarioFigures
from srl_pipeline.generation.pack_figures.rule_hits import RuleHits

MAX_GUESSED = 0.02
MIN_COVERAGE = 0.9
"""Of the pairs of axis values within reach."""
MIN_BAND = 0.05
RARE = 0.02
"""Share of the expert's solutions below which a condition counts as rare."""


def findings(statistics: PackStatistics) -> list[str]:
    """Sentences, most serious first; empty when nothing stands out."""
    return [
        *_outcomes(statistics),
        *_scenarios(statistics.scenarios),
        *_rules(statistics.rules),
        *_fields(statistics.fields),
    ]


def _outcomes(s: PackStatistics) -> Iterator[str]:
    solved, guessed = s.expert.solved, s.guessed
    if solved.hits < solved.n:
        first = " ".join(s.expert.failures[0].split())
        yield f"The expert did not solve {solved.n - solved.hits} of {solved.n} scenarios; the first: {first}"
    if guessed.value >= MAX_GUESSED:
        yield f"Guessing passes {100 * guessed.value:.1f} % of the time; under {100 * MAX_GUESSED:g} % is asked for."


def _scenarios(s: ScenarioFigures) -> Iterator[str]:
    if s.drawn < MIN_COVERAGE * s.reachable:
        yield "A training set leaves more than a tenth of the reachable pairs of axis values unseen."
    if s.held_out is None:
        yield "There is no evaluation set."
    elif s.held_out < MIN_COVERAGE * s.reachable:
        yield "The evaluation set leaves more than a tenth of the reachable pairs of axis values untested."
    for band, count in zip(BANDS, s.bands, strict=True):
        if count < MIN_BAND * sum(s.bands):
            yield f"Only {count} of {sum(s.bands):,} random scenarios are {band}."


def _rules(rules: Sequence[RuleHits]) -> Iterator[str]:
    for rule in rules:
        if rule.applies is None or rule.changed is None:
            continue
        if rule.applies == 0:
            yield f"Rule `{rule.rule}` applied to none of the expert's solutions: nothing teaches it."
        elif rule.applies < RARE:
            yield f"Rule `{rule.rule}` applied to only {100 * rule.applies:.1f} % of the expert's solutions."
        elif rule.changed == 0:
            yield f"Rule `{rule.rule}` is broken by no single wrong field."
        elif rule.implied:
            yield f"Rule `{rule.rule}` follows from the other hard rules: no artefact breaks it alone."


def _fields(fields: Sequence[FieldFreedom]) -> Iterator[str]:
    for field in fields:
        if field.noticed == 0 and field.values > 1:
            yield f"Field `{field.field}` may be anything: no rule notices another value."
        elif field.unused:
            words = ", ".join(f"`{word}`" for word in field.unused)
            yield f"The expert never wrote {words} in field `{field.field}`: no lore asks for it, or very rarely."
