"""Gradients of several processes: their mean, before they are clipped."""

from __future__ import annotations

from typing import Any

from srl_pipeline.training.peers import peers


class AveragedGradients:
    """Mixed into a `Trainer`, before it."""

    accelerator: Any

    def training_step(self, model: Any, *args: Any, **kwargs: Any) -> Any:
        """One micro-batch; after the last of a step all processes have the same gradient."""
        loss = super().training_step(model, *args, **kwargs)  # type: ignore[misc]
        if self.accelerator.sync_gradients:
            peers().average(model.parameters())
        return loss
