"""Vendors' tuning APIs, through their own SDKs."""

from __future__ import annotations

from srl_pipeline.errors import TuningError
from srl_pipeline.teachers.catalog import TeacherEntry
from srl_pipeline.tuning.provider import TuningProvider
from srl_pipeline.tuning.spec import Tuner


def make_provider(entry: TeacherEntry, tuner: Tuner) -> TuningProvider:
    """The adapter of a tuner's vendor; raises TeacherError or TuningError for a key or a place that cannot be used."""
    if tuner.provider == "openai":
        from srl_pipeline.tuning.providers.openai import OpenAITuning

        return OpenAITuning(entry, tuner)
    if tuner.provider == "gemini":
        from srl_pipeline.tuning.providers.gemini import GeminiTuning

        return GeminiTuning(entry, tuner)
    if tuner.provider == "bedrock":
        from srl_pipeline.tuning.providers.bedrock import BedrockTuning

        return BedrockTuning(entry, tuner)
    raise TuningError(
        f"{tuner.provider} tunes no model.", where="tuning.yaml, provider", mend="Use the method 'prompt' there."
    )
