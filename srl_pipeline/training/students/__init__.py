"""The models that are trained: their weights, tokenizers, and what is tuned of them."""
