"""Caps on money for calls of paid models. They change no answer, so they are no part of an artifact's version."""

from __future__ import annotations

from pydantic import Field

from srl_pipeline.config.base import Config


class BudgetConfig(Config):
    """US dollars. Nothing is spent before a monthly cap is set."""

    month_usd: float = Field(default=0.0, ge=0, description="All paid calls of a calendar month (UTC); 0: none.")
    model_type_month_usd: float | None = Field(default=None, ge=0, description="Those of one model type.")
    vendor_month_usd: dict[str, float] = Field(default_factory=dict, description="Vendor -> its calls in a month.")
    run_usd: float | None = Field(default=None, ge=0, description="Those of one generation.")
