"""LoRA in fewer passes over memory, exactly.

PEFT computes ``W x + s * B(A x)`` as two projections, a scaling and an addition, each a pass over the full output,
and their backward passes again. Here the low-rank part is accumulated into the projection (``addmm``), and the
backward pass is written out, so that only the matrix products remain:

    y  = x Wᵀ + s (x Aᵀ) Bᵀ          gx = gy W + s (gy B) A
    gA = s (gy B)ᵀ x                 gB = s gyᵀ (x Aᵀ)

The weights stay where PEFT keeps them (A and B in float32, multiplied in the base weights' format), so saving,
loading and disabling work as before. Sampling computes the same: rounding a merged ``W + s B A`` to bfloat16 would
swallow small updates. While tokens are sampled the rounded A and B are kept (`weight_copies.py`).
"""

from __future__ import annotations

from typing import Any

import torch
from peft.tuners.lora import Linear

from srl_pipeline.training.kernels.weight_copies import HoldsCopies


class _LoraLinear(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, x: torch.Tensor, weight: torch.Tensor, a: torch.Tensor, b: torch.Tensor, scale: float
    ) -> torch.Tensor:
        flat = x.reshape(-1, x.shape[-1])
        a_low, b_low = a.to(weight.dtype), b.to(weight.dtype)
        inner = flat @ a_low.t()
        y = flat @ weight.t()
        y.addmm_(inner, b_low.t(), alpha=scale)
        ctx.save_for_backward(flat, weight, a_low, b_low, inner)
        ctx.scale, ctx.shape, ctx.kept = scale, x.shape, a.dtype
        return y.view(*x.shape[:-1], y.shape[-1])

    @staticmethod
    def backward(ctx: Any, *grads: torch.Tensor) -> Any:
        flat, weight, a_low, b_low, inner = ctx.saved_tensors
        gy = grads[0].reshape(-1, grads[0].shape[-1])
        gb = (gy.t() @ inner).to(ctx.kept).mul_(ctx.scale)
        back = gy @ b_low
        ga = (back.t() @ flat).to(ctx.kept).mul_(ctx.scale)
        gx = None
        if ctx.needs_input_grad[0]:
            gx = gy @ weight
            gx.addmm_(back, a_low, alpha=ctx.scale)
            gx = gx.view(ctx.shape)
        return gx, None, ga, gb, None


def fuse_lora(model: Any) -> int:
    """Give every LoRA layer of a PEFT model the fused forward; returns how many.

    Layers that it does not fit (bias, DoRA, dropout, several active adapters) keep PEFT's own forward, call by call.
    """
    layers = [m for m in model.modules() if isinstance(m, Linear)]
    for layer in layers:
        layer.forward = _Forward(layer)  # type: ignore[method-assign]
    return len(layers)


class _Forward(HoldsCopies):
    """The fused forward of one layer; a class rather than a closure, so that a model can be copied."""

    def __init__(self, layer: Linear) -> None:
        self._layer = layer
        self._rounded: dict[tuple[str, torch.dtype], tuple[torch.Tensor, torch.Tensor]] = {}

    def __call__(self, x: torch.Tensor, *args: Any, **kwargs: Any) -> torch.Tensor:
        layer = self._layer
        active = [name for name in layer.active_adapters if name in layer.lora_A]
        if not active or layer.disable_adapters:
            return layer.base_layer(x)
        name = active[0]
        if len(active) > 1 or args or kwargs or not _plain(layer, name) or layer.base_layer.weight.dtype != x.dtype:
            return Linear.forward(layer, x, *args, **kwargs)
        if not torch.is_grad_enabled():
            return self._without_gradient(x, name)
        a, b = layer.lora_A[name].weight, layer.lora_B[name].weight
        return _LoraLinear.apply(x, layer.base_layer.weight, a, b, layer.scaling[name])

    def _without_gradient(self, x: torch.Tensor, name: str) -> torch.Tensor:
        y: torch.Tensor = self._layer.base_layer(x)
        a, b = self._low_precision(name, x.dtype)
        y.view(-1, y.shape[-1]).addmm_(x.reshape(-1, x.shape[-1]) @ a, b, alpha=self._layer.scaling[name])
        return y

    def _low_precision(self, name: str, dtype: torch.dtype) -> tuple[torch.Tensor, torch.Tensor]:
        """Aᵀ and Bᵀ in ``dtype``, as the weights are now."""
        if found := self._rounded.get((name, dtype)):
            return found
        parts: tuple[Any, Any] = (self._layer.lora_A[name], self._layer.lora_B[name])
        a, b = (part.weight.detach().to(dtype).t() for part in parts)
        if self.holding:
            self._rounded[name, dtype] = (a, b)
        return a, b

    def release(self) -> None:
        self._rounded.clear()


def _plain(layer: Linear, name: str) -> bool:
    return (
        layer.base_layer.bias is None
        and layer.lora_B[name].bias is None
        and isinstance(layer.lora_dropout[name], torch.nn.Identity)
        and not layer.use_dora.get(name, False)
        and not layer.merged
    )
