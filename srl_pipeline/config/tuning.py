"""Settings of paid fine-tuning; what is tuned where, and at which price, is `tuning.yaml`'s."""

from __future__ import annotations

from pydantic import Field

from srl_pipeline.config.base import Config


class TuningConfig(Config):
    """The data set of a tuning, and whether one may begin."""

    tuner: str = Field(default="", description="Name of a tuner in tuning.yaml; empty: nothing is tuned.")
    confirm: bool = Field(default=False, description="Spend the money. Off: estimate and check, and send nothing.")
    validation_share: float = Field(
        default=0.2, gt=0, lt=0.5, description="Share of scenarios whose examples are not trained on."
    )
