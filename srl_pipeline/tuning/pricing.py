"""What a tuning job is expected to cost, can cost at the most, and has cost. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction

from srl_pipeline.errors import BudgetError
from srl_pipeline.registry import Nanos, nanos
from srl_pipeline.registry.ledger import NANOS
from srl_pipeline.tuning.records import Estimate, JobState, Range, TuningExample
from srl_pipeline.tuning.spec import Tuner, TuningPrice

CHARACTERS_A_TOKEN = 4
"""Of English prose, about; JSON takes fewer."""
MARKS = 16
"""Tokens a message beside its text, at the most: marks of roles."""


def price_of(tuner: Tuner, name: str) -> TuningPrice:
    """The price; raises BudgetError where none is written."""
    if tuner.price is None:
        raise BudgetError(
            f"What tuner {name!r} charges is unknown; an unknown cost is not paid.",
            where=f"tuning.yaml, tuners.{name}.price",
            mend="Look up the vendor's price list and write it there, with the day of the look-up.",
        )
    return tuner.price


def estimate(examples: Sequence[TuningExample], tuner: Tuner, name: str) -> Estimate:
    """Cost of tuning on ``examples``; raises BudgetError for an unknown price.

    Where time is billed, `max_hours` bounds it: a job is cancelled after so long. Likely is then half of it, for want
    of any figure of ours.
    """
    price = price_of(tuner, name)
    train = [e for e in examples if e.split == "train" and (tuner.method != "preference" or e.rejected is not None)]
    tokens = Range(
        likely=tuner.epochs * sum(_characters(e, tuner) for e in train) // CHARACTERS_A_TOKEN,
        most=tuner.epochs * sum(_bytes(e, tuner) for e in train),
    )
    if price.usd_per_hour is not None:
        most = price.usd_per_hour * tuner.max_hours
        return Estimate(
            usd=Range(likely=most / 2, most=most),
            tokens=tokens,
            hours=tuner.max_hours,
            price_as_of=price.as_of.isoformat(),
        )
    rate = price.usd_per_million_tokens or 0.0
    usd = Range(likely=tokens.likely * rate / 1e6, most=tokens.most * rate / 1e6)
    return Estimate(usd=usd, tokens=tokens, price_as_of=price.as_of.isoformat())


def charged(state: JobState, price: TuningPrice, held: Nanos) -> Nanos:
    """What a job that has ended cost: by what the vendor counted, and all that was held where it counted nothing."""
    if price.usd_per_hour is not None:
        billed, rate = state.trained_seconds, Fraction(repr(price.usd_per_hour)) / 3600
    else:
        billed, rate = state.trained_tokens, Fraction(repr(price.usd_per_million_tokens)) / 1_000_000
    if billed is None:
        return held
    return math.ceil(Fraction(repr(billed)) * rate * NANOS)


def to_hold(found: Estimate) -> Nanos:
    """What is set aside before a job begins: the most that it can cost."""
    return nanos(found.usd.most)


def _texts(example: TuningExample, tuner: Tuner) -> list[str]:
    answers = [example.answer, example.rejected or ""] if tuner.method == "preference" else [example.answer]
    return [example.system, *(m.content for m in example.messages), *answers]


def _characters(example: TuningExample, tuner: Tuner) -> int:
    return sum(len(text) for text in _texts(example, tuner))


def _bytes(example: TuningExample, tuner: Tuner) -> int:
    texts = _texts(example, tuner)
    return sum(len(text.encode()) for text in texts) + MARKS * len(texts)
