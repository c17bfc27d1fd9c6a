"""Write the evaluation report, and read it back.

A report folder holds ``results.json`` (what was measured), ``summary.json`` (what it means), ``report.md`` and
``plots/*.png``; where stages left step samples, also ``steps_<stage>.json`` and the page ``steps.html``.
"""

from __future__ import annotations

import base64
import math
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar

from pydantic import ValidationError

from srl_pipeline.canonical import dumps, pretty
from srl_pipeline.contracts import Gate, Record
from srl_pipeline.errors import ArtifactError
from srl_pipeline.evaluation.markdown import PLOTS, report_markdown
from srl_pipeline.evaluation.plots import draw
from srl_pipeline.evaluation.results import EvaluationResults, TrainingSummary
from srl_pipeline.evaluation.steps_page import STEPS_PAGE, steps_page
from srl_pipeline.evaluation.summary import Summary, summarise
from srl_pipeline.evaluation.wording import sentences
from srl_pipeline.registry import Outcome
from srl_pipeline.training.step_records import StepSamples, samples_name, samples_text

RESULTS, SUMMARY, REPORT = "results.json", "summary.json", "report.md"
_LINK = re.compile(rf"(!\[[^\]\n]*\]\()({PLOTS}/[a-z_]+\.png)(\))")
_Read = TypeVar("_Read", bound=Record)


def write_report(
    folder: Path,
    results: EvaluationResults,
    *,
    steps: Sequence[StepSamples] = (),
    expected: Sequence[str] | None = None,
) -> Outcome:
    """Write the report into ``folder`` and return its metrics and gates.

    Args:
        folder: Where the files go; made if need be.
        results: What was measured.
        steps: What the stages answered to a few prompts, in training order; without any there is no page of them.
        expected: Stages that must be there with at least one scenario; those of ``results`` when left out.
    """
    results = _finite(results)
    summary = summarise(results)
    plots = draw(results, summary)
    (folder / PLOTS).mkdir(parents=True, exist_ok=True)
    for name, png in plots.items():
        (folder / PLOTS / name).write_bytes(png)
    (folder / RESULTS).write_text(dumps(results.model_dump(mode="json")) + "\n", encoding="utf-8")
    (folder / SUMMARY).write_text(pretty(summary.model_dump(mode="json")), encoding="utf-8")
    _write_steps(folder, results.model_type, steps)
    page = STEPS_PAGE if steps else ""
    (folder / REPORT).write_text(report_markdown(results, summary, plots, page), encoding="utf-8")
    return Outcome(
        metrics=metrics(summary),
        gates=gates(results, expected),
        cost_usd=0.0,
        notes={
            "preset": summary.preset,
            "evaluation_version": summary.evaluation_version,
            "confidence": summary.confidence,
            "stages": [s.stage for s in summary.stages],
            "sentences": sentences(summary),
        },
    )


def _write_steps(folder: Path, model_type: str, steps: Sequence[StepSamples]) -> None:
    for samples in steps:
        (folder / samples_name(samples.stage)).write_text(samples_text(samples), encoding="utf-8")
    if steps:
        (folder / STEPS_PAGE).write_text(steps_page(model_type, steps), encoding="utf-8")


def find_steps_page(folder: Path) -> Path | None:
    """The step browser of a written report, where it has one."""
    page = folder / STEPS_PAGE
    return page if page.is_file() else None


