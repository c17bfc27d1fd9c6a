"""The data card as Markdown, for the UI. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from srl_pipeline.generation.data_card import Cost, DataCard, Example
from srl_pipeline.generation.pack_figures.page_text import bar, percent, table


def card_page(card: DataCard) -> str:
    """The whole page."""
    parts = [
        f"# Generation {card.generation} of {card.model_type.replace('_', ' ')}",
        summary_line(card),
        "## Cost",
        cost_line(card.cost),
        "## Strategies",
        table(STRATEGY_COLUMNS, strategy_rows(card)),
        "\n".join(f"- {line}" for line in card.learned_from),
        "## Novelty",
        f"Mean {card.novelty_mean:.3f}: the share of axes in which a scenario differs from the nearest earlier one.",
        _bars({f"{i / 10:.1f}-{(i + 1) / 10:.1f}": n for i, n in enumerate(card.novelty_histogram)}),
        "## Coverage",
        f"{percent(card.coverage_pairs)} of the pairs of axis values occur (numbers in thirds); "
        f"with all earlier generations {percent(card.coverage_ever)}.",
        *(f"**{axis}**\n\n{_bars(values)}" for axis, values in card.coverage_map.items()),
        "**difficulty**",
        _bars(card.difficulty),
        "## What was sent back",
        _counts("reason", card.sent_back, "No answer was sent back."),
        _counts("rule", card.rules_broken, ""),
        _counts("given up because of", card.abandoned, "No candidate was given up."),
        "## Scenarios that were not taken",
        _counts("reason", card.drawing, "None."),
        "## Examples",
        *(_example(example) for example in card.examples),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _example(example: Example) -> str:
    cited = ", ".join(example.lore) or "none"
    return f"**{example.brief}** ({example.strategy}; lore: {cited})\n\n```\n{example.transcript}```"


def summary_line(card: DataCard) -> str:
    """What was made, in one line."""
    kept = f" {card.kept} were kept from the generation before: only the rules changed." if card.kept else ""
    return (
        f"{card.trajectories} trajectories of {card.scenarios} scenarios by {card.teacher.name} "
        f"(version {card.teacher.version}) in {card.seconds:.1f} s; Model C accepted {percent(card.acceptance)} of "
        f"{card.asked} candidates asked for.{kept}"
    )


def cost_line(cost: Cost | None) -> str:
    """What it cost, in one line."""
    if cost is None:
        return "Nothing: this teacher is no paid model."
    return (
        f"${cost.usd:.4f} for this generation over all its attempts; in this run {cost.calls} calls, "
        f"{cost.cached} of them from the cache; {cost.input_tokens:,} tokens in, {cost.output_tokens:,} out; "
        f"{cost.latency_p50:.2f} s a call (median), {cost.latency_p95:.2f} s (95 %); {cost.retries} retries, "
        f"{cost.rate_limited} times slowed down by the vendor."
    )


STRATEGY_COLUMNS = ("strategy", "share", "scenarios", "trajectories", "given up", "repeated", "why")


def strategy_rows(card: DataCard) -> list[tuple[str, ...]]:
    """A row a strategy, in the order of `STRATEGY_COLUMNS`."""
    return [
        (s.name, percent(s.share), str(s.scenarios), str(s.trajectories), str(s.abandoned), str(s.duplicates), s.reason)
        for s in card.strategies
    ]


def _bars(values: Mapping[str, int]) -> str:
    most = max(values.values(), default=0)
    return table(("value", "scenarios", ""), [(name, str(n), bar(n, most)) for name, n in values.items()])


def _counts(what: str, counts: Mapping[str, int], none: str) -> str:
    if not counts:
        return none
    ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return table((what, "times"), [(name, str(n)) for name, n in ranked])
