"""Episodes cut into slices: by skill, rule, difficulty and scenario axis. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from srl_pipeline.contracts import Record
from srl_pipeline.evaluation.results import Episode
from srl_pipeline.evaluation.statistics import Estimate, wilson

BANDS = ("easy", "medium", "hard")
MAX_VALUES = 8
"""A numeric axis with more values than this is shown in `RANGES` ranges: single values would have too few scenarios."""
RANGES = 4
MAX_RULES = 10
STRUCTURE = "schema"
"""Rule id that stands for a structural error; it applies to every episode."""

AxisLabels = Mapping[str, Mapping["str | float", str]]
"""Axis -> value -> label of its slice, in the order of the slices."""


class Slice(Record):
    """A named part of the episodes (or of the rule checks) and the share of it that is good."""

    name: str
    rate: Estimate


class BrokenRule(Record):
    """How often a rule was broken among the episodes to which it applied."""

    rule: str
    skill: str
    severity: str
    broken: int
    applied: int


def skill_slices(episodes: Sequence[Episode], skills: Mapping[str, str]) -> list[Slice]:
    """Share of the applicable rules of each skill that held; ``n`` is rule checks.

    No interval: checks within one episode are not independent. A rule of a step that never parsed was not checked and
    does not count.
    """
    applied: Counter[str] = Counter()
    held: Counter[str] = Counter()
    for episode in episodes:
        broken = set(episode.broken)
        for rule in episode.considered:
            if skill := skills.get(rule):
                applied[skill] += 1
                held[skill] += rule not in broken
    return [Slice(name=skill, rate=_share(held[skill], applied[skill])) for skill in sorted(set(skills.values()))]


def band_slices(episodes: Sequence[Episode], confidence: float) -> list[Slice]:
    """Pass rate by difficulty, easy first; all three bands, also an empty one."""
    return [_slice(band, [e for e in episodes if e.band == band], confidence) for band in BANDS]


def axis_labels(episodes: Iterable[Episode]) -> AxisLabels:
    """Labels of the slices of every axis, over all ``episodes``, so that every stage is cut alike."""
    found: dict[str, set[str | float]] = {}
    for episode in episodes:
        for axis, value in episode.axes.items():
            found.setdefault(axis, set()).add(value)
    return {axis: _labels(values) for axis, values in sorted(found.items())}


def axis_slices(episodes: Sequence[Episode], labels: AxisLabels, confidence: float) -> dict[str, list[Slice]]:
    """Pass rate by value (or range of values) of each axis."""
    return {
        axis: [
            _slice(label, [e for e in episodes if of_value.get(e.axes.get(axis, "")) == label], confidence)
            for label in dict.fromkeys(of_value.values())
        ]
        for axis, of_value in labels.items()
    }


def broken_rules(episodes: Sequence[Episode], skills: Mapping[str, str]) -> list[BrokenRule]:
    """The rules broken in the most episodes, most first, at most `MAX_RULES`."""
    broken = Counter(rule for e in episodes for rule in set(e.broken))
    hard = {rule for e in episodes for rule in e.hard_broken}
    applied = Counter(rule for e in episodes for rule in {*e.considered, *e.broken})
    applied[STRUCTURE] = len(episodes)
    ranked = sorted(broken.items(), key=lambda item: (-item[1], item[0]))[:MAX_RULES]
    return [
        BrokenRule(
            rule=rule,
            skill=skills.get(rule, "format" if rule == STRUCTURE else ""),
            severity="hard" if rule in hard else "soft",
            broken=count,
            applied=applied[rule],
        )
        for rule, count in ranked
    ]


def _slice(name: str, episodes: Sequence[Episode], confidence: float) -> Slice:
    return Slice(name=name, rate=wilson(sum(e.correct for e in episodes), len(episodes), confidence))


def _share(part: int, n: int) -> Estimate:
    return Estimate(value=part / n if n else None, low=None, high=None, n=n)


def _labels(values: set[str | float]) -> dict[str | float, str]:
    words = sorted(v for v in values if isinstance(v, str))
    numbers = sorted(v for v in values if not isinstance(v, str))
    labels: dict[str | float, str] = {word: word for word in words}
    if len(numbers) <= MAX_VALUES:
        return labels | {number: f"{number:g}" for number in numbers}
    for i in range(RANGES):
        part = numbers[i * len(numbers) // RANGES : (i + 1) * len(numbers) // RANGES]
        labels |= dict.fromkeys(part, f"{part[0]:g} to {part[-1]:g}")
    return labels
