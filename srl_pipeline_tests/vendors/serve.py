"""Test-only: a vendor's server as a process of its own, so that it lives on when its client is killed.

``python -m srl_pipeline_tests.vendors.serve --vendor openai --log FILE [--latency 1.0] [--faults slow=0.1]`` prints its
URL as the first line and serves until it is ended.
"""

from __future__ import annotations

import argparse
from importlib import import_module
from pathlib import Path

from srl_pipeline_tests.vendors.anthropic_server import AnthropicServer
from srl_pipeline_tests.vendors.brain import Brain
from srl_pipeline_tests.vendors.faults import FaultPlan
from srl_pipeline_tests.vendors.gemini_server import GeminiServer
from srl_pipeline_tests.vendors.openai_server import OpenAIServer
from srl_pipeline_tests.vendors.server import VendorServer

SERVERS: dict[str, type[VendorServer]] = {s.vendor: s for s in (OpenAIServer, AnthropicServer, GeminiServer)}


def main() -> None:
    """Serve as the arguments say."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--vendor", choices=SERVERS, required=True)
    arguments.add_argument("--log", type=Path, required=True)
    arguments.add_argument("--port", type=int, default=0, help="0: any free one")
    arguments.add_argument("--latency", type=float, default=0.0, help="seconds of each answer")
    arguments.add_argument("--faults", default="", help="rate_limit=0.1,slow=0.05 or rate_limit,ok,slow")
    arguments.add_argument("--line-faults", default="", help="the same, for the requests within batches")
    arguments.add_argument("--seed", type=int, default=0)
    arguments.add_argument("--batch-seconds", type=float, default=0.0)
    arguments.add_argument("--honours-idempotency", action="store_true")
    arguments.add_argument("--key", default=None, help="the only key let in")
    arguments.add_argument("--brain", default="srl_pipeline_tests.vendors.brain:minimal_answer")
    given = arguments.parse_args()
    server = SERVERS[given.vendor](
        given.log,
        port=given.port,
        answer=brain_of(given.brain),
        faults=FaultPlan.parse(given.faults, given.seed),
        line_faults=FaultPlan.parse(given.line_faults, given.seed),
        latency=given.latency,
        batch_seconds=given.batch_seconds,
        honours_idempotency=given.honours_idempotency,
        key=given.key,
    )
    print(server.url, flush=True)
    server.run()


def brain_of(dotted: str) -> Brain:
    """``module:callable``."""
    module, _, name = dotted.partition(":")
    return getattr(import_module(module), name)


if __name__ == "__main__":
    main()
