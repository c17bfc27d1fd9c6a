"""An ablation in words: the Markdown page, and the rows of the terminal's tables. Pure."""

from __future__ import annotations

from srl_pipeline.ablation.plan import REGIMES, Arm, Regime
from srl_pipeline.ablation.summary import AblationResults, Comparison, Measure, Row
from srl_pipeline.evaluation.markdown import table
from srl_pipeline.evaluation.statistics import RESAMPLES, Estimate
from srl_pipeline.evaluation.wording import (
    bounds,
    change,
    duration,
    level,
    number,
    p_value,
    percent,
    rate,
    signed,
)

ARM_NAMES: dict[Arm, str] = {
    "base": "base, untouched",
    "warmup": "warm-up: the start",
    "sft": "SFT",
    "rlvr": "RLVR only",
    "holistic": "one-step holistic",
    "srl": "SRL",
    "srl_rlvr": "SRL → RLVR",
}
MEASURE_NAMES: dict[Measure, str] = {
    "greedy": "solved, greedy, points",
    "sampled": "solved, T = 1, points",
    "steps": "steps right, T = 1",
}
COMPARISON_COLUMNS = ("", *MEASURE_NAMES.values())
PLOT = "ablation.png"
ROW_COLUMNS = ("arm", "solved, greedy", "solved, T = 1", "steps right, T = 1", "expert's very answer", "format right")
COST_COLUMNS = ("arm", "generated", "trained", "together", "updates", "time", "training scenarios")


def page(results: AblationResults) -> str:
    """The whole page."""
    parts = [
        f"# Training methods at equal budgets: {results.model_type.replace('_', ' ')}",
        _introduction(results),
        f"![Verified pass rate by arm and regime]({PLOT})",
        *(part for regime in results.regimes for part in _regime(results, regime)),
        *_skipped(results),
        "## What chose the regimes",
        _calibrations(results),
        *_notes(results),
        "## How to read this",
        _method(results),
    ]
    return "\n\n".join(parts) + "\n"


def row_cells(row: Row) -> list[str]:
    """An arm's results, as `ROW_COLUMNS`."""
    return [
        ARM_NAMES[row.arm],
        rate(row.greedy),
        rate(row.sampled),
        _steps(row.steps),
        percent(row.exact_sampled.value),
        percent(row.format_sampled.value),
    ]


def cost_cells(row: Row) -> list[str]:
    """What an arm spent after the start, as `COST_COLUMNS`; means over seeds."""
    return [
        ARM_NAMES[row.arm],
        number(row.generated_tokens, 0),
        number(row.trained_tokens, 0),
        number(row.generated_tokens + row.trained_tokens, 0),
        number(row.updates, 1),
        duration(row.seconds),
        number(row.training_scenarios, 1),
    ]


def regime_title(results: AblationResults, regime: Regime) -> str:
    """A regime, and what its rows rest on."""
    rows = [row for row in results.rows if row.regime == regime]
    scenarios, seeds = max(row.scenarios for row in rows), max(row.seeds for row in rows)
    rests = f"{scenarios} held-out scenarios, {seeds} {'seed' if seeds == 1 else 'seeds'}"
    return f"{regime}: {_chosen_by(results, regime)} ({rests})"


def _chosen_by(results: AblationResults, regime: Regime) -> str:
    if regime == "easy":
        return f"solved by the start in {100 * results.easy_at_least:g} % or more of the tries"
    if results.hard_at_most == 0:
        return "never solved by the start"
    return f"solved by the start in at most {100 * results.hard_at_most:g} % of the tries"


def comparison_rows(results: AblationResults, regime: Regime) -> list[list[str]]:
    """A row a pair of arms: their names, then the change by each measure, as `COMPARISON_COLUMNS`."""
    found = {(c.after, c.before, c.measure): c for c in results.comparisons if c.regime == regime}
    pairs: dict[tuple[Arm, Arm], None] = {
        (c.after, c.before): None for c in results.comparisons if c.regime == regime
    }  # in their order, once
    return [
        [
            f"{ARM_NAMES[after]} against {ARM_NAMES[before]}",
            *(changed(found[after, before, measure]) for measure in MEASURE_NAMES),
        ]
        for after, before in pairs
    ]


