"""Test-only: HTTP servers on this machine that stand for the vendors, held to the vendors' published specifications."""

from srl_pipeline_tests.vendors.anthropic_server import AnthropicServer
from srl_pipeline_tests.vendors.brain import Brain, ScriptedBrain, minimal_answer
from srl_pipeline_tests.vendors.faults import Fault, FaultPlan
from srl_pipeline_tests.vendors.gemini_server import GeminiServer
from srl_pipeline_tests.vendors.log import LogEntry, read_log
from srl_pipeline_tests.vendors.openai_server import OpenAIServer
from srl_pipeline_tests.vendors.server import Meter, VendorServer

__all__ = [
    "AnthropicServer",
    "Brain",
    "Fault",
    "FaultPlan",
    "GeminiServer",
    "LogEntry",
    "Meter",
    "OpenAIServer",
    "ScriptedBrain",
    "VendorServer",
    "minimal_answer",
    "read_log",
]
