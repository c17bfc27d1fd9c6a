"""What a search for a prompt is expected to cost. Nothing is asked."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from srl_pipeline.canonical import dumps
from srl_pipeline.config import PipelineConfig
from srl_pipeline.contracts import Step
from srl_pipeline.errors import BudgetError
from srl_pipeline.generation.forecast import CHARACTERS_A_TOKEN, SENT_BACK
from srl_pipeline.registry import dollars
from srl_pipeline.teachers import Rejection, Task, teacher_entry
from srl_pipeline.teachers.calls.pricing import cost, input_bound, upper_bound
from srl_pipeline.teachers.calls.records import ModelCall, Usage
from srl_pipeline.teachers.catalog import Price, TeacherEntry, current_catalog
from srl_pipeline.teachers.prompted.prompt import answer_text, build_prompt
from srl_pipeline.teachers.prompted.secrets import SecretFilter
from srl_pipeline.teachers.prompted.shots import Shot
from srl_pipeline.tuning.prompts.checks import check_search
from srl_pipeline.tuning.prompts.draws import draw_sets
from srl_pipeline.tuning.prompts.halving import rounds, solutions
from srl_pipeline.tuning.prompts.records import PromptSearch
from srl_pipeline.tuning.records import Estimate, Range
from srl_pipeline.verification import Verifier
from srl_pipeline.verification.verifier import MAX_MESSAGE


class _Sum(NamedTuple):
    """Of one solution: tokens, and nano-dollars."""

    likely_tokens: float
    most_tokens: float
    likely: float
    most: float


def estimate_prompt(search: PromptSearch, verifier: Verifier, config: PipelineConfig) -> Estimate:
    """Cost of `optimise_prompt`, with no answer cached yet.

    The longest scenario and the longest solution stand for all. Likely is four characters a token, a set of middle
    length, and a quarter of the steps sent back; most is a byte a token, the longest set, every step sent back as often
    as it may be, and every answer as long as it may be. What holds the caps is the ledger: each call sets aside its own
    bound.

    Raises BudgetError for an unknown price, TuningError where there is nothing to search.
    """
    entry = teacher_entry(search.base.name)
    check_search(search, entry)
    if entry.price is None:
        raise BudgetError(
            f"The price of teacher {search.base.name!r} is unknown; an unknown cost is not paid.",
            where=f"teachers.{search.base.name}.price, {current_catalog().where}",
            mend="Look up the vendor's price list and write it there, with the day of the look-up.",
        )
    sets = draw_sets(search, verifier, SecretFilter(current_catalog().key_variables))
    by_length = sorted((s.shots for s in sets), key=_length)
    of_sets, of_bare = solutions(rounds(len(sets), len(search.validation)))
    middle, longest, bare = (
        _solution(search, verifier, config, entry, entry.price, shots)
        for shots in (by_length[len(by_length) // 2], by_length[-1], [])
    )
    likely, most = of_sets * middle.likely + of_bare * bare.likely, of_sets * longest.most + of_bare * bare.most
    return Estimate(
        usd=Range(likely=dollars(round(likely)), most=dollars(round(most))),
        tokens=Range(
            likely=of_sets * middle.likely_tokens + of_bare * bare.likely_tokens,
            most=of_sets * longest.most_tokens + of_bare * bare.most_tokens,
        ),
        price_as_of=entry.price.as_of.isoformat(),
    )


def _solution(
    search: PromptSearch,
    verifier: Verifier,
    config: PipelineConfig,
    entry: TeacherEntry,
    price: Price,
    shots: Sequence[Shot],
) -> _Sum:
    scenario, bundle = max(search.validation, key=lambda item: len(item[0].brief) + len(item[1].text))
    steps = max((t.steps for t in search.candidates), key=lambda s: len(_text(s)))
    likely_tokens = most_tokens = likely = most = 0.0
    for index, step in enumerate(steps):
        calls = list(_calls(search, verifier, config, entry, Task(scenario, bundle, 0), steps[:index], step, shots))
        usage = _usage(calls[0], step)
        likely_tokens += (usage.input_tokens + usage.output_tokens) * (1 + SENT_BACK)
        likely += cost(usage, price, batch=entry.batch) * (1 + SENT_BACK)
        most_tokens += sum(input_bound(call) + call.max_tokens for call in calls)
        most += sum(upper_bound(call, price, batch=entry.batch) for call in calls)
    return _Sum(likely_tokens, most_tokens, likely, most)


def _calls(
    search: PromptSearch,
    verifier: Verifier,
    config: PipelineConfig,
    entry: TeacherEntry,
    task: Task,
    before: list[Step],
    step: Step,
    shots: Sequence[Shot],
) -> Iterator[ModelCall]:
    """The calls for one step: the first, and one for each time that it may be sent back."""
    for sent_back in range(1 + config.generation.max_revisions):
        prompt = build_prompt(verifier, task, before, [Rejection(step, ["x" * MAX_MESSAGE])] * sent_back, shots)
        yield ModelCall(
            teacher=search.base,
            model=entry.model,
            system=prompt.system,
            messages=prompt.messages,
            answer_schema=prompt.answer_schema,
            max_tokens=entry.limits.max_output_tokens,
        )


def _usage(call: ModelCall, step: Step) -> Usage:
    sent = [call.system, dumps(call.answer_schema), *(m.content for m in call.messages)]
    answer = answer_text(step.reasoning, step.action)
    return Usage(input_tokens=_tokens(*sent), output_tokens=_tokens(answer))


def _tokens(*texts: str) -> int:
    return sum(len(text) for text in texts) // CHARACTERS_A_TOKEN + 1


def _length(shots: Sequence[Shot]) -> int:
    return sum(len(shot.model_dump_json()) for shot in shots)


def _text(steps: Sequence[Step]) -> str:
    return "".join(step.model_dump_json() for step in steps)
