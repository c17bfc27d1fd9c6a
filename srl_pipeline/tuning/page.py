"""A plan and a job in words: for the terminal, Markdown for the UI."""

from __future__ import annotations

from collections.abc import Iterator

from srl_pipeline.registry import dollars
from srl_pipeline.tuning.jobs import Phase, TuningJob
from srl_pipeline.tuning.plan import Plan

_WORDS: dict[Phase, str] = {
    "planned": "planned; nothing is spent",
    "reserved": "money is set aside",
    "uploaded": "the files are at the vendor",
    "submitted": "the vendor is at work",
    "ended": "it ended at the vendor",
    "settled": "it is paid for",
    "registered": "it is a teacher; not compared yet",
    "compared": "over",
    "closed": "over, without a tuned model",
}


def job_line(job: TuningJob) -> str:
    """Where a job stands, in a line."""
    parts = [f"{job.key} ({job.tuner_name}, attempt {job.attempt}): {_WORDS[job.phase]}"]
    if job.state is not None and job.phase == "submitted":
        parts.append(f"{job.state.state}{f', {job.state.note}' if job.state.note else ''}")
    if job.charged is not None:
        parts.append(f"it cost ${dollars(job.charged):.4f}")
    if job.teacher:
        parts.append(f"teacher {job.teacher}")
    if job.decision:
        parts.append(f"decision {job.decision}")
    if job.problem:
        parts.append(f"problem: {job.problem}")
    return "; ".join(parts)


def plan_lines(plan: Plan) -> Iterator[str]:
    """A plan for the terminal: the job, its data, its cost, its checks."""
    job, card = plan.job, plan.card
    yield f"{job.tuner.provider}: {job.spec.method} tuning of {job.spec.model} as teacher {job.tuner.teacher}"
    yield (
        f"data: {card.examples['train']} examples to train on, {card.examples['validation']} to validate on, of "
        f"{card.trajectories} verified trajectories; {card.rejected_share:.0%} with a rejected answer"
    )
    yield (
        f"size: {card.prompts.characters + card.answers.characters:,} characters, longest example "
        f"{card.longest.likely_tokens if card.longest else 0:,} tokens likely"
    )
    yield f"cleaned: {card.count('scrubbed')} examples scrubbed of personal data, {card.count('refused')} refused"
    if plan.estimate is not None:
        found = plan.estimate
        yield (
            f"cost: ${found.usd.likely:.4f} likely, ${found.usd.most:.4f} at the most, "
            f"by prices of {found.price_as_of} ({found.tokens.likely:,.0f} to {found.tokens.most:,.0f} tokens)"
            + (f"; cancelled after {found.hours:g} hours" if found.hours is not None else "")
        )
    for check in plan.checks:
        yield f"{check.state}: {check.name}: {check.detail}"


def plan_page(plan: Plan) -> str:
    """The same in Markdown."""
    return "\n".join(f"- {line}" for line in plan_lines(plan))
