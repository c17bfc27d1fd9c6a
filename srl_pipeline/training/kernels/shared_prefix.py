"""Log-probabilities of completions, with every prompt computed once. Exact.

Each group lies as ``[prompt | c1 | … | cG]``, groups one after another without padding; the position ids of every
completion restart after the prompt, and a completion attends to the prompt and to itself only (`packed_attention`).
Where a group's prompt is the beginning of another's, as with the steps of one trajectory, its completions branch off
the longer one. Stock GRPO computes a prompt G times, in the forward and in the backward pass.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from peft import PeftModel

from srl_pipeline.training.kernels.nesting import trunks_of
from srl_pipeline.training.kernels.packed_attention import NAME, Branch, Layout, Trunk
from srl_pipeline.training.kernels.token_logps import token_logps

TokenGroup = tuple[Sequence[int], Sequence[Sequence[int]]]
"""Prompt ids, and the ids of its completions."""


def completion_logps(model: Any, groups: Sequence[TokenGroup], *, temperature: float) -> list[torch.Tensor]:
    """Per-token log-probabilities, one 1-D tensor a completion, in the order given.

    Args:
        model: A causal language model, with or without adapter; its decoder and output embeddings are used.
        groups: (prompt ids, completions' ids) of every group.
        temperature: Divides the logits, as it did when sampling.
    """
    return [logps for logps, _ in completion_states(model, groups, temperature=temperature)]


def completion_states(
    model: Any, groups: Sequence[TokenGroup], *, temperature: float
) -> list[tuple[torch.Tensor, torch.Tensor]]:
    """Of every completion the log-probabilities ``[T]`` and the hidden states ``[T, H]`` that predict its tokens.

    A value head reads the hidden states: the prompt is computed once for policy and value.
    """
    device = next(model.parameters()).device
    packed = _pack(groups)
    with attention(base_model(model), NAME):
        hidden = decoder(model)(
            input_ids=torch.tensor([packed.ids], device=device),
            attention_mask=torch.zeros(1, 1, 1, 1, dtype=torch.bool, device=device),  # 4-D: passed through, never built
            position_ids=torch.tensor([packed.positions], device=device),
            use_cache=False,
            layout=Layout(packed.layout, device, base_model(model).dtype),
        ).last_hidden_state[0]
    sources, labels = (torch.tensor(x, device=device) for x in (packed.sources, packed.targets))
    states = hidden[sources]
    logps = token_logps(states, base_model(model).get_output_embeddings().weight, labels, temperature)
    lengths = [len(c) for index in packed.order for c in groups[index][1]]
    found = iter(zip(logps.split(lengths), states.split(lengths), strict=True))
    by_group = {index: [next(found) for _ in groups[index][1]] for index in packed.order}
    return [pair for index in range(len(groups)) for pair in by_group[index]]


@dataclass
class _Packed:
    """All groups, trunk by trunk; ``sources[i]`` is the position whose hidden state predicts ``targets[i]``.

    ``order`` holds the groups' indices in the order in which their completions lie.
    """

    ids: list[int] = field(default_factory=list)
    positions: list[int] = field(default_factory=list)
    sources: list[int] = field(default_factory=list)
    targets: list[int] = field(default_factory=list)
    layout: list[Trunk] = field(default_factory=list)
    order: list[int] = field(default_factory=list)


def _pack(groups: Sequence[TokenGroup]) -> _Packed:
    packed = _Packed()
    for trunk, members in trunks_of([prompt for prompt, _ in groups]):
        start, ids = len(packed.ids), groups[trunk][0]
        packed.ids += ids
        packed.positions += range(len(ids))
        for index in members:
            prompt, completions = groups[index]
            for completion in completions:
                begin = len(packed.ids)
                packed.ids += completion
                packed.positions += range(len(prompt), len(prompt) + len(completion))
                packed.sources += [start + len(prompt) - 1, *range(begin, begin + len(completion) - 1)]
                packed.targets += completion
        branches = (Branch(len(groups[i][0]), tuple(len(c) for c in groups[i][1])) for i in members)
        packed.layout.append(Trunk(len(ids), tuple(branches)))
        packed.order += members
    return packed


def base_model(model: Any) -> Any:
    """The causal language model inside a PEFT model, or the model itself."""
    return model.get_base_model() if isinstance(model, PeftModel) else model


def decoder(model: Any) -> Any:
    """The transformer without its output embeddings; adapter layers stay active."""
    return base_model(model).get_decoder()


@contextmanager
def attention(model: Any, name: str) -> Iterator[None]:
    """Use another attention implementation for a while."""
    before = model.config._attn_implementation
    model.config._attn_implementation = name
    try:
        yield
    finally:
        model.config._attn_implementation = before
