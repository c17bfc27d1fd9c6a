"""What a call costs, and what it can cost at the most. Whole nano-dollars, rounded up."""

from __future__ import annotations

import json
import math
from fractions import Fraction
from functools import lru_cache
from typing import NamedTuple

from srl_pipeline.config import BudgetConfig
from srl_pipeline.errors import BudgetError
from srl_pipeline.registry import Caps, Nanos, nanos
from srl_pipeline.teachers.calls.records import ModelCall, Usage
from srl_pipeline.teachers.catalog.spec import Price, TeacherEntry

NANOS_A_TOKEN = 1000
"""Of a dollar a million tokens."""
OVERHEAD_TOKENS = 1024
"""More than vendors add of their own to a prompt: templates, and instructions about the answer's schema."""
MESSAGE_TOKENS = 16
"""More than marks the beginning and the end of a message."""


def price_of(entry: TeacherEntry) -> Price | None:
    """The price of a teacher's calls, None when they are free; raises BudgetError when it is unknown."""
    if entry.price is None and entry.kind != "transformers":
        raise BudgetError(
            f"The price of {entry.model!r} is unknown; an unknown cost is not paid.",
            where=f"teachers.yaml, vendor {entry.account_vendor}",
            mend="Write the vendor's price and the date of the look-up as 'price' (0 where it is free).",
        )
    return entry.price


def cost(usage: Usage, price: Price | None, *, batch: bool = False) -> Nanos:
    """What an answer cost."""
    if price is None:
        return 0
    rates = _rates_of(price, batch)
    cached = min(usage.cached_input_tokens, usage.input_tokens)
    fresh = usage.input_tokens - cached
    return rates.whole(fresh * rates.input + cached * rates.cached_input + usage.output_tokens * rates.output)


def upper_bound(call: ModelCall, price: Price | None, *, batch: bool = False) -> Nanos:
    """What a call can cost at the most: a token stands for at least one byte of what is sent."""
    if price is None:
        return 0
    rates = _rates_of(price, batch)
    dearest = max(rates.input, rates.cached_input)
    return rates.whole(input_bound(call) * dearest + call.max_tokens * rates.output)


def input_bound(call: ModelCall) -> int:
    """Tokens of the prompt at the most."""
    sent = len(call.system.encode()) + sum(len(m.content.encode()) for m in call.messages)
    schema = len(json.dumps(call.answer_schema, indent=2)) if call.answer_schema is not None else 0
    return sent + schema + MESSAGE_TOKENS * len(call.messages) + OVERHEAD_TOKENS


def caps_of(budget: BudgetConfig, vendor: str) -> Caps:
    """The caps that a configuration sets for calls of one vendor."""
    optional = (budget.model_type_month_usd, budget.vendor_month_usd.get(vendor), budget.run_usd)
    model_type, of_vendor, run = (None if usd is None else nanos(usd) for usd in optional)
    return Caps(month=nanos(budget.month_usd), model_type_month=model_type, vendor_month=of_vendor, run=run)


class _Rates(NamedTuple):
    """Nano-dollars a token, times ``scale``: whole numbers, so that sums are exact."""

    input: int
    cached_input: int
    output: int
    scale: int

    def whole(self, scaled: int) -> Nanos:
        return -(-scaled // self.scale)


def _rates_of(price: Price, batch: bool) -> _Rates:
    cached_input = price.input if price.cached_input is None else price.cached_input
    return _rates(price.input, cached_input, price.output, price.batch_factor if batch else 1.0)


@lru_cache(maxsize=64)
def _rates(input_usd: float, cached_input_usd: float, output_usd: float, factor: float) -> _Rates:
    """From the decimal numbers as they are written, not from their nearest binary ones."""
    share = NANOS_A_TOKEN * Fraction(repr(factor))
    fresh, cached, output = (Fraction(repr(usd)) * share for usd in (input_usd, cached_input_usd, output_usd))
    scale = math.lcm(fresh.denominator, cached.denominator, output.denominator)
    return _Rates(int(fresh * scale), int(cached * scale), int(output * scale), scale)
