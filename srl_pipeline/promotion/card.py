"""The model card: a README.md in the Hugging Face format, from the lineage and the evaluation. Pure but for the parser.

Nothing in it names a place of the machine that trained: a card travels with the weights.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from srl_pipeline.evaluation.markdown import table
from srl_pipeline.evaluation.statistics import Estimate
from srl_pipeline.evaluation.summary import StageSummary, Summary
from srl_pipeline.evaluation.wording import duration, level, number, percent, rate, sentences, stage_name
from srl_pipeline.promotion.lineage import Lineage
from srl_pipeline.promotion.loading import Form, library, loading

if TYPE_CHECKING:
    from huggingface_hub import EvalResult

CARD = "README.md"
_Rate: TypeAlias = Literal["pass_rate", "format_rate", "hard_violation_rate"]
_RATES: dict[_Rate, str] = {
    "pass_rate": "solved: verified by the rules",
    "format_rate": "well-formed",
    "hard_violation_rate": "with a hard violation (lower is better)",
}


def model_card(lineage: Lineage, summary: Summary, weaknesses: Sequence[str], form: Form) -> str:
    """The card's text, YAML header first.

    Args:
        weaknesses: Sentences, the worst first.
        form: What lies beside the card.
    """
    from huggingface_hub import ModelCardData

    final = summary.final
    header = ModelCardData(
        base_model=lineage.base.name,
        library_name=library(form),
        pipeline_tag="text-generation",
        tags=["srl", "rlvr", lineage.model_type],
        model_name=f"{lineage.model_type} ({lineage.base.name})",
        eval_results=_results(lineage, summary, final) if final and final.n else None,
    )
    parts = [
        f"---\n{header.to_yaml()}\n---",
        f"# {lineage.model_type}",
        f"A small language model for the model type `{lineage.model_type}`. It writes a solution in titled steps, each "
        "with a JSON action that the rule set can check.",
        loading(form, lineage.base.name),
        *_evaluation(summary, lineage),
        *_weak(weaknesses),
        *_origin(lineage),
        *_money(lineage),
        *_limits(summary),
    ]
    return "\n\n".join(parts) + "\n"


def card_problem(text: str, lineage: Lineage, summary: Summary) -> str:
    """Why the Hugging Face library would not read from ``text`` what was written; empty when it does."""
    from huggingface_hub import ModelCard
    from huggingface_hub.errors import HFValidationError
    from huggingface_hub.utils import validate_repo_id

    try:
        read: Any = ModelCard(text).data
        validate_repo_id(str(read.base_model))
    except (ValueError, HFValidationError) as error:
        return f"the header is not valid: {str(error).splitlines()[0]}"
    wanted = {r.metric_type: r.metric_value for r in _results(lineage, summary, summary.final)}
    found = {r.metric_type: r.metric_value for r in read.eval_results or []}
    if found != wanted or not all(math.isfinite(value) for value in found.values()):
        return "its figures are not those of the evaluation"
    return ""


def _results(lineage: Lineage, summary: Summary, final: StageSummary | None) -> list[EvalResult]:
    from huggingface_hub import EvalResult

    if final is None:
        return []
    found: list[EvalResult] = []
    for name, title in _RATES.items():
        estimate: Estimate = getattr(final, name)
        if estimate.value is None:
            continue
        found.append(
            EvalResult(
                task_type="text-generation",
                dataset_type=f"{lineage.model_type}-held-out",
                dataset_name=f"Held-out scenarios of {lineage.model_type}, version {lineage.evaluation_version}",
                dataset_revision=lineage.rule_set,
                metric_type=name,
                metric_name=title,
                metric_value=estimate.value,
                metric_args={
                    "n": estimate.n,
                    "confidence": summary.confidence,
                    "low": estimate.low,
                    "high": estimate.high,
                },
            )
        )
    return found


def _evaluation(summary: Summary, lineage: Lineage) -> list[str]:
    rows = [
        (stage_name(s.stage), rate(s.pass_rate), rate(s.format_rate), rate(s.hard_violation_rate), str(s.n))
        for s in summary.stages
    ]
    columns = ("stage", "solved", "well-formed", "with a hard violation", "scenarios")
    alone = summary.final.latency if summary.final else None
    speed = (
        [
            f"One request at a time, on the machine that evaluated: {number(alone.p50, 3)} s (median), "
            f"{number(alone.p95, 3)} s (95th percentile), {number(alone.tokens_per_second, 0)} tokens a second, "
            f"{alone.n} requests."
        ]
        if alone
        else []
    )
    return [
        "## Evaluation",
        f"Greedy answers to the frozen held-out scenarios (version {lineage.evaluation_version}), judged by the rules "
        f"alone. Intervals are {level(summary.confidence)} intervals.",
        table(columns, rows),
        "\n".join(f"- {line}" for line in sentences(summary)),
        *speed,
    ]


def _weak(weaknesses: Sequence[str]) -> list[str]:
    told = "\n".join(f"- {line}" for line in weaknesses)
    return ["## Weaknesses", told or "None was found that can be told from noise."]


def _origin(lineage: Lineage) -> list[str]:
    teacher = lineage.teacher
    allowed = {
        True: f"its terms allow training on its outputs (source: {teacher.terms_source}; as of {teacher.terms_as_of})",
        False: "its terms do not allow training on its outputs",
        None: "a search in this program: its outputs are under no vendor's terms",
    }[teacher.training_allowed]
    model = f", model `{teacher.model}`" if teacher.model else ""
    identity = f", content `{lineage.base.identity}`" if lineage.base.identity else ""
    seeds = sorted({f"{name} {seed}" for made in lineage.artifacts for name, seed in made.seeds.items()})
    rows = [(m.asset.replace("_", " "), f"`{m.data_version}`", m.created_at) for m in lineage.artifacts]
    return [
        "## Where it comes from",
        "\n".join(
            [
                f"- Base: `{lineage.base.name}`{identity}.",
                "- Data: scenarios drawn by this program, solved by the teacher, each step checked by the rules.",
                f"- Teacher: `{teacher.name}` version `{teacher.version}`{model}; {allowed}.",
                f"- Rules: version `{lineage.rule_set}`. Lore: version `{lineage.lore_index}`.",
                f"- Seeds: {', '.join(seeds) or 'none recorded'}.",
                f"- Distance from its start: KL {number(lineage.kl, 4)} a token (RLVR).",
                f"- Weights: {', '.join(f'`{name}` has content `{h}`' for name, h in lineage.weights.items())}.",
            ]
        ),
        table(("artifact", "version", "made"), rows),
        "All of it, with settings' hashes, code versions and gates: `lineage.json`.",
    ]


def _money(lineage: Lineage) -> list[str]:
    rows = [
        (m.asset.replace("_", " "), f"${m.cost_usd:.4f}", duration(m.seconds))
        for m in lineage.artifacts
        if m.cost_usd or m.seconds >= 1
    ]
    calls = lineage.teacher.calls
    asked = "" if calls is None else f" The teacher answered {calls:,} calls."
    total = f"${lineage.cost_usd:.4f} in all, {duration(lineage.seconds)} of work.{asked}"
    return ["## Cost", total, *([table(("artifact", "US dollars", "time"), rows)] if rows else [])]


def _limits(summary: Summary) -> list[str]:
    final = summary.final
    unsolved = 1 - final.pass_rate.value if final and final.pass_rate.value is not None else None
    return [
        "## Limitations",
        "\n".join(
            [
                f"- {percent(unsolved)} of the held-out scenarios are not solved: check every answer with the rules.",
                "- It knows the lore that its prompt quotes. Without such a prompt, or with another one, nothing of "
                "the above holds.",
                "- The rules are what was measured. What no rule says, nobody has checked.",
                "- The licence is that of the base together with the terms of the teacher; this card grants none.",
            ]
        ),
    ]
