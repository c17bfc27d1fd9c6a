"""Sample completions: prefill every prompt once, decode all rollouts together, stop each once its text is decided.

Randomness comes from one seed a call (a uniform number per row and position), so a call can be repeated exactly,
whatever was sampled before it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch.nn import functional
from transformers import DynamicCache

from srl_pipeline.training.kernels.nesting import trunks_of
from srl_pipeline.training.kernels.packed_linear import pack_linears
from srl_pipeline.training.kernels.rollout_attention import NAME, RolloutCache
from srl_pipeline.training.kernels.shared_prefix import attention, base_model
from srl_pipeline.training.kernels.weight_copies import copies_held
from srl_pipeline.training.rollouts.endings import Endings, Stop

COMPACT_EVERY = 8
"""Decoded tokens between two removals of finished rows."""
BLOCK = 256
"""Tokens of the vocabulary that are summed together when one is drawn."""
MAX_ROWS = 128
"""Rows decoded together; bounds the memory of the cache."""


@dataclass(frozen=True)
class Completion:
    """One sampled completion: token ids (end token included where it was sampled) and text without special tokens.

    ``logps`` are the log-probabilities that the tokens were sampled with; empty for greedy decoding.
    """

    ids: list[int]
    text: str
    finished: bool
    logps: list[float]


class Sampler:
    """Samples from a model as it is now: plain, or with its active adapter."""

    def __init__(self, model: Any, tokenizer: Any) -> None:
        self._tokenizer = tokenizer
        self._model = base_model(model)
        pack_linears(self._model)
        self.endings = Endings(tokenizer, self._model.generation_config)

    @torch.no_grad()
    def sample(
        self,
        prompts: Sequence[Sequence[int]],
        *,
        per_prompt: int,
        max_tokens: int,
        temperature: float,
        seed: int,
        stop: Stop,
        first: int = 0,
    ) -> list[list[Completion]]:
        """``per_prompt`` completions of each prompt (token ids).

        ``temperature`` 0 is greedy. ``stop`` sees the text at each line's end and shortly after its beginning.
        ``first`` is the number of the first prompt among those that several processes sample with one seed.
        """
        results: list[list[Completion]] = [[] for _ in prompts]
        trunks = sorted(trunks_of(prompts), key=lambda found: len(prompts[found[0]]))
        order = [index for _, members in trunks for index in members]  # alike in length, trunks whole
        size = max(1, MAX_ROWS // per_prompt)
        for start in range(0, len(order), size):
            chosen = order[start : start + size]
            # the seed belongs to the prompt's place, so that the batch size does not change what is sampled
            noise = torch.stack([_uniforms(seed, first + i, per_prompt, max_tokens) for i in chosen]).flatten(0, 1)
            with copies_held(self._model):
                found = self._sample_batch(
                    [prompts[i] for i in chosen], per_prompt, max_tokens, temperature, noise, stop
                )
            for place, index in enumerate(chosen):
                results[index] = found[place * per_prompt : (place + 1) * per_prompt]
        return results

    def _sample_batch(
        self,
        prompts: list[Sequence[int]],
        per_prompt: int,
        max_tokens: int,
        temperature: float,
        noise: torch.Tensor,
        stop: Stop,
    ) -> list[Completion]:
        cache, lengths, logits = self._prefill(prompts, per_prompt, max_tokens)
        device = logits.device
        rows = len(prompts) * per_prompt
        ids: list[list[int]] = [[] for _ in range(rows)]
        logps: list[list[float]] = [[] for _ in range(rows)]
        done = [False] * rows
        line = [0] * rows  # tokens since the last line end
        alive = list(range(rows))  # original row of each decoded row; finished rows may linger until compaction
        positions = lengths.repeat_interleave(per_prompt)
        logits = logits.repeat_interleave(per_prompt, dim=0)
        for step in range(max_tokens):
            chosen, scores = _choose(logits, temperature, noise[alive, step].to(device))
            tokens = chosen.tolist()
            for row, token, score in zip(alive, tokens, scores.tolist(), strict=True):
                if done[row]:
                    continue
                ids[row].append(token)
                logps[row].append(score)
                line[row] = self.endings.line_after(token, line[row])
                done[row] = self.endings.over(ids[row], line[row], stop)
            if all(done) or step + 1 == max_tokens:
                break
            if step % COMPACT_EVERY == COMPACT_EVERY - 1 and any(done[row] for row in alive):
                alive, places = _compact(alive, done, cache)
                tokens = [tokens[p] for p in places]
                positions = positions[torch.tensor(places, device=device)]
            hidden = self._decode(torch.tensor(tokens, device=device), positions, cache)
            logits = self._model.get_output_embeddings()(hidden)
            positions = positions + 1
        sampled = temperature > 0
        texts = [self.endings.text(row) for row in ids]
        return [Completion(ids[r], texts[r], done[r], logps[r] if sampled else []) for r in range(rows)]

    def _prefill(
        self, prompts: list[Sequence[int]], per_prompt: int, room: int
    ) -> tuple[RolloutCache, torch.Tensor, torch.Tensor]:
        """Cache, lengths and next-token logits of every prompt; one that begins another is not computed again."""
        device, pad = self._model.device, self._tokenizer.pad_token_id
        trunks = trunks_of(prompts)
        longest = max(len(prompts[trunk]) for trunk, _ in trunks)
        padded = [[*prompts[trunk], *([pad] * (longest - len(prompts[trunk])))] for trunk, _ in trunks]
        with attention(self._model, "sdpa"):  # padded at the end: no token sees what follows it, so no mask is needed
            out = self._model.get_decoder()(
                input_ids=torch.tensor(padded, device=device), past_key_values=DynamicCache(), use_cache=True
            )
        trunk_of = {index: place for place, (_, members) in enumerate(trunks) for index in members}
        places = torch.tensor([trunk_of[i] for i in range(len(prompts))], device=device)
        lengths = torch.tensor([len(p) for p in prompts], device=device)
        layers = [(layer.keys[places], layer.values[places]) for layer in out.past_key_values.layers]
        cache = RolloutCache(layers, lengths, per_prompt, room)
        last = out.last_hidden_state[places, lengths - 1]
        return cache, lengths, self._model.get_output_embeddings()(last)

    def _decode(self, tokens: torch.Tensor, positions: torch.Tensor, cache: RolloutCache) -> torch.Tensor:
        # A 4-D mask is passed through untouched: our attention knows what is visible, so none needs to be built.
        anything = torch.zeros(1, 1, 1, 1, device=tokens.device, dtype=torch.bool)
        with attention(self._model, NAME):
            out = self._model.get_decoder()(
                input_ids=tokens[:, None],
                attention_mask=anything,
                position_ids=positions[:, None],
                past_key_values=cache,
                use_cache=True,
                rollout_cache=cache,
            )
        cache.length += 1
        return out.last_hidden_state[:, 0]


def _choose(logits: torch.Tensor, temperature: float, uniform: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Tokens and their log-probabilities: greedy, or by inverting the cumulative distribution, one number a row.

    The vocabulary is cut into blocks: the number chooses the block by the blocks' sums, then the token inside it, so
    that only one block a row is accumulated.
    """
    if temperature == 0:
        return logits.argmax(dim=-1), uniform
    weights = logits.float()
    if temperature != 1:
        weights = weights / temperature
    weights = (weights - weights.amax(dim=-1, keepdim=True)).exp_()
    rows, size = weights.shape
    blocks = functional.pad(weights, (0, -size % BLOCK)).view(rows, -1, BLOCK)
    ends = blocks.sum(dim=-1).cumsum(dim=-1)
    total = ends[:, -1:]
    target = uniform[:, None] * total
    block = torch.searchsorted(ends, target, right=True).clamp_(max=ends.shape[1] - 1)
    before = torch.where(block > 0, ends.gather(1, (block - 1).clamp(min=0)), torch.zeros_like(target))
    inside = blocks.gather(1, block[:, :, None].expand(-1, 1, BLOCK)).squeeze(1)
    place = torch.searchsorted(inside.cumsum(dim=-1), target - before, right=True)
    # Rounding may carry the number past the last token that has any weight: that token is meant.
    last = torch.where(inside > 0, torch.arange(BLOCK, device=logits.device), -1).amax(dim=-1, keepdim=True)
    place = torch.minimum(place, last).clamp_(min=0)
    chosen = inside.gather(1, place)
    return (block * BLOCK + place).squeeze(1), (chosen / total).squeeze(1).log()


def _uniforms(seed: int, prompt: int, rows: int, tokens: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed((seed * 1_000_003 + prompt) % (2**63))
    return torch.rand(rows, tokens, generator=generator)


def _compact(alive: list[int], done: list[bool], cache: RolloutCache) -> tuple[list[int], list[int]]:
    """Drop finished rows: prompts without a living row go, the others keep as many rows as the busiest one needs."""
    per = cache.per_prompt
    groups = [list(range(start, start + per)) for start in range(0, len(alive), per)]
    living = [[place for place in group if not done[alive[place]]] for group in groups]
    most = max(len(group) for group in living)
    kept = [i for i, group in enumerate(living) if group]
    if most == per and len(kept) == len(groups):
        return alive, list(range(len(alive)))
    places: list[int] = []
    for i in kept:
        finished = [p for p in groups[i] if done[alive[p]]]
        places += sorted((living[i] + finished)[:most])
    device = cache.bias.device
    cache.keep(torch.tensor(kept, device=device), torch.tensor(places, device=device), most)
    return [alive[p] for p in places], places
