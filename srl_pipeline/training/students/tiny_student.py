"""The smoke student: a Llama of half a million parameters, made on the spot from the pack's texts. For tests; seconds.

Tokenizer and weights are trained on the lore and on transcripts of the gold examples, just far enough to know the
format, so that every part of the chain has something to do. It knows nothing worth knowing.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from srl_pipeline.canonical import digest

VOCABULARY = 1024
SHAPE: dict[str, Any] = {
    "hidden_size": 128,
    "intermediate_size": 256,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
}
STEPS = 160
BATCH = 8
WINDOW = 160
LEARNING_RATE = 4e-3
SEED = 7
END = "<|end|>"


def tiny_student_key(lore: Sequence[str], transcripts: Sequence[str]) -> str:
    """Cache key: everything that decides the weights."""
    recipe = [VOCABULARY, SHAPE, STEPS, BATCH, WINDOW, LEARNING_RATE, SEED]
    return f"tiny-{digest([recipe, list(lore), list(transcripts)])}"


def make_tiny_student(folder: Path, lore: Sequence[str], transcripts: Sequence[str]) -> None:
    """Write model and tokenizer in the Hugging Face layout."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    tokenizer = _tokenizer([*lore, *transcripts])
    torch.manual_seed(SEED)
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        max_position_embeddings=2048,
        bos_token_id=None,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
        tie_word_embeddings=True,
        **SHAPE,
    )
    model = LlamaForCausalLM(config)
    _learn_the_format(model, tokenizer, transcripts)
    model.save_pretrained(folder, safe_serialization=True)
    tokenizer.save_pretrained(folder)


def _learn_the_format(model: Any, tokenizer: Any, transcripts: Sequence[str]) -> None:
    """Next-token training on random windows of the transcripts, at random positions: prompts will precede them."""
    import torch

    rng = random.Random(SEED)
    stream = tokenizer("".join(text + END for text in transcripts), add_special_tokens=False)["input_ids"] * 2
    optimizer = torch.optim.AdamW(model.parameters(), lr=LEARNING_RATE)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, LEARNING_RATE, total_steps=STEPS)
    for _ in range(STEPS):
        starts = [rng.randrange(len(stream) - WINDOW) for _ in range(BATCH)]
        ids = torch.tensor([stream[s : s + WINDOW] for s in starts])
        shifts = torch.tensor([[rng.randrange(900)] for _ in range(BATCH)])
        model(input_ids=ids, labels=ids, position_ids=torch.arange(WINDOW)[None] + shifts).loss.backward()
        optimizer.step()
        schedule.step()
        optimizer.zero_grad()


def _tokenizer(corpus: Sequence[str]) -> Any:
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=[END],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(corpus, trainer)
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token=END, pad_token=END, padding_side="left")
