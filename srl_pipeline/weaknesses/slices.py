"""Which slices of the held-out episodes there are: bands, axis values, and pairs of these. Pure.

The episodes of a slice are a mask: a whole number whose bit i says whether episode i is in it. So the failures of a
slice are one AND and one count of bits, and a thousand histories can be tested in seconds.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations

from srl_pipeline.evaluation.results import Episode
from srl_pipeline.evaluation.slices import BANDS, AxisLabels, axis_labels
from srl_pipeline.weaknesses.records import Condition, Kind, Part

MOST_PAIRS = 20_000
"""Pairs that are tested, those with the most scenarios: an evaluation of thousands has too many small ones."""


@dataclass(frozen=True)
class Slice:
    """A part of the episodes; of a pair also the masks of its two parents."""

    part: Part
    mask: int
    n: int
    parents: tuple[Slice, ...] = ()


def mask_of(flags: Iterable[bool]) -> int:
    """The mask of the episodes whose flag is set."""
    return sum(1 << i for i, flag in enumerate(flags) if flag)


def single_slices(episodes: Sequence[Episode], min_scenarios: int) -> list[Slice]:
    """Difficulty bands, then axis values (numbers with many values in ranges), that have enough scenarios."""
    masks: dict[Condition, int] = {}
    by_axis = _conditions(axis_labels(episodes))
    bands = {band: Condition(axis="", label=band) for band in BANDS}
    for i, episode in enumerate(episodes):
        found = [bands.get(episode.band), *(by_axis[axis][value] for axis, value in episode.axes.items())]
        for condition in found:
            if condition is not None:
                masks[condition] = masks.get(condition, 0) | 1 << i
    ordered = [c for c in (*bands.values(), *_unique(by_axis.values())) if c in masks]
    slices = [_slice("value" if c.axis else "band", [c], masks[c]) for c in ordered]
    return [s for s in slices if s.n >= min_scenarios]


def pair_slices(singles: Sequence[Slice], min_scenarios: int) -> list[Slice]:
    """Pairs of values of two axes, and of a band and a value, that have enough scenarios: most scenarios first."""
    pairs: list[Slice] = []
    for a, b in combinations(singles, 2):
        mask = a.mask & b.mask
        if mask.bit_count() >= min_scenarios and a.part.where[0].axis != b.part.where[0].axis:
            pairs.append(_slice("pair", [*a.part.where, *b.part.where], mask, (a, b)))
    return sorted(pairs, key=lambda s: -s.n)[:MOST_PAIRS]


def _slice(kind: Kind, where: list[Condition], mask: int, parents: tuple[Slice, ...] = ()) -> Slice:
    return Slice(Part(kind=kind, where=where), mask, mask.bit_count(), parents)


def _conditions(labels: AxisLabels) -> dict[str, dict[str | float, Condition]]:
    """Axis -> value -> the condition that its slice has."""
    found: dict[str, dict[str | float, Condition]] = {}
    for axis, of_value in labels.items():
        ranges: dict[str, list[float]] = {}
        for value, label in of_value.items():
            if not isinstance(value, str):
                ranges.setdefault(label, []).append(value)
        numbers = {
            label: Condition(axis=axis, label=label, low=min(values), high=max(values))
            for label, values in ranges.items()
        }
        found[axis] = {
            value: Condition(axis=axis, label=label) if isinstance(value, str) else numbers[label]
            for value, label in of_value.items()
        }
    return found


def _unique(by_axis: Iterable[dict[str | float, Condition]]) -> list[Condition]:
    return list(dict.fromkeys(c for conditions in by_axis for c in conditions.values()))
