"""Exact computations that make training fast: prompts once, logits in chunks, LoRA in one pass."""
