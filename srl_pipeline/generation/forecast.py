"""What a generation is expected to cost, told before the first call and refused where a cap leaves less.

The pack's first gold example stands for the answers to come: the prompts of its steps are built as they will be sent,
and their tokens estimated from their length. Steps that are sent back are allowed for by a fixed share. It is an
estimate; what holds the caps is the ledger.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from fractions import Fraction
from typing import TYPE_CHECKING

from srl_pipeline.canonical import dumps
from srl_pipeline.config import PipelineConfig, home
from srl_pipeline.contracts import LoreBundle, Step
from srl_pipeline.errors import BudgetError
from srl_pipeline.generation.teaching import Teaching
from srl_pipeline.registry import dollars
from srl_pipeline.registry.room import least_left
from srl_pipeline.teachers import Task
from srl_pipeline.verification import ScenarioSpace, Verifier, split_actions

if TYPE_CHECKING:
    from srl_pipeline.teachers.calls.records import Usage

log = logging.getLogger("srl_pipeline")
CHARACTERS_A_TOKEN = 4
"""Of English prose, about; JSON takes fewer."""
SENT_BACK = 0.25
"""Share of steps that are allowed to be asked for twice."""


def check_forecast(taught: Teaching, verifier: Verifier, config: PipelineConfig, scenarios: int) -> float:
    """The expected cost in US dollars, also logged; 0 for a teacher that costs nothing.

    Raises BudgetError when a cap leaves less than is still to be spent. What the generation has spent in earlier
    attempts need not be spent again: its answers are cached.
    """
    if taught.ledger is None or taught.account is None or taught.entry.price is None:
        return 0.0
    from srl_pipeline.teachers.calls.pricing import caps_of, cost

    candidates = scenarios * config.generation.candidates
    usages = list(_usages(taught, verifier, config))
    each = sum(cost(usage, taught.entry.price, batch=taught.entry.batch) for usage in usages)
    expected = round(each * candidates * (1 + Fraction(SENT_BACK)))
    missing = max(0, expected - taught.ledger.spent_by_run(taught.account.run).committed)
    log.info(
        "forecast: %d candidates, about %d calls, about $%.4f, of which $%.4f still to spend",
        candidates,
        round(candidates * len(usages) * (1 + SENT_BACK)),
        dollars(expected),
        dollars(missing),
    )
    left, name = least_left(taught.ledger, taught.account, caps_of(config.budget, taught.account.vendor))
    if missing > left:
        raise BudgetError(
            f"This generation needs about ${dollars(missing):.4f} more, and {name} leaves ${dollars(left):.4f}. "
            "Nothing was asked.",
            where=f"teacher {taught.teacher.ref.name}, forecast of {scenarios} scenarios",
            mend=f"Raise {name}, or ask for fewer scenarios (generation.scenarios).",
        )
    return dollars(expected)


def _usages(taught: Teaching, verifier: Verifier, config: PipelineConfig) -> Iterator[Usage]:
    """Estimated tokens of each step's call, for the pack's first gold example."""
    from srl_pipeline.teachers.calls.records import Usage
    from srl_pipeline.teachers.prompted.prompt import REASONING_WORDS, answer_text, build_prompt
    from srl_pipeline.teachers.prompted.shots import read_shots

    pack = verifier.pack
    gold = pack.definition.examples.gold[0]
    scenario = ScenarioSpace(pack).scenario(gold.scenario, where=pack.place("gold", gold.id))
    lore = "x" * (config.lore.budget_tokens * CHARACTERS_A_TOKEN)
    task = Task(scenario, LoreBundle(citations=[], tokens=0, budget=0), 0)
    shots = read_shots(home(), taught.entry.shots).shots if taught.entry.shots else []
    steps: list[Step] = []
    for spec, action in zip(pack.spec.steps, split_actions(pack, gold.artefact), strict=True):
        prompt = build_prompt(verifier, task, steps, [], shots)
        sent = [prompt.system, lore, dumps(prompt.answer_schema), *(m.content for m in prompt.messages)]
        reasoning = "word, " * REASONING_WORDS
        answer = answer_text(reasoning, action)
        yield Usage(input_tokens=_tokens(*sent), output_tokens=_tokens(answer))
        steps.append(Step(title=spec.title, reasoning=reasoning, action=action))


def _tokens(*texts: str) -> int:
    return sum(len(text) for text in texts) // CHARACTERS_A_TOKEN + 1
