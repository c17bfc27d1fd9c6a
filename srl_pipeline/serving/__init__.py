"""Registered models behind an OpenAI-compatible endpoint, and what live requests say of them."""

from srl_pipeline.serving.alarms import Alarm, ErrorRate, Quality, alarm, e_value, error_rate, quality
from srl_pipeline.serving.errors import Busy, ModelFailed, ServingError, Unanswerable
from srl_pipeline.serving.journal import SERVING, Journal, LiveRequest, Pairs, ShadowRequest, live_requests

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
    "Unanswerable",
    "alarm",
    "e_value",
    "error_rate",
    "live_requests",
    "quality",
]
