"""The models that are trained: their weights, tokenizers and LoRA adapters."""
