"""Sentences that a designer understands. Pure."""

from __future__ import annotations

from srl_pipeline.tracking import METRICS
from srl_pipeline.weaknesses.records import Condition, Part

ELSEWHERE = "elsewhere"
_ALIKE = "if the broken rules were spread evenly"


def plain(name: str) -> str:
    """A name as people write it."""
    return name.replace("_", " ")


def condition_words(condition: Condition) -> str:
    """E.g. ``region is *karst hollow*``."""
    return f"{plain(condition.axis) or 'difficulty'} is *{plain(condition.label)}*"


def part_words(part: Part) -> str:
    """The slice as a table names it."""
    if part.kind == "rule":
        return f"rule `{part.name}`"
    if part.kind == "skill":
        return f"skill {plain(part.name)}"
    return " and ".join(condition_words(c) for c in part.where)


def against_words(parent: Part | None) -> str:
    """What a slice is compared with: all other scenarios, or the others of ``parent``."""
    return f"otherwise where {part_words(parent)}" if parent else ELSEWHERE


def slice_sentence(part: Part, failures: int, n: int, against: str, rest_failures: int, rest_n: int) -> str:
    """E.g. ``Where region is *karst hollow*, 9 of 12 scenarios fail (75 %); elsewhere 20 of 88 (23 %).``"""
    rest = f"{against} {rest_failures} of {rest_n} ({share(rest_failures, rest_n)})"
    return f"Where {part_words(part)}, {failures} of {n} scenarios fail ({share(failures, n)}); {rest}."


def rule_sentence(part: Part, failures: int, n: int, expected: float) -> str:
    """E.g. ``Rule `x` is broken in 30 of the 80 scenarios to which it applies (38 %); … it would be 8.4 (11 %).``"""
    who = part_words(part)
    seen = f"is broken in {failures} of the {n} scenarios to which it applies ({share(failures, n)})"
    return f"{who[0].upper()}{who[1:]} {seen}; {_ALIKE}, it would be {expected:.1f} ({share(expected, n)})."


def regression_sentence(figure: str, part: Part | None, n: int, lost: int, gained: int) -> str:
    """E.g. ``Where season is *winter*, solved: worse than the current model on 8 of 20 scenarios, better on 1.``"""
    where = f"Where {part_words(part)}, " if part else "Over all scenarios, "
    told = f"worse than the current model on {lost} of {n} scenarios, better on {gained}"
    return f"{where}{METRICS[figure].title}: {told}."


def share(part: float, n: float) -> str:
    """A whole percentage."""
    return f"{100 * part / n:.0f} %"
