"""Log-probabilities of G completions of one prompt, with the prompt computed once. Exact.

Each group is one sequence ``[prompt | c1 | … | cG]``; the position ids of every completion restart after the prompt, and a completion attends to the
prompt and to itself only. Stock GRPO computes the prompt G times, in the forward and in the backward pass.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from peft import PeftModel

LOGIT_CHUNK = 256
"""Positions whose logits are held at once: the vocabulary is far larger than the hidden size."""

TokenGroup = tuple[Sequence[int], Sequence[Sequence[int]]]
"""Prompt ids, and the ids of its completions."""


def completion_logps(
    model: Any, groups: Sequence[TokenGroup], *, temperature: float, pad_id: int
) -> tuple[list[torch.Tensor], list[torch.Tensor]]:
    """Per-token log-probabilities and entropies, one 1-D tensor a completion, in the order given.

    Args:
        model: A causal language model, with or without adapter; its decoder and output embeddings are used.
        groups: (prompt ids, completions' ids) of every group.
        temperature: Divides the logits, as it did when sampling.
    """
    packed = [_pack(prompt, completions) for prompt, completions in groups]
    longest = max(len(p.ids) for p in packed)
    device = next(model.parameters()).device
    input_ids = torch.full((len(packed), longest), pad_id, device=device)
    positions = torch.zeros((len(packed), longest), dtype=torch.long, device=device)
    segments = torch.full((len(packed), longest), -1, device=device)
    for row, p in enumerate(packed):
        input_ids[row, : len(p.ids)] = torch.tensor(p.ids, device=device)
        positions[row, : len(p.ids)] = torch.tensor(p.positions, device=device)
        segments[row, : len(p.ids)] = torch.tensor(p.segments, device=device)
    hidden = decoder(model)(
        input_ids=input_ids, attention_mask=_visible(segments), position_ids=positions, use_cache=False
    ).last_hidden_state
    rows = torch.tensor([row for row, p in enumerate(packed) for _ in p.sources], device=device)
    sources = torch.tensor([s for p in packed for s in p.sources], device=device)
    labels = torch.tensor([t for p in packed for t in p.targets], device=device)
    logps, entropies = _score(model, hidden[rows, sources], labels, temperature)
    sizes = [len(c) for _, completions in groups for c in completions]
    return list(logps.split(sizes)), list(entropies.split(sizes))


class _Packed:
    """One group laid out as a sequence; ``sources[i]`` is the position whose hidden state predicts ``targets[i]``."""

    def __init__(self) -> None:
        self.ids: list[int] = []
        self.positions: list[int] = []
        self.segments: list[int] = []
        self.sources: list[int] = []
        self.targets: list[int] = []


def _pack(prompt: Sequence[int], completions: Sequence[Sequence[int]]) -> _Packed:
    packed = _Packed()
    packed.ids += prompt
    packed.positions += range(len(prompt))
    packed.segments += [0] * len(prompt)
    for number, completion in enumerate(completions, start=1):
        begin = len(packed.ids)
        packed.ids += completion
        packed.positions += range(len(prompt), len(prompt) + len(completion))
        packed.segments += [number] * len(completion)
        packed.sources += [len(prompt) - 1, *range(begin, begin + len(completion) - 1)][: len(completion)]
        packed.targets += completion
    return packed


def _visible(segments: torch.Tensor) -> torch.Tensor:
    """Boolean mask [B, 1, L, L]: earlier positions of the prompt (segment 0) and of the own segment; padding sees itself."""
    length = segments.shape[1]
    causal = torch.ones(length, length, dtype=torch.bool, device=segments.device).tril()
    query, key = segments[:, :, None], segments[:, None, :]
    mask = ((key == 0) | (key == query)) & causal & (query >= 0)
    return (mask | torch.eye(length, dtype=torch.bool, device=segments.device))[:, None]


def _score(model: Any, hidden: torch.Tensor, labels: torch.Tensor, temperature: float) -> tuple[torch.Tensor, torch.Tensor]:
    head = base_model(model).get_output_embeddings()
    logps, entropies = [], []
    for start in range(0, len(labels), LOGIT_CHUNK):
        logits = head(hidden[start : start + LOGIT_CHUNK]).float() / temperature
        log_all = torch.log_softmax(logits, dim=-1)
        logps.append(log_all.gather(1, labels[start : start + LOGIT_CHUNK, None]).squeeze(1))
        with torch.no_grad():
            entropies.append(-(log_all.exp() * log_all).sum(-1))
    return torch.cat(logps), torch.cat(entropies)


def base_model(model: Any) -> Any:
    """The causal language model inside a PEFT model, or the model itself."""
    return model.get_base_model() if isinstance(model, PeftModel) else model


def decoder(model: Any) -> Any:
    """The transformer without its output embeddings; adapter layers stay active."""
    return base_model(model).get_decoder()
