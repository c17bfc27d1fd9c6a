"""Dagster objects only, and thin: domain packages do the work and know nothing of Dagster.

Nothing here imports torch, transformers, lancedb or pandas at module level: every step would pay for it.
"""
