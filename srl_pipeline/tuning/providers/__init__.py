"""Vendors' tuning APIs, through their own SDKs."""

from __future__ import annotations

from srl_pipeline.errors import TuningError
from srl_pipeline.teachers.catalog import TeacherEntry
from srl_pipeline.tuning.provider import TuningProvider
from srl_pipeline.tuning.spec import Tuner

KINDS = {"openai": "openai", "gemini": "gemini", "bedrock": "openai"}
"""Provider -> kind of the teacher that it tunes. Bedrock's models answer at its OpenAI-compatible endpoint."""


def check_teacher(entry: TeacherEntry, tuner: Tuner) -> None:
    """Refuse a teacher of another vendor: its key would be sent to this one. Raises TuningError."""
    if tuner.method == "prompt":
        return
    kind = KINDS.get(tuner.provider)
    if kind is None:
        raise TuningError(
            f"{tuner.provider} tunes no model.", where="tuning.yaml, provider", mend="Use the method 'prompt' there."
        )
    if entry.kind != kind or (tuner.provider == "bedrock" and entry.endpoint is None):
        place = " with Bedrock's address as its endpoint" if tuner.provider == "bedrock" else ""
        raise TuningError(
            f"Teacher {tuner.teacher} is of kind {entry.kind}; {tuner.provider} tunes one of kind {kind}{place}.",
            where="tuning.yaml, teacher",
            mend="Name another teacher of teachers.yaml; the key of this one is not sent there.",
        )


def make_provider(entry: TeacherEntry, tuner: Tuner) -> TuningProvider:
    """The adapter of a tuner's vendor; raises TeacherError or TuningError for a key or a place that cannot be used."""
    check_teacher(entry, tuner)
    if tuner.provider == "openai":
        from srl_pipeline.tuning.providers.openai import OpenAITuning

        return OpenAITuning(entry, tuner)
    if tuner.provider == "gemini":
        from srl_pipeline.tuning.providers.gemini import GeminiTuning

        return GeminiTuning(entry, tuner)
    if tuner.provider == "bedrock":
        from srl_pipeline.tuning.providers.bedrock import BedrockTuning

        return BedrockTuning(entry, tuner)
    raise AssertionError(tuner.provider)  # check_teacher has refused it
