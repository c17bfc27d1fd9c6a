"""The value function of PPO: a linear head on the decoder's last hidden state, which the policy shares."""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from srl_pipeline.errors import TrainingError

VALUE_HEAD = "value_head.safetensors"
"""Lies beside the policy's weights."""


class ValueHead(nn.Module):
    """``V(s) = w h(s) + b``, in float32 whatever the decoder's format.

    It begins with zeros: a random head would turn into random advantages, which whitening would blow up to full size.
    """

    def __init__(self, hidden: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(hidden))
        self.bias = nn.Parameter(torch.zeros(()))

    def forward(self, states: Tensor) -> Tensor:
        """Values ``[...]`` of hidden states ``[..., H]``."""
        return states.to(self.weight.dtype) @ self.weight + self.bias

    def save(self, folder: Path) -> None:
        """Write the weights into ``folder``."""
        save_file({name: t.detach().cpu().contiguous() for name, t in self.state_dict().items()}, folder / VALUE_HEAD)

    def load(self, folder: Path) -> None:
        """Take the weights that lie in ``folder``; raises TrainingError where they are missing or do not fit."""
        try:
            self.load_state_dict(load_file(folder / VALUE_HEAD))
        except (OSError, SafetensorError, RuntimeError) as error:
            raise TrainingError(
                f"The value head does not load: {str(error).splitlines()[0]}",
                where=str(folder / VALUE_HEAD),
                mend="Remove the checkpoint that it lies in; the one before is resumed from.",
            ) from error
