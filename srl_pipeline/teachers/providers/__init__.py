"""Vendors' SDKs behind `calls.records.Backend`, a file a vendor. An SDK is imported when its backend is made."""

from __future__ import annotations

from srl_pipeline.errors import TeacherError
from srl_pipeline.teachers.calls.records import Backend, BatchBackend
from srl_pipeline.teachers.catalog.spec import TeacherEntry

__all__ = ["make_backend", "make_batch_backend"]


def make_backend(entry: TeacherEntry) -> Backend:
    """What answers the calls of a teacher; raises TeacherError for a missing credential or an unusable setting."""
    if entry.kind == "openai":
        from srl_pipeline.teachers.providers.openai import OpenAIBackend

        return OpenAIBackend(entry)
    if entry.kind == "anthropic":
        from srl_pipeline.teachers.providers.anthropic import AnthropicBackend

        return AnthropicBackend(entry)
    if entry.kind == "gemini":
        from srl_pipeline.teachers.providers.gemini import GeminiBackend

        return GeminiBackend(entry)
    if entry.kind == "transformers":
        from srl_pipeline.teachers.providers.transformers import TransformersBackend

        return TransformersBackend(entry)
    raise TeacherError(
        f"The teacher {entry.kind!r} is no language model and is not asked by calls.",
        where="teachers.yaml",
        mend="Use the kind openai, anthropic, gemini or transformers.",
    )


def make_batch_backend(entry: TeacherEntry) -> BatchBackend:
    """What answers a teacher's calls in batches; raises TeacherError where the vendor offers none."""
    if entry.kind == "openai":
        from srl_pipeline.teachers.providers.openai_batches import OpenAIBatches

        return OpenAIBatches(entry)
    if entry.kind == "anthropic":
        from srl_pipeline.teachers.providers.anthropic_batches import AnthropicBatches

        return AnthropicBatches(entry)
    raise TeacherError(
        f"The teacher {entry.kind!r} has no batch endpoint.",
        where="teachers.yaml: batch",
        mend="Remove 'batch', or use the kind openai or anthropic.",
    )
