"""The card of a data set as Markdown. Pure."""

from __future__ import annotations

from srl_pipeline.generation.pack_figures.page_text import percent, table
from srl_pipeline.tuning.dataset.records import DatasetCard, Finding, Origin

SHOWN = 50
"""Findings listed on the page; all of them are in card.json."""
_ORIGINS: dict[Origin, str] = {
    "revision": "sent back to the teacher by Model C",
    "changed_field": "the verified action with one field changed",
    "none": "no rejected answer",
}


def dataset_page(card: DatasetCard) -> str:
    """The whole page."""
    longest = (
        f"The longest, {card.longest.example}, has {card.longest.characters:,} characters: about "
        f"{card.longest.likely_tokens:,} tokens, at the most {card.longest.most_tokens:,}."
        if card.longest
        else ""
    )
    sizes = [
        (name, f"{s.characters:,}", f"{s.likely_tokens:,}", f"{s.most_tokens:,}")
        for name, s in (("prompts", card.prompts), ("answers", card.answers))
    ]
    parts = [
        f"# Tuning data set of {card.model_type.replace('_', ' ')}",
        f"{card.total} examples, one a step, of {card.trajectories} verified trajectories of {card.scenarios} "
        f"scenarios: {card.examples['train']} to train on, {card.examples['validation']} to validate on. No scenario "
        f"is on both sides. {card.duplicates} duplicates were dropped; {card.held_out} trajectories were left out "
        f"because their scenario is of the evaluation set.",
        "## Size",
        table(("text", "characters", "tokens, likely", "tokens, at the most"), sizes),
        longest,
        "## Steps",
        table(("step", "examples"), [(step.title, str(step.examples)) for step in card.steps]),
        "## Rejected answers",
        f"{percent(card.rejected_share)} of the examples have one.",
        table(("where it comes from", "examples"), [(words, str(card.rejected[o])) for o, words in _ORIGINS.items()]),
        "## Teachers",
        table(("teacher", "trajectories"), [(name, str(n)) for name, n in card.teachers.items()]),
        "## Secrets and personal data",
        _cleaned(card),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _cleaned(card: DatasetCard) -> str:
    if not card.cleaned:
        return "None were found."
    told = f"{card.count('scrubbed')} examples were scrubbed, {card.count('refused')} refused."
    rows = [_row(finding) for finding in card.cleaned[:SHOWN]]
    more = f"\n\nAnd {len(card.cleaned) - SHOWN} more; card.json lists all." if len(card.cleaned) > SHOWN else ""
    return f"{told}\n\n{table(('example', 'trajectory', 'step', 'place', 'kind', 'done'), rows)}{more}"


def _row(finding: Finding) -> tuple[str, ...]:
    kind = finding.kind.replace("_", " ")
    return finding.example, finding.trajectory, str(finding.step + 1), finding.place, kind, finding.done
