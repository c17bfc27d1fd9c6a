"""Errors of the lore retriever."""

from __future__ import annotations

from srl_pipeline.errors import PipelineError


class LoreError(PipelineError):
    """A lore index that is missing, or that was made otherwise than it is read."""


class EmbedderError(LoreError):
    """An embedder whose weights are missing or cannot be used."""