def metrics(summary: Summary) -> dict[str, float]:
    """Flat figures for the history; what was not measured is absent.

    ``tokens`` and ``seconds`` are those of the whole evaluation; ``tokens_per_second`` is of one request at a time.
    """
    final = summary.final
    found: dict[str, float | None] = {
        "cost_usd": 0.0,
        "tokens": float(sum(s.tokens_total for s in summary.stages)),
        "seconds": math.fsum(s.seconds for s in summary.stages),
    }
    if final:
        found |= {
            "n": float(final.n),
            "pass_rate": final.pass_rate.value,
            "reward_mean": final.reward.value,
            "format_rate": final.format_rate.value,
            "hard_violation_rate": final.hard_violation_rate.value,
            "peak_memory_mb": final.peak_memory_mb,
        }
    if final and (alone := final.latency):
        found |= {
            "latency_p50_seconds": alone.p50,
            "latency_p95_seconds": alone.p95,
            "latency_p99_seconds": alone.p99,
            "tokens_per_second": alone.tokens_per_second,
        }
    for stage in summary.stages:
        found |= {
            f"n_{stage.stage}": float(stage.n),
            f"pass_rate_{stage.stage}": stage.pass_rate.value,
            f"pass_rate_{stage.stage}_low": stage.pass_rate.low,
            f"pass_rate_{stage.stage}_high": stage.pass_rate.high,
        }
    for trained in summary.training:  # in order: without a suffix, the last stage that measured it
        for name, value in (("kl", trained.kl), ("kept_fraction", trained.kept_fraction)):
            if value is not None:
                found |= {name: value, f"{name}_{trained.stage}": value}
    return {name: value for name, value in found.items() if value is not None}


def gates(results: EvaluationResults, expected: Sequence[str] | None = None) -> list[Gate]:
    """Whether the report is complete. That a stage improved is reported, never demanded."""
    counts = {s.stage: len(s.episodes) for s in results.stages}
    wanted = list(expected) if expected is not None else list(counts)
    missing = [stage for stage in wanted if not counts.get(stage)]
    complete = Gate(
        name="report_complete",
        passed=bool(wanted) and not missing,
        value=float(len(wanted) - len(missing)),
        threshold=float(max(1, len(wanted))),
        message=f"No scenario was evaluated for: {', '.join(missing) or 'any stage'}." if missing or not wanted else "",
    )
    sets = [{e.scenario_id for e in s.episodes} for s in results.stages if s.episodes]
    shared, seen = (set.intersection(*sets), set.union(*sets)) if sets else (set[str](), set[str]())
    same = Gate(
        name="same_scenarios",
        passed=shared == seen,
        value=len(shared) / len(seen) if seen else None,
        threshold=1.0,
        message="" if shared == seen else "Stages were evaluated on different scenarios: rates cannot be compared.",
    )
    return [complete, same]


def read_summary(folder: Path) -> Summary:
    """The summary of a written report; raises ArtifactError when it is missing or not readable."""
    return _read(folder / SUMMARY, Summary)


def read_results(folder: Path) -> EvaluationResults:
    """The results of a written report; raises ArtifactError when they are missing or not readable."""
    return _read(folder / RESULTS, EvaluationResults)


def markdown_with_inline_plots(folder: Path) -> str:
    """The report for viewers that see no files beside it; ArtifactError when a file is missing.

    Plots become data URIs; the step browser, which is too large for that, is linked by where it lies.
    """

    def inline(link: re.Match[str]) -> str:
        png = base64.b64encode(_bytes(folder / link[2])).decode()
        return f"{link[1]}data:image/png;base64,{png}{link[3]}"

    text = _LINK.sub(inline, _bytes(folder / REPORT).decode())
    return text.replace(f"]({STEPS_PAGE})", f"]({(folder / STEPS_PAGE).as_uri()})")


def _read(file: Path, kind: type[_Read]) -> _Read:
    try:
        return kind.model_validate_json(_bytes(file))
    except ValidationError as error:
        first = error.errors()[0]
        raise ArtifactError(
            f"{file.name} is not readable: {'.'.join(str(p) for p in first['loc'])}: {first['msg']}",
            where=str(file),
            mend="Materialize eval_report again.",
        ) from error


def _bytes(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except FileNotFoundError as error:
        raise ArtifactError(
            f"The report has no {file.name}.", where=str(file), mend="Materialize eval_report again."
        ) from error


def _finite(results: EvaluationResults) -> EvaluationResults:
    """``results`` without training figures that are NaN or infinite: JSON has no such numbers; absent says the same."""

    def clean(trained: TrainingSummary) -> TrainingSummary:
        curve = [{k: v for k, v in row.items() if math.isfinite(v)} for row in trained.curve]
        kept = {k: v for k, v in trained.metrics.items() if math.isfinite(v)}
        return trained.model_copy(update={"metrics": kept, "curve": curve})

    return results.model_copy(update={"training": [clean(t) for t in results.training]})
