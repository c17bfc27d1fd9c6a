"""The statistics of packs as one Markdown page, for designers who never saw the code. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from srl_pipeline.generation.pack_figures import pack_statistics as figures
from srl_pipeline.generation.pack_figures.pack_findings import findings
from srl_pipeline.generation.pack_figures.pack_statistics import PackStatistics
from srl_pipeline.generation.pack_figures.page_text import UNKNOWN, anchor, bar, number, percent, rate, speed, table


def page(packs: Sequence[PackStatistics], errors: Mapping[str, str] | None = None) -> str:
    """The whole page: what it is, all packs in one table, then a section a pack; ``errors``: packs that do not load."""
    parts = [
        "# Pack statistics",
        "Written by `srl-pipeline packs stats`; do not edit. All figures but the speeds are seeded: "
        "the same packs give the same page.",
        *([overview(packs)] if packs else []),
        *(f"**{name}** cannot be measured: {' '.join(text.split())}" for name, text in (errors or {}).items()),
        *([method()] if packs else []),
        *(section(pack) for pack in packs),
    ]
    return "\n\n".join(parts) + "\n"


def method() -> str:
    """How the figures were measured."""
    lines = [
        f"**Scenarios**: {figures.SAMPLED:,} random valid ones for difficulty and reach; {figures.DRAWN} drawn as "
        "generation draws them (new each time, never of the evaluation set) for the coverage of a training set. "
        "A pair is two values of two axes, numeric axes in thirds.",
        f"**Guesses**: {figures.GUESSED:,} artefacts that are valid by schema, each value drawn at random. "
        "Brackets are 95 % intervals (Wilson).",
        f"**Expert**: the search teacher on {figures.SOLVED} of these scenarios, step by step under the verifier, "
        "without retrieval; speed is by processor time of one core.",
        "**One wrong field**: every other value of every field of every solution of the expert, one at a time. "
        "Shares are the chances of a random change: first the field, then its value, each equally likely.",
    ]
    return "## How it was measured\n\n" + "\n".join(f"- {line}" for line in lines)


def overview(packs: Sequence[PackStatistics]) -> str:
    """One row a pack."""
    columns = (
        "pack",
        "scenarios",
        "lore",
        "rules (soft)",
        "pairs in training",
        "pairs held out",
        "easy / medium / hard",
    )
    columns += ("guesses that pass", "solved by expert", "without soft violation", "wrong fields unnoticed")
    columns += ("trajectories/s",)
    rows = [
        (
            f"[{p.title}](#{anchor(p.title)})",
            f"{'' if p.scenarios.counted else '≈ '}{p.scenarios.valid:,}",
            str(p.lore_documents),
            f"{len(p.rules)} ({sum(r.severity == 'soft' for r in p.rules)})",
            percent(p.scenarios.drawn),
            percent(p.scenarios.held_out),
            " / ".join(f"{100 * n / sum(p.scenarios.bands):.0f}" for n in p.scenarios.bands) + " %",
            rate(p.guessed),
            rate(p.expert.solved),
            percent(p.expert.ideal.value),
            percent(p.expert.unnoticed),
            speed(p.timings.median_rate),
        )
        for p in packs
    ]
    return (
        "Read a row from left to right: what can be asked, what holds it together, how far guessing gets, and what the "
        "expert makes of it. Bad: few scenarios, pairs held out far below pairs in training, a difficulty that hardly "
        "occurs, 2 % or more guesses that pass, an expert that does not solve all, wrong fields unnoticed.\n\n"
        + table(columns, rows)
    )


def section(pack: PackStatistics) -> str:
    """All figures of one pack."""
    seen = findings(pack)
    parts = [
        f"## {pack.title}",
        pack.description,
        "### Worth a look" if seen else "",
        "\n".join(f"- {line}" for line in seen),
        "### Axes and scenarios",
        *_scenarios(pack),
        "### Difficulty",
        *_difficulty(pack),
        "### Rules",
        *_rules(pack),
        "### Fields",
        *_fields(pack),
        "### Expert",
        *_expert(pack),
    ]
    return "\n\n".join(part for part in parts if part)


def _scenarios(pack: PackStatistics) -> list[str]:
    s = pack.scenarios
    count = f"{s.valid:,} of {s.combinations:,} combinations are possible ({'counted' if s.counted else 'estimated'})."
    rows = [(axis.name, str(axis.size), ", ".join(axis.values)) for axis in pack.axes]
    reach = [
        ("a large random sample, about what is possible", s.reachable),
        (f"{figures.DRAWN} scenarios for training", s.drawn),
        ("the evaluation set", s.held_out),
    ]
    return [
        f"What scenarios range over: {count} An axis of one or two values adds little variety.",
        table(("axis", "size", "values"), rows),
        "Share of all pairs of axis values that occur; a pair that is not in training is never learned, one that is "
        "not held out is never tested. Bad: a row well below the first.",
        table(("in", "pairs", ""), [(name, percent(share), bar(share or 0.0, 1.0)) for name, share in reach]),
    ]


def _difficulty(pack: PackStatistics) -> list[str]:
    s = pack.scenarios
    total, held = sum(s.difficulty), sum(s.difficulty_held_out)
    rows = [
        (
            f"{i / 10:.1f} to {(i + 1) / 10:.1f}",
            percent(sampled / total),
            bar(sampled, max(s.difficulty)),
            percent(tested / held) if held else UNKNOWN,
            bar(tested, max(s.difficulty_held_out)),
        )
        for i, (sampled, tested) in enumerate(zip(s.difficulty, s.difficulty_held_out, strict=True))
    ]
    return [
        "How the pack's own formula rates random scenarios and the evaluation set. Bad: everything in one or two bars, "
        "or two columns of different shape. Empty bars between full ones only mean that the formula adds few terms.",
        table(("difficulty", "random", "", "held out", ""), rows),
    ]


def _rules(pack: PackStatistics) -> list[str]:
    rows = [
        (
            f"`{r.rule}`",
            r.step,
            r.severity,
            r.skill.replace("_", " "),
            percent(r.applies),
            percent(r.guessed),
            percent(r.changed),
            percent(r.alone),
        )
        for r in pack.rules
    ]
    columns = ("rule", "checked at", "severity", "skill", "applies", "guesses break it", "one wrong field breaks it")
    return [
        "One row a rule. *Applies*: share of the expert's solutions in which its condition holds; near 0 there is "
        "nothing to learn from. *Guesses break it*: near 0 the rule forbids hardly anything. *One wrong field breaks "
        "it*: 0 means that no single mistake is noticed by it. *Only hard rule broken*: 0 means that other rules break "
        "with it; it then matters only where several fields are wrong together.",
        table((*columns, "only hard rule broken"), rows),
    ]


def _fields(pack: PackStatistics) -> list[str]:
    if not pack.fields:
        return ["Not measured: the expert solved no scenario."]
    rows = [
        (
            f"`{f.field}`",
            f.step,
            str(f.values),
            str(f.used),
            number(f.best),
            number(f.valid),
            number(f.possible),
            percent(f.noticed),
        )
        for f in pack.fields
    ]
    columns = (
        "field",
        "step",
        "values",
        "used by expert",
        "as good",
        "valid alone",
        "possible",
        "wrong values noticed",
    )
    return [
        f"How many values are right, mean over {figures.PROBED} scenarios. *As good*: with all other fields the "
        "expert's, nothing more is broken; 1 is one best answer. *Valid alone*: no hard rule is broken. *Possible*: "
        "some valid artefact has the value, if other fields change with it; more than *valid alone* means that fields "
        "hang together. Bad: *as good* near *values* (nothing to learn), few values *used* of many words, and *wrong "
        "values noticed* far below 100 %.",
        table(columns, rows),
    ]


def _expert(pack: PackStatistics) -> list[str]:
    e, t, k = pack.expert, pack.timings, pack.tokens
    rows = [
        ("guesses that break no hard rule", rate(pack.guessed)),
        ("scenarios that the expert solves", f"{e.solved.hits} of {e.solved.n}: {rate(e.solved)}"),
        ("solved without soft violation", f"{e.ideal.hits} of {e.ideal.n}: {rate(e.ideal)}"),
        (
            "single wrong fields that break a hard rule",
            percent(None if e.valid_changes is None else 1 - e.valid_changes),
        ),
        ("single wrong fields that break no rule", percent(e.unnoticed)),
        ("accepted trajectories a second a core, median", speed(t.median_rate)),
        ("accepted trajectories a second a core, mean", speed(t.mean_rate)),
    ]
    if k:
        rows += [
            ("tokens of a step without monologue: median, most", f"{k.step_median:g}, {k.step_most}"),
            ("tokens of an episode without monologues: median, most", f"{k.episode_median:g}, {k.episode_most}"),
        ]
    return [
        "What is between guessing and knowing. Bad: guesses of 2 % or more, an expert below 100 %, fewer than 50 "
        "trajectories a second" + (", episodes of more than 256 tokens." if k else "."),
        table(("figure", "value"), rows),
    ]
