"""Linear layers for decoding on a CPU: weights laid out once as its matrix units want them, the results unchanged.

A decoded token multiplies few rows with every weight, and the library lays a plain weight out anew on each call. For
16 to 128 rows of bfloat16 the packed product took half the time and gave the same bits. Used only without gradients
and for few rows; anything else computes as before.
"""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch.nn import functional

from srl_pipeline.training.kernels.weight_copies import HoldsCopies

MAX_ROWS = 512
"""More rows gain nothing."""
PACKED_FOR = 64
"""Rows that the layout is made for; others may use it."""


def pack_linears(model: torch.nn.Module) -> int:
    """Give every plain linear layer a forward that decodes from packed weights; returns how many. Repeatable."""
    layers = [m for m in model.modules() if type(m) is torch.nn.Linear]
    for layer in layers:
        if not isinstance(vars(layer).get("forward"), _Forward):
            layer.forward = _Forward(layer)  # type: ignore[method-assign]
    return len(layers)


class _Forward(HoldsCopies):
    """The forward of one layer, with a packed copy of its weight: kept where it is frozen, else while sampling."""

    def __init__(self, layer: torch.nn.Linear) -> None:
        self._layer = layer
        self._packed: torch.Tensor | None = None
        self._of: tuple[int, int] | None = None

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        weight, bias = self._layer.weight, self._layer.bias
        if not _worth_it(x, weight) or (weight.requires_grad and not self.holding):
            return functional.linear(x, weight, bias)
        state = (weight.data_ptr(), weight._version)  # another weight may be loaded into its place
        if self._of != state:
            self._packed, self._of = torch.ops.mkldnn._reorder_linear_weight(weight, PACKED_FOR), state
        return torch.ops.mkldnn._linear_pointwise(x, self._packed, bias, "none", [], "")

    def release(self) -> None:
        if self._layer.weight.requires_grad:
            self._packed = self._of = None

    def __deepcopy__(self, memo: dict[int, Any]) -> _Forward:
        return _Forward(copy.deepcopy(self._layer, memo))  # a packed weight cannot be copied, but made again


def _worth_it(x: torch.Tensor, weight: torch.Tensor) -> bool:
    return (
        not torch.is_grad_enabled()
        and x.device.type == "cpu"
        and x.dtype == weight.dtype == torch.bfloat16
        and x.numel() <= MAX_ROWS * x.shape[-1]
        and _supported()
    )


def _supported() -> bool:
    return torch.backends.mkldnn.is_available() and torch.ops.mkldnn._is_mkldnn_bf16_supported()
