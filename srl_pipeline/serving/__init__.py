"""Registered models behind an OpenAI-compatible endpoint, and what live requests say of them."""

from srl_pipeline.serving.alarms import Alarm, ErrorRate, Quality, alarm, e_value, error_rate, quality
from srl_pipeline.serving.errors import Busy, ModelFailed, ServingError, Unanswerable
from srl_pipeline.serving.journal import SERVING, Journal, LiveRequest, Pairs, ShadowRequest, Tally, tally_since

__all__ = [
    "SERVING",
    "Alarm",
    "Busy",
    "ErrorRate",
    "Journal",
    "LiveRequest",
    "ModelFailed",
    "Pairs",
    "Quality",
    "ServingError",
    "ShadowRequest",
    "Tally",
    "Unanswerable",
    "alarm",
    "e_value",
    "error_rate",
    "quality",
    "tally_since",
]
