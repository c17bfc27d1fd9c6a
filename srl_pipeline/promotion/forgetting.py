"""Slices on which a candidate fell behind, and how many of them are no accident. Pure.

A slice is forgotten when it fell by more than is allowed *and* a one-sided sign test on its scenarios says so, held to
a false discovery rate over all slices (Benjamini and Hochberg). Where nothing was forgotten that is the chance of any
false alarm, as Bonferroni's bound would give; where something was, more of it is found.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from srl_pipeline.evaluation.slices import BANDS, axis_labels
from srl_pipeline.promotion.evidence import Pairs
from srl_pipeline.weaknesses.exact import benjamini_hochberg, sign_tail


@dataclass(frozen=True)
class SliceChange:
    """One slice: scenarios that both tried, how many were lost, how many gained."""

    name: str
    n: int
    lost: int
    gained: int

    @property
    def drop(self) -> float:
        """By how much its share fell, 0..1; negative where it rose."""
        return (self.lost - self.gained) / self.n


def slice_changes(pairs: Pairs, skills: Mapping[str, str]) -> list[SliceChange]:
    """Difficulty bands and axis values by scenarios solved; skills by answers in which all their rules held.

    A skill counts where both answers met a rule of it: another valid answer may rightly meet none.
    """
    found = [_change(f"difficulty {band}", [p for p in pairs if p[1].band == band]) for band in BANDS]
    for axis, labels in axis_labels(after for _, after in pairs).items():
        for label in dict.fromkeys(labels.values()):
            within = [p for p in pairs if labels.get(p[1].axes.get(axis, "")) == label]
            found.append(_change(f"{axis} {label}", within))
    found += [_skill(skill, pairs, skills) for skill in sorted(set(skills.values()))]
    return [change for change in found if change.n]


def forgotten(changes: list[SliceChange], max_drop: float, level: float) -> list[SliceChange]:
    """The slices that fell by more than ``max_drop``, at false discovery rate ``level``; the worst first."""
    testable = [c for c in changes if 0.5**c.n < level]  # a smaller one could not tell, whatever came
    adjusted = benjamini_hochberg([sign_tail(c.lost, c.gained) for c in testable])
    told = [c for c, q in zip(testable, adjusted, strict=True) if q < level and c.drop > max_drop]
    return sorted(told, key=lambda c: -c.drop)


def _change(name: str, pairs: Pairs) -> SliceChange:
    return _count(name, [(before.correct, after.correct) for before, after in pairs])


def _skill(skill: str, pairs: Pairs, skills: Mapping[str, str]) -> SliceChange:
    rules = {rule for rule, of in skills.items() if of == skill}
    held = [
        (not rules & set(before.broken), not rules & set(after.broken))
        for before, after in pairs
        if rules & set(before.considered) and rules & set(after.considered)
    ]
    return _count(f"skill {skill}", held)


def _count(name: str, cells: list[tuple[bool, bool]]) -> SliceChange:
    return SliceChange(name, len(cells), cells.count((True, False)), cells.count((False, True)))
