"""How reports put figures into words: percentages, intervals, p-values and the sentences that judge a change. Pure."""

from __future__ import annotations

from srl_pipeline.evaluation.statistics import Estimate
from srl_pipeline.evaluation.summary import Comparison, Summary

UNKNOWN = "–"
"""Stands for what was not measured."""
_NAMES = {"base": "base", "warmup": "warm-up", "srl": "SRL", "rlvr": "RLVR", "sft": "SFT"}


def stage_name(stage: str) -> str:
    """A stage as people write it."""
    return _NAMES.get(stage, stage.replace("_", " "))


def sentences(summary: Summary) -> list[str]:
    """What improved and what did not: where the chain ended, then one sentence a comparison."""
    return [headline(summary), *(sentence(c, summary.confidence) for c in summary.comparisons)]


def headline(summary: Summary) -> str:
    """How good the last stage is."""
    final = summary.final
    if final is None or not final.n:
        return "No scenario was evaluated, so nothing can be said about this model."
    solved = round((final.pass_rate.value or 0.0) * final.n)
    who = _sentence_case(stage_name(final.stage))
    certainty = f"{level(summary.confidence)} CI {bounds(final.pass_rate)}"
    return f"{who} solves {solved} of {final.n} held-out scenarios: {percent(final.pass_rate.value)} ({certainty})."


def sentence(comparison: Comparison, confidence: float) -> str:
    """One comparison, e.g. ``RLVR against base: +12.0 points (95 % CI 5.1 to 18.7, p = 0.0004): an improvement.``"""
    who = f"{_sentence_case(stage_name(comparison.after))} against {stage_name(comparison.before)}"
    change = comparison.passed.difference
    if change.value is None or comparison.passed.p is None:
        return f"{who}: not measured: no scenario was tried by both."
    figures = f"{signed(change.value)} points ({level(confidence)} CI {bounds(change)}, {p_value(comparison.passed.p)})"
    article = {"improvement": "an improvement", "decline": "a decline"}
    return f"{who}: {figures}: {article.get(comparison.verdict, comparison.verdict)}."


def caution(summary: Summary) -> str:
    """What the sentences do not allow for; empty with fewer than two comparisons."""
    count = len(summary.comparisons)
    if count < 2:
        return ""
    threshold = (1 - summary.confidence) / count
    return (
        f"These are {count} comparisons, not corrected for their number; "
        f"a difference below p = {threshold:.3g} stands even then (Bonferroni)."
    )


def percent(share: float | None) -> str:
    """A share as a percentage."""
    return UNKNOWN if share is None else f"{100 * share:.1f} %"


def bounds(estimate: Estimate) -> str:
    """The interval of a share, in percent or points."""
    if estimate.low is None or estimate.high is None:
        return UNKNOWN
    return f"{_tenths(100 * estimate.low)} to {_tenths(100 * estimate.high)}"


def rate(estimate: Estimate) -> str:
    """A share with its interval, e.g. ``62.0 % (55.1 to 68.4)``."""
    shown = percent(estimate.value)
    return shown if estimate.low is None else f"{shown} ({bounds(estimate)})"


def signed(share: float) -> str:
    """A change of a share in points, with its sign; no sign for what rounds to zero."""
    text = _tenths(100 * share)
    return f"+{text}" if share > 0 and text != "0.0" else text


def number(value: float | None, digits: int = 2) -> str:
    """A figure with thousands marked, or the sign for 'not measured'."""
    return UNKNOWN if value is None else f"{value:,.{digits}f}"


def change(estimate: Estimate) -> str:
    """A difference of means with its interval, e.g. ``+0.12 (0.05 to 0.19)``."""
    if estimate.value is None:
        return UNKNOWN
    shown = f"{estimate.value:+.2f}"
    if estimate.low is None or estimate.high is None:
        return shown
    return f"{shown} ({estimate.low:.2f} to {estimate.high:.2f})"


def duration(seconds: float | None) -> str:
    """Seconds below two minutes, then minutes, then hours."""
    if seconds is None:
        return UNKNOWN
    if seconds < 120:
        return f"{seconds:.1f} s"
    return f"{seconds / 60:.1f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"


def seconds(value: float) -> str:
    """A latency: three figures, in milliseconds below a second."""
    return f"{1000 * value:.3g} ms" if value < 0.9995 else f"{value:.3g} s" if value < 1000 else f"{value:,.0f} s"


def p_value(p: float) -> str:
    """A p-value as printed: four decimals, never 'p = 0'."""
    return "p < 0.0001" if p < 0.0001 else f"p = {p:.4f}"


def level(confidence: float) -> str:
    """A confidence level, e.g. ``95 %``."""
    return f"{100 * confidence:g} %"


def _sentence_case(text: str) -> str:
    return text[:1].upper() + text[1:]


def _tenths(value: float) -> str:
    text = f"{value:.1f}"
    return "0.0" if text == "-0.0" else text
