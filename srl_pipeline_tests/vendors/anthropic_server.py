"""Test-only: Anthropic's messages and message batches."""

from __future__ import annotations

import json
import uuid
from datetime import UTC, datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from srl_pipeline_tests.vendors.batches import BatchShelf, LineOutcome, LocalBatch
from srl_pipeline_tests.vendors.exchange import Answer, Outcome, Question
from srl_pipeline_tests.vendors.faults import Fault
from srl_pipeline_tests.vendors.server import VendorServer
from srl_pipeline_tests.vendors.specification import Specification, openapi
from srl_pipeline_tests.vendors.structured import closed_schema_error

MESSAGES = "post /v1/messages"
_RESULTS = "get /v1/messages/batches/{message_batch_id}/results"
_DECODABLE = {
    "type", "properties", "required", "additionalProperties", "items", "enum", "const", "description", "title", "anyOf",
    "allOf", "minItems", "format", "$ref", "$defs",
}  # fmt: skip
"""What https://platform.claude.com/docs/en/build-with-claude/structured-outputs lists as supported."""
_DAY = 86_400
_STOP = {"end": "end_turn", "length": "max_tokens", "refusal": "refusal"}
_ERRORS = {
    400: "invalid_request_error",
    401: "authentication_error",
    404: "not_found_error",
    429: "rate_limit_error",
    500: "api_error",
    529: "overloaded_error",
}


class AnthropicServer(VendorServer):
    vendor = "anthropic"
    overloaded = 529

    def routes(self) -> list[Route]:
        self.shelf = BatchShelf(self, "msgbatch_")
        return [
            Route("/v1/messages", self._messages, methods=["POST"]),
            Route("/v1/messages/batches", self._create, methods=["POST"]),
            Route("/v1/messages/batches", self._list, methods=["GET"]),
            Route("/v1/messages/batches/{batch_id}", self._retrieve),
            Route("/v1/messages/batches/{batch_id}/results", self._results),
        ]

    def specification(self) -> Specification:
        return openapi("anthropic")

    def key_of(self, request: Request) -> str:
        """The header of the specification, or the one that the SDK sends since its version 2."""
        bearer = request.headers.get("authorization", "").removeprefix("Bearer ")
        return request.headers.get("x-api-key", bearer)

    def error_body(self, status: int, message: str) -> dict[str, Any]:
        error = {"type": _ERRORS[status], "message": message}
        return {"type": "error", "error": error, "request_id": f"req_{uuid.uuid4().hex}"}

    def request_id(self) -> dict[str, str]:
        return {"request-id": f"req_{uuid.uuid4().hex}"}

    def question(self, body: dict[str, Any], model: str) -> Question:
        wanted = (body.get("output_config") or {}).get("format") or {}
        prompt = "\n\n".join([body.get("system", ""), *(m["content"] for m in body["messages"])])
        return Question(prompt, wanted.get("schema"), body["max_tokens"], body["model"], body)

    def objection(self, body: dict[str, Any]) -> str | None:
        wanted = (body.get("output_config") or {}).get("format") or {}
        if "schema" not in wanted:
            return None
        wrong = closed_schema_error(wanted["schema"], _DECODABLE, all_required=False)
        return f"output_config.format.schema: {wrong}" if wrong else None

    def answer_body(self, question: Question, answer: Answer) -> dict[str, Any]:
        tokens = answer.tokens
        refused = answer.stop == "refusal"
        details = {"type": "refusal", "category": None, "explanation": None} if refused else None
        return {
            "id": f"msg_{uuid.uuid4().hex}",
            "type": "message",
            "role": "assistant",
            "content": [{"type": "text", "text": answer.text, "citations": None}],
            "model": question.model,
            "stop_reason": _STOP[answer.stop],
            "stop_sequence": None,
            "stop_details": details,
            "container": None,
            "usage": {
                "input_tokens": tokens.input - tokens.cached,
                "cache_read_input_tokens": tokens.cached,
                "cache_creation_input_tokens": 0,
                "cache_creation": None,
                "output_tokens": tokens.output,
                "output_tokens_details": {"thinking_tokens": tokens.thinking},
                "inference_geo": None,
                "server_tool_use": None,
                "service_tier": "standard",
            },
        }

    async def _messages(self, request: Request) -> Response:
        return await self.generate(request, MESSAGES)

    async def _create(self, request: Request) -> Response:
        operation = "post /v1/messages/batches"
        body = await self.admit(request, operation)
        if isinstance(body, Response):
            return body
        lines = [(line["custom_id"], line["params"]) for line in body["requests"]]
        if len(dict(lines)) < len(lines):
            return self.turn_away(operation, 400, "a custom_id stands twice")

        async def work(fault: Fault | None) -> Outcome:
            batch = await self.shelf.take_in(lines, MESSAGES, {})
            return Outcome(200, self._batch(batch), self.request_id(), fault=fault)

        return await self.exchange(request, operation, body, work)

    async def _list(self, request: Request) -> Response:
        operation = "get /v1/messages/batches"
        if (denied := self.deny(request, operation)) is not None:
            return denied
        query = request.query_params
        page, more = self.shelf.page(query.get("after_id"), int(query.get("limit", 20)))
        data = [self._batch(batch) for batch in page]
        first, last = (data[0]["id"], data[-1]["id"]) if data else (None, None)
        return self.reply(operation, {"data": data, "has_more": more, "first_id": first, "last_id": last})

    async def _retrieve(self, request: Request) -> Response:
        operation = "get /v1/messages/batches/{message_batch_id}"
        if (denied := self.deny(request, operation)) is not None:
            return denied
        batch = self.shelf.get(request.path_params["batch_id"])
        if batch is None:
            return JSONResponse(self.error_body(404, "batch not found"), 404)
        return self.reply(operation, self._batch(batch))

    async def _results(self, request: Request) -> Response:
        if (denied := self.deny(request, _RESULTS)) is not None:
            return denied
        batch = self.shelf.get(request.path_params["batch_id"])
        if batch is None or not batch.ended:
            return JSONResponse(self.error_body(404, "no results are available"), 404)
        lines = [{"custom_id": line.custom_id, "result": _result(line)} for line in batch.outcomes]
        for line in lines:
            if (wrong := self.specification().answer_error(_RESULTS, 200, line)) is not None:
                self.invalid.append(f"answer to {_RESULTS}: {wrong}")
        text = "".join(json.dumps(line) + "\n" for line in lines)
        return Response(text, media_type="application/x-jsonl")

    def _batch(self, batch: LocalBatch) -> dict[str, Any]:
        counts = {name: batch.count(kind) for name, kind in _COUNTS.items()}
        processing = 0 if batch.ended else len(batch.outcomes)
        return {
            "id": batch.id,
            "type": "message_batch",
            "processing_status": "ended" if batch.ended else "in_progress",
            "request_counts": {"processing": processing, "canceled": 0} | counts,
            "created_at": _time(batch.created),
            "expires_at": _time(batch.created + _DAY),
            "ended_at": _time(batch.ends) if batch.ended else None,
            "archived_at": None,
            "cancel_initiated_at": None,
            "results_url": f"{self.origin}/v1/messages/batches/{batch.id}/results" if batch.ended else None,
        }


_COUNTS = {"succeeded": "answered", "errored": "failed", "expired": "expired"}


def _result(line: LineOutcome) -> dict[str, Any]:
    if line.kind == "answered":
        return {"type": "succeeded", "message": line.body}
    return {"type": "errored", "error": line.body} if line.kind == "failed" else {"type": "expired"}


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat()