def changed(comparison: Comparison) -> str:
    """The change, its interval, its p-value and the word for it."""
    found = comparison.change.difference
    if found.value is None:
        return comparison.word
    if comparison.measure == "steps":
        figures = change(found)
    else:
        figures = signed(found.value) + ("" if found.low is None else f" ({bounds(found)})")
    p = comparison.change.p
    return f"{figures}{'' if p is None else f', {p_value(p)}'}: {comparison.word}"


def _introduction(results: AblationResults) -> str:
    return (
        f"Preset `{results.preset}`, {results.seeds} {'seed' if results.seeds == 1 else 'seeds'}, plan "
        f"`{results.plan}`. Every trained arm begins with the same weights and may spend {results.token_budget:,} "
        "tokens, generated and trained together. Rates are of held-out scenarios that no arm is trained on: "
        f"verified by Model C, greedily, and in {results.samples} episodes a scenario at temperature 1 (T = 1); "
        f"{level(results.confidence)} intervals in brackets."
    )


def _regime(results: AblationResults, regime: Regime) -> list[str]:
    rows = [row for row in results.rows if row.regime == regime]
    title = regime_title(results, regime)
    parts = [
        f"## {title[0].upper()}{title[1:]}",
        table(ROW_COLUMNS, [row_cells(row) for row in rows]),
        table(COST_COLUMNS, [cost_cells(row) for row in rows]),
    ]
    if compared := comparison_rows(results, regime):
        parts += [f"### Paired changes, {regime}", table(COMPARISON_COLUMNS, compared)]
    return parts


def _skipped(results: AblationResults) -> list[str]:
    if not results.skipped:
        return []
    lines = [f"- Seed {s.seed}, {s.regime}: {s.reason}." for s in results.skipped]
    return ["## Left out", "\n".join(lines)]


def _calibrations(results: AblationResults) -> str:
    rows = [
        [
            str(c.seed),
            str(c.episodes),
            percent(c.pass_rate),
            *(f"{split[regime]} of {split['measured']}" for split in (c.train, c.held_out) for regime in REGIMES),
            number(c.generated_tokens, 0),
            duration(c.seconds),
        ]
        for c in results.calibrations
    ]
    columns = ("seed", "episodes a scenario", "pass rate, held-out", "training, hard", "training, easy")
    return table((*columns, "held-out, hard", "held-out, easy", "tokens", "time"), rows)


def _notes(results: AblationResults) -> list[str]:
    lines = [f"- {row.regime}, {ARM_NAMES[row.arm]}, {note}" for row in results.rows for note in row.notes]
    return ["## What the stages said", "\n".join(lines)] if lines else []


def _method(results: AblationResults) -> str:
    warmup = (
        f"- The start is the declared format warm-up ({results.warmups[0].trained_tokens:,} trained tokens), which "
        "belongs to no arm's budget: all begin with it."
        if results.warmups
        else "- There was no warm-up: the arms begin with the base model."
    )
    lines = [
        warmup,
        "- The regimes were chosen by what the start solved in the calibration. Chosen so, its rates there are too low "
        "(hard) or too high (easy): the start was therefore tried again with fresh samples, and that is its row.",
        "- An arm's last batches are made smaller so that it spends little more than its budget, or less; one that "
        "finds nothing to learn from ends earlier and says so. SFT's tokens are steps × batch × mean answer.",
        "- Every arm leaves its last weights: no checkpoint is chosen by validation.",
        f"- SRL → RLVR gives SRL {percent(results.srl_share)} of the budget and RLVR all that is left.",
        "- A change is called improved or worse only where its interval leaves 0 out and the sign test over scenarios "
        "agrees; all else is undecided, which is not the same as equal.",
        _interval(results.seeds),
    ]
    count = len(results.comparisons)
    if count > 1:
        lines.append(
            f"- These are {count} comparisons, not corrected for their number; one below "
            f"p = {(1 - results.confidence) / count:.3g} stands even then (Bonferroni)."
        )
    return "\n".join(lines)


def _interval(seeds: int) -> str:
    if seeds == 1:
        return "- With one seed the intervals are about scenarios alone: another training run may end elsewhere."
    return (
        f"- Intervals draw seeds and scenarios with replacement ({RESAMPLES:,} times). {seeds} seeds tell little of "
        "how much training runs differ."
    )


def _steps(estimate: Estimate) -> str:
    shown = number(estimate.value)
    return shown if estimate.low is None else f"{shown} ({number(estimate.low)} to {number(estimate.high)})"
