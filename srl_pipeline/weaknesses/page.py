"""The weaknesses as a page, for people who never saw the code. Pure."""

from __future__ import annotations

from srl_pipeline.evaluation.markdown import table
from srl_pipeline.evaluation.wording import percent, stage_name
from srl_pipeline.weaknesses.records import Regression, Weakness, Weaknesses
from srl_pipeline.weaknesses.wording import part_words

WEAKNESS_COLUMNS = ("where", "fails", "of", "there", "compared with", "weaker by", "interval", "q", "samples")
FIGURE_COLUMNS = ("figure", "state", "told")


def weaknesses_markdown(found: Weaknesses) -> str:
    """The whole page."""
    parts = [
        f"# Weaknesses: {found.model_type.replace('_', ' ')}",
        summary_line(found),
        "## Where it fails more than elsewhere",
        *_weaknesses(found),
        "## Against the current model",
        *_regressions(found),
        "## Figures",
        table(FIGURE_COLUMNS, figure_rows(found), words=3),
        "## How to read this",
        _method(found),
        "## Versions",
        table(("made from", "version"), [(k.replace("_", " "), f"`{v}`") for k, v in found.versions.items()], words=2),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def summary_line(found: Weaknesses) -> str:
    """What was looked at and what came of it."""
    if not found.n:
        return "No scenario was evaluated, so nothing can be said about this model."
    counts = f"{len(found.found)} weaknesses, {len(found.regressions)} regressions, {len(found.alarms)} alarms"
    solved = f"{stage_name(found.stage)} fails {found.failures} of {found.n} held-out scenarios"
    return f"{solved[0].upper()}{solved[1:]}: {counts}; {slices_tested(found)} slices and rules were tested."


def slices_tested(found: Weaknesses) -> int:
    """Slices and rules that were tested for a weakness."""
    return sum(n for kind, n in found.tested.items() if kind != "regression")


def weakness_rows(found: Weaknesses) -> list[tuple[str, ...]]:
    """A row a weakness, as `WEAKNESS_COLUMNS`."""
    return [_row(one) for one in found.found]


def figure_rows(found: Weaknesses) -> list[tuple[str, ...]]:
    """A row a figure, as `FIGURE_COLUMNS`."""
    return [(figure.name, figure.state, figure.sentence) for figure in found.figures]


def _row(one: Weakness) -> tuple[str, ...]:
    rest = f"{percent(one.against_failures / one.against_n)} {one.against}"
    bounds = f"{100 * one.low:.0f} to {100 * one.high:.0f}"
    where, there = part_words(one.part), percent(one.failures / one.n)
    figures = (str(one.failures), str(one.n), there, rest, f"{100 * one.effect:.0f} points", bounds, f"{one.q:.2g}")
    return (where, *figures, ", ".join(f"`{s}`" for s in one.samples))


def _weaknesses(found: Weaknesses) -> list[str]:
    if not found.found:
        return ["Nowhere, as far as it can be told: no slice fails more than chance would let it."]
    told = "\n".join(f"{i}. {one.sentence}" for i, one in enumerate(found.found, start=1))
    return [told, table(WEAKNESS_COLUMNS, weakness_rows(found))]


def _regressions(found: Weaknesses) -> list[str]:
    if found.not_compared:
        return [f"Not compared: {found.not_compared}."]
    if not found.regressions:
        return [f"Nothing is measurably worse than in `{found.promoted}`."]
    return [f"Compared with `{found.promoted}`:", "\n".join(f"- {_regression(one)}" for one in found.regressions)]


def _regression(one: Regression) -> str:
    samples = ", ".join(f"`{s}`" for s in one.samples)
    return f"{one.sentence} (q = {one.q:.2g}; for example {samples})"


def _method(found: Weaknesses) -> str:
    settings = found.settings
    return (
        f"A slice is reported when it lies at least {percent(settings.min_effect)} below what it is compared with and "
        f"its q is at most {settings.false_discovery_rate:g}: of what is reported so, in each of the three lists "
        "(single slices; pairs; rules and skills), at most that share is expected to be chance. Slices with fewer than "
        f"{settings.min_scenarios} scenarios, and those too small to reach the level, are not tested. Order: number of "
        "failures beyond those that the rate of the comparison would give. A figure of time, memory or cost is an "
        f"alarm when it is worse by {settings.regression_factor:g} times or more."
    )
