"""The report as Markdown, for people who never saw the code. Pure: plots are linked by name."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from srl_pipeline.evaluation.results import Episode, EvaluationResults
from srl_pipeline.evaluation.slices import Slice
from srl_pipeline.evaluation.statistics import RESAMPLES
from srl_pipeline.evaluation.summary import BASE, StageSummary, Summary
from srl_pipeline.evaluation.wording import (
    UNKNOWN,
    caution,
    change,
    duration,
    level,
    number,
    percent,
    rate,
    seconds,
    sentences,
    stage_name,
)

PLOTS = "plots"
MAX_SAMPLE = 4000
"""Characters of a sample transcript that are shown."""


def table(columns: Sequence[str], rows: Iterable[Sequence[str]], *, words: int = 1) -> str:
    """A Markdown table: the first ``words`` columns left, the others, figures, right."""
    lines = [columns, [*["---"] * words, *["---:"] * (len(columns) - words)], *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def report_markdown(results: EvaluationResults, summary: Summary, plots: Collection[str], steps: str = "") -> str:
    """The whole report; ``plots`` are the file names that exist below `PLOTS`, ``steps`` that of the step browser."""
    parts = [
        f"# Evaluation: {summary.model_type.replace('_', ' ')}",
        _introduction(summary),
        "## In short",
        "\n".join(f"- {line}" for line in sentences(summary)),
        caution(summary),
        "## How many scenarios each stage solves",
        _image("pass_rate.png", "Pass rate by stage", plots),
        _stages(summary),
        *_differences(summary),
        *_latency(summary),
        *_training(summary, plots),
        *_skills(summary, plots),
        *_slices(summary),
        *_samples(results),
        *_steps(steps),
        "## Versions",
        _versions(summary),
        "## How to read this",
        _method(summary),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _introduction(summary: Summary) -> str:
    n = max((s.n for s in summary.stages), default=0)
    same = all(s.n == n for s in summary.stages) and all(c.passed.difference.n == n for c in summary.comparisons)
    tried = f"the same {n} scenarios" if same else f"up to {n} scenarios (not all stages the same)"
    return (
        f"Every stage of training tried {tried} of the frozen held-out set (version {summary.evaluation_version}) "
        "once, always taking the likeliest next word. A scenario counts as solved when the verifier finds every step "
        f"complete and well-formed and no hard rule broken. Preset: `{summary.preset}`."
    )


def _stages(summary: Summary) -> str:
    names = ("stage", "solved", "scenarios", "reward", "format right", "broke a hard rule", "steps right")
    cost = ("tokens each", "time", "tokens/s")
    rows = [
        (
            stage_name(s.stage),
            rate(s.pass_rate),
            str(s.n),
            number(s.reward.value, 3),
            percent(s.format_rate.value),
            percent(s.hard_violation_rate.value),
            number(s.steps_ok.value),
            number(s.tokens.value, 0),
            duration(s.seconds),
            number(s.tokens_per_second, 0),
        )
        for s in summary.stages
    ]
    return table((*names, *cost), rows)


def _differences(summary: Summary) -> list[str]:
    if not summary.comparisons:
        return []
    rows = [
        (
            f"{stage_name(c.after)} against {stage_name(c.before)}",
            str(c.passed.gained),
            str(c.passed.lost),
            change(c.reward),
            change(c.steps_ok),
        )
        for c in summary.comparisons
    ]
    columns = ("comparison", "newly solved", "no longer solved", "reward", "steps right")
    return ["What changed, scenario by scenario:", table(columns, rows)]


def _latency(summary: Summary) -> list[str]:
    stage = summary.final
    if stage is None or (alone := stage.latency) is None:
        return []
    row = (
        stage_name(stage.stage),
        *(seconds(value) for value in (alone.p50, alone.p95, alone.p99)),
        number(alone.tokens_per_second, 0),
        f"{number(stage.peak_memory_mb, 0)} MB",
        str(alone.n),
    )
    columns = ("stage", "latency p50", "p95", "p99", "tokens/s", "peak memory", "requests")
    return ["One request at a time, on the machine that evaluated:", table(columns, [row])]


def _training(summary: Summary, plots: Collection[str]) -> list[str]:
    if not summary.training:
        return []
    tokens = ("tokens generated", "tokens trained on")
    columns = ("stage", "steps", "time", *tokens, "groups kept", "KL a token", "reward", "note")
    rows = [
        (
            stage_name(t.stage),
            str(t.steps),
            duration(t.seconds),
            f"{t.generated_tokens:,}",
            f"{t.trained_tokens:,}",
            percent(t.kept_fraction),
            number(t.kl, 4),
            f"{number(t.reward_first)} → {number(t.reward_last)}",
            t.note.replace("\n", " "),
        )
        for t in summary.training
    ]
    explained = (
        "*Groups kept*: share of the sampled groups whose answers differed in reward; the others teach nothing. "
        "*KL a token*: how far the stage moved from its start. Reward is that of training, not of the held-out set."
    )
    return ["## What training did", _image("training.png", "Training curves", plots), table(columns, rows), explained]


def _skills(summary: Summary, plots: Collection[str]) -> list[str]:
    stages = [s for s in summary.stages if any(k.rate.n for k in s.skills)]
    if not stages:
        return []
    final = stages[-1]
    explained = (
        "A rule is checked where it applies and its step could be read; "
        "steps that could not be read are not counted here."
    )
    parts = ["## Skills", _image("skills.png", "Rules that held, by skill and stage", plots)]
    rows = [
        (skill.name.replace("_", " "), *(percent(s.skills[i].rate.value) for s in stages), f"{skill.rate.n:,}")
        for i, skill in enumerate(final.skills)
    ]
    columns = ("skill", *(stage_name(s.stage) for s in stages), f"checks ({stage_name(final.stage)})")
    parts += [table(columns, rows), explained]
    if final.broken_rules:
        broken = [
            (f"`{r.rule}`", r.skill.replace("_", " "), r.severity, f"{r.broken} of {r.applied}")
            for r in final.broken_rules
        ]
        parts += [
            f"Rules that {stage_name(final.stage)} breaks most (`schema`: a step that is not of the demanded form):",
            table(("rule", "skill", "severity", "broken"), broken, words=3),
        ]
    return parts


def _slices(summary: Summary) -> list[str]:
    if summary.final is None or not summary.final.n:
        return []
    shown = [s for s in summary.stages if s.stage == BASE and s is not summary.final] + [summary.final]
    parts = ["## Where it is hard", _slice_table("difficulty", [(s, s.bands) for s in shown])]
    parts += [_slice_table(axis.replace("_", " "), [(s, s.axes[axis]) for s in shown]) for axis in summary.final.axes]
    parts.append("Small slices are uncertain: read the intervals before the percentages.")
    return parts


def _slice_table(what: str, stages: Sequence[tuple[StageSummary, list[Slice]]]) -> str:
    rows = [
        (final.name.replace("_", " "), *(rate(slices[i].rate) for _, slices in stages), str(final.rate.n))
        for i, final in enumerate(stages[-1][1])
    ]
    return table((what, *(stage_name(s.stage) for s, _ in stages), "scenarios"), rows)


def _samples(results: EvaluationResults) -> list[str]:
    chosen = pick_samples(results)
    if not chosen:
        return []
    parts = ["## Sample episodes"]
    for stage, episode in chosen:
        axes = ", ".join(f"{k.replace('_', ' ')}: {_plain(v)}" for k, v in sorted(episode.axes.items()))
        outcome = "solved" if episode.correct else "not solved"
        broken = ", ".join(f"`{rule}`" for rule in episode.broken) or "none"
        parts.append(f"**{stage_name(stage)}, {outcome}** ({episode.band}): {axes}. Rules broken: {broken}.")
        parts.append(_fenced(episode.text))
    return parts


def pick_samples(results: EvaluationResults) -> list[tuple[str, Episode]]:
    """Up to three (stage, episode): one that the last stage solved, base on the same, one that it did not."""
    final = results.stages[-1] if results.stages else None
    told = [e for e in final.episodes if e.text] if final else []
    if final is None or not told:
        return []
    solved = [e for e in told if e.correct][:1]
    failed = [e for e in told if not e.correct][:1]
    chosen = [(final.stage, e) for e in solved + failed]
    if final.stage != BASE:
        same = chosen[0][1].scenario_id
        base = [e for s in results.stages if s.stage == BASE for e in s.episodes if e.text and e.scenario_id == same]
        chosen[1:1] = [(BASE, e) for e in base]
    return chosen


def _steps(page: str) -> list[str]:
    if not page:
        return []
    told = (
        "what the student was asked, what it thought and wrote, the expert's action, the parts of the reward, the "
        "advantage and the verdict, for a few prompts of each stage."
    )
    return ["## Step by step", f"[Before and after training]({page}): {told}"]


def _versions(summary: Summary) -> str:
    stages = {f"{stage_name(s.stage)} (stage)": s.data_version for s in summary.stages if s.data_version}
    known = set(summary.versions.values())
    rows = {**summary.versions, **{k: v for k, v in stages.items() if v not in known}}
    shown = [(k.replace("_", " "), f"`{v}`" if v else UNKNOWN) for k, v in rows.items()]
    return table(("made from", "version"), shown, words=2)


def _method(summary: Summary) -> str:
    sure = level(summary.confidence)
    return (
        f"Figures in brackets are {sure} confidence intervals: of a rate, Wilson's; of the change of a rate on the "
        f"same scenarios, Newcombe's (1998, method 10); of a mean, a bootstrap of {RESAMPLES:,} resamples with a fixed "
        "seed. p is McNemar's exact test. A change is called an improvement or a decline only when the test and the "
        "interval both show it; otherwise no difference could be measured, which does not prove that there is none. "
        "Skills carry no interval, because the checks of one scenario are not independent. "
        "A latency is the wall time from prompt to finished answer, its percentiles are nearest-rank ones: with few "
        "requests p95 and p99 are the slowest of them."
    )


def _image(name: str, title: str, plots: Collection[str]) -> str:
    return f"![{title}]({PLOTS}/{name})" if name in plots else ""


def _fenced(text: str) -> str:
    """A code block whose fence no transcript can close."""
    shown = text if len(text) <= MAX_SAMPLE else f"{text[:MAX_SAMPLE]}\n… ({len(text) - MAX_SAMPLE} characters more)"
    fence = "```"
    while fence in shown:
        fence += "`"
    return f"{fence}text\n{shown.rstrip()}\n{fence}"


def _plain(value: str | float) -> str:
    return value.replace("_", " ") if isinstance(value, str) else f"{value:g}"
