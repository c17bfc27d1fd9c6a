"""The figures of an evaluation beside those before it: which are an alarm. Pure; order is that of `seq`, not of time.

**Latency, speed, memory, cost** are compared with the promoted model's figure, or, where that is not known, with the
median of the window: an alarm where they are worse (by `tracking.gain`) and the worse of the two is at least
``regression_factor`` times the better. So a latency that triples is an alarm, and one that falls to a third is none.

**Rates** (solved, well-formed, with a hard violation) are compared with the pooled window by Fisher's exact test,
one-sided, held to the false discovery rate: an alarm where there are more bad answers than before. The scenarios are
the same ones and not independent samples, which makes this test cautious; the sharp comparison is the paired one with
the promoted model (`regressions`), and the only one for the reward.

A figure that is missing or not finite is not measured: it is told, and is never an alarm.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from statistics import median
from typing import Literal

from srl_pipeline.config.promotion import WeaknessConfig
from srl_pipeline.registry import Entry
from srl_pipeline.tracking import METRICS, gain
from srl_pipeline.weaknesses.exact import benjamini_hochberg, fisher_tail
from srl_pipeline.weaknesses.records import Figure

REPORT = "eval_report"
RATES = ("pass_rate", "format_rate", "hard_violation_rate")
RESOURCES = tuple(name for name in METRICS if name not in (*RATES, "reward_mean"))
COUNT = "n"
"""Metric of `eval_report` that says how many scenarios its rates are of."""


def window_of(history: Sequence[Entry], version: str, preset: str, window: int) -> list[Entry]:
    """The last ``window`` evaluations of this preset that are in the history before ``version``, oldest first."""
    evaluations = sorted((e for e in history if e.asset == REPORT), key=lambda e: e.seq)
    own = [e.seq for e in evaluations if e.data_version == version]
    before = [
        e for e in evaluations if e.data_version != version and e.preset == preset and (not own or e.seq < max(own))
    ]
    return before[-window:]


def figures(
    metrics: Mapping[str, float], promoted: Mapping[str, float], window: Sequence[Entry], settings: WeaknessConfig
) -> list[Figure]:
    """One figure for every metric that has a good way.

    Args:
        metrics: Those of this evaluation.
        promoted: Those of the promoted model, as far as they are known.
        window: Earlier evaluations, oldest first.
    """
    series = {name: [v for e in window if (v := _figure(name, e.metrics)) is not None] for name in METRICS}
    chances = {name: p for name in RATES if (p := _against_window(name, metrics, window)) is not None}
    adjusted = dict(zip(chances, benjamini_hochberg(list(chances.values())), strict=True))
    found: list[Figure] = []
    for name in METRICS:
        value = _figure(name, metrics)
        if value is None:
            found.append(_not_measured(name, series[name], metrics.get(name)))
        elif name in RESOURCES:
            found.append(_resource(name, value, _figure(name, promoted), series[name], settings.regression_factor))
        else:
            p, q = chances.get(name), adjusted.get(name)
            alarm = q is not None and q <= settings.false_discovery_rate
            found.append(_quality(name, value, _pooled(name, window), series[name], p, q, alarm=alarm))
    return found


def promoted_figures(history: Sequence[Entry], registered: str) -> dict[str, float]:
    """The figures of the report that a registered model rests on, as the history has them; empty where it does not."""
    reports = {e.inputs.get(REPORT) for e in history if e.asset == "registered_model" and e.data_version == registered}
    found = [e for e in history if e.asset == REPORT and e.data_version in reports]
    return dict(max(found, key=lambda e: e.seq).metrics) if found else {}


def _resource(name: str, value: float, promoted: float | None, series: list[float], factor: float) -> Figure:
    known = promoted is not None
    baseline = promoted if known else median(series) if series else None
    whose: Literal["promoted", "window", ""] = "promoted" if known else "window" if series else ""
    alarm = baseline is not None and gain(name, baseline, value) < 0 and _times(baseline, value) >= factor
    what = f"{METRICS[name].title}: {_amount(name, value)}"
    if baseline is None:
        sentence = f"{what}; nothing to compare it with yet."
    else:
        than = "the current model has" if known else f"the median of {len(series)} evaluations before is"
        sentence = f"{what}; {than} {_amount(name, baseline)}" + (
            f": worse by {factor:g} times or more." if alarm else "."
        )
    return Figure(
        name=name,
        value=value,
        baseline=baseline,
        baseline_from=whose,
        series=series,
        state="alarm" if alarm else "no alarm",
        sentence=sentence,
    )


def _quality(
    name: str,
    value: float,
    baseline: float | None,
    series: list[float],
    p: float | None,
    q: float | None,
    *,
    alarm: bool,
) -> Figure:
    before = (
        "nothing to compare it with yet"
        if baseline is None
        else f"the {len(series)} evaluations before have {_amount(name, baseline)}"
    )
    return Figure(
        name=name,
        value=value,
        baseline=baseline,
        baseline_from="" if baseline is None else "window",
        series=series,
        state="alarm" if alarm else "no alarm",
        p=p,
        q=q,
        sentence=f"{METRICS[name].title}: {_amount(name, value)}; {before}{': worse.' if alarm else '.'}",
    )


def _not_measured(name: str, series: list[float], value: float | None) -> Figure:
    why = "not in the report" if value is None else f"{value}, which is no measurement"
    return Figure(
        name=name,
        value=None,
        baseline=None,
        baseline_from="",
        series=series,
        state="not measured",
        sentence=f"{METRICS[name].title}: not measured ({why}).",
    )


def _against_window(name: str, metrics: Mapping[str, float], window: Sequence[Entry]) -> float | None:
    """P-value of more bad answers than in the pooled window; None where one of them is not known."""
    own, before = _bad(name, metrics), [bad for e in window if (bad := _bad(name, e.metrics))]
    if own is None or not before:
        return None
    failures, n = own
    all_failures, total = failures + sum(f for f, _ in before), n + sum(count for _, count in before)
    return fisher_tail(failures, n, all_failures, total)


def _pooled(name: str, window: Sequence[Entry]) -> float | None:
    """The figure over all scenarios of the window."""
    known = [(e.metrics[name], e.metrics[COUNT]) for e in window if _bad(name, e.metrics)]
    total = sum(n for _, n in known)
    return sum(value * n for value, n in known) / total if total else None


def _bad(name: str, metrics: Mapping[str, float]) -> tuple[int, int] | None:
    """Bad answers, and all answers; None where they are not known."""
    rate, n = metrics.get(name), metrics.get(COUNT)
    if rate is None or n is None or not (math.isfinite(n) and n >= 1 and 0 <= rate <= 1):
        return None
    return round(n * (1 - rate if METRICS[name].better == "higher" else rate)), round(n)


def _times(a: float, b: float) -> float:
    """The greater as a multiple of the lesser; a figure that was 0 has become infinitely many times itself."""
    low, high = min(a, b), max(a, b)
    return high / low if low > 0 else math.inf


def _figure(name: str, metrics: Mapping[str, float]) -> float | None:
    """The figure, if it is one: finite, and no resource below zero."""
    value = metrics.get(name)
    if value is None or not math.isfinite(value) or (name in RESOURCES and value < 0):
        return None
    return value


def _amount(name: str, value: float) -> str:
    unit = METRICS[name].unit
    return f"{100 * value:.1f} %" if unit == "share" else f"{value:.4g}" + ("" if unit == "0..1" else f" {unit}")
