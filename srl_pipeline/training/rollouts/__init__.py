"""Completions of prompts: sampled fast, scored, and drawn again until a batch carries signal."""
