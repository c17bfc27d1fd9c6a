"""A model server that answers after a fixed time: ``python -m benchmarks.calls.server SECONDS`` prints its port."""

from __future__ import annotations

import asyncio
import socket
import sys

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

ANSWER = '{"reasoning": "granite bears the load", "action": {"material": "granite"}}'


def application(seconds: float) -> Starlette:
    """Chat completions as an OpenAI-compatible endpoint gives them."""

    async def complete(request: Request) -> JSONResponse:
        model = (await request.json())["model"]
        await asyncio.sleep(seconds)
        return JSONResponse(
            {
                "id": "chatcmpl-1",
                "object": "chat.completion",
                "created": 1,
                "model": model,
                "choices": [{"index": 0, "message": {"role": "assistant", "content": ANSWER}, "finish_reason": "stop"}],
                "usage": {"prompt_tokens": 100, "completion_tokens": 50, "total_tokens": 150},
            }
        )

    return Starlette(routes=[Route("/v1/chat/completions", complete, methods=["POST"])])


def main() -> None:
    """Serve until killed."""
    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    print(listening.getsockname()[1], flush=True)
    server = uvicorn.Server(uvicorn.Config(application(float(sys.argv[1])), log_level="warning"))
    server.run(sockets=[listening])


if __name__ == "__main__":
    main()
