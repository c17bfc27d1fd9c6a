"""Test-only: an encoder of random weights, for tests to which it does not matter what a text means."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from srl_pipeline.training.students.tiny_student import _tokenizer


def write_encoder(folder: Path, texts: Sequence[str]) -> Path:
    """A BERT of one layer that reads texts like ``texts``; ``LoreConfig.embedder`` may name its folder.

    MiniLM takes far longer: its 90 MB are read, hashed, and six layers computed for each query.
    """
    import torch
    from transformers import BertConfig, BertModel

    tokenizer = _tokenizer(texts)
    torch.manual_seed(5)
    config = BertConfig(
        vocab_size=len(tokenizer),
        hidden_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=512,
        pad_token_id=tokenizer.pad_token_id,
    )
    BertModel(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder
