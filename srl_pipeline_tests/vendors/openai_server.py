"""Test-only: OpenAI's chat completions, files and batches."""

from __future__ import annotations

import json
import time
import uuid
from email import message_from_bytes
from email.message import Message
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from srl_pipeline_tests.vendors.batches import BatchShelf, LocalBatch
from srl_pipeline_tests.vendors.exchange import Answer, Outcome, Question
from srl_pipeline_tests.vendors.faults import Fault
from srl_pipeline_tests.vendors.server import VendorServer
from srl_pipeline_tests.vendors.specification import Specification, openapi
from srl_pipeline_tests.vendors.structured import closed_schema_error

CHAT = "post /chat/completions"
_STRICT = {
    "type", "properties", "required", "additionalProperties", "items", "enum", "const", "description", "title", "anyOf",
    "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "minItems", "maxItems", "pattern",
    "format", "$ref", "$defs",
}  # fmt: skip
"""What https://platform.openai.com/docs/guides/structured-outputs lists as supported."""


class OpenAIServer(VendorServer):
    """Also stands for compatible servers: they differ in what they do not check."""

    vendor = "openai"
    overloaded = 503

    def routes(self) -> list[Route]:
        self.shelf = BatchShelf(self, "batch_")
        self._files: dict[str, bytes] = {}
        return [
            Route("/v1/chat/completions", self._chat, methods=["POST"]),
            Route("/v1/files", self._upload, methods=["POST"]),
            Route("/v1/files/{file_id}/content", self._download),
            Route("/v1/batches", self._create, methods=["POST"]),
            Route("/v1/batches", self._list, methods=["GET"]),
            Route("/v1/batches/{batch_id}", self._retrieve),
        ]

    @property
    def url(self) -> str:
        return f"{self.origin}/v1"

    def specification(self) -> Specification:
        return openapi("openai")

    def key_of(self, request: Request) -> str:
        return request.headers.get("authorization", "").removeprefix("Bearer ")

    def error_body(self, status: int, message: str) -> dict[str, Any]:
        kind = {401: "authentication_error", 429: "rate_limit_error"}.get(status, "invalid_request_error")
        kind = kind if status < 500 else "server_error"
        return {"error": {"message": message, "type": kind, "param": None, "code": None}}

    def request_id(self) -> dict[str, str]:
        return {"x-request-id": f"req_{uuid.uuid4().hex}"}

    def question(self, body: dict[str, Any], model: str) -> Question:
        wanted = body.get("response_format", {})
        limit = body.get("max_completion_tokens") or body.get("max_tokens") or 100_000
        prompt = "\n\n".join(m["content"] for m in body["messages"])
        return Question(prompt, wanted.get("json_schema", {}).get("schema"), limit, body["model"], body)

    def objection(self, body: dict[str, Any]) -> str | None:
        wanted = body.get("response_format", {})
        if wanted.get("type") == "json_schema" and wanted["json_schema"].get("strict"):
            wrong = closed_schema_error(wanted["json_schema"]["schema"], _STRICT, all_required=True)
            return f"Invalid schema for response_format: {wrong}" if wrong else None
        if wanted.get("type") == "json_object" and "json" not in str(body["messages"]).lower():
            return (
                "'messages' must contain the word 'json' in some form, to use 'response_format' of type 'json_object'."
            )
        return None

    def answer_body(self, question: Question, answer: Answer) -> dict[str, Any]:
        refused = answer.stop == "refusal"
        message = {
            "role": "assistant",
            "content": None if refused else answer.text,
            "refusal": answer.text if refused else None,
        }
        finish = "length" if answer.stop == "length" else "stop"
        tokens = answer.tokens
        return {
            "id": f"chatcmpl-{uuid.uuid4().hex}",
            "object": "chat.completion",
            "created": int(time.time()),
            "model": question.model,
            "choices": [{"index": 0, "message": message, "finish_reason": finish, "logprobs": None}],
            "usage": {
                "prompt_tokens": tokens.input,
                "completion_tokens": tokens.output,
                "total_tokens": tokens.input + tokens.output,
                "prompt_tokens_details": {"cached_tokens": tokens.cached, "audio_tokens": 0},
                "completion_tokens_details": {"reasoning_tokens": tokens.thinking, "audio_tokens": 0},
            },
        }

    async def _chat(self, request: Request) -> Response:
        return await self.generate(request, CHAT)

    async def _upload(self, request: Request) -> Response:
        if (denied := self.deny(request, "post /files")) is not None:
            return denied
        head = f"Content-Type: {request.headers['content-type']}\r\n\r\n".encode()
        parts: list[Message] = message_from_bytes(head + await request.body()).get_payload()  # type: ignore[assignment]
        fields = {str(p.get_param("name", header="content-disposition")): p for p in parts}
        plain = {name: bytes(part.get_payload(decode=True)).decode() for name, part in fields.items()}  # type: ignore[arg-type]
        if (wrong := self.specification().request_error("post /files", plain)) is not None:
            return self.turn_away("post /files", 400, wrong)
        file_id = self._store(plain["file"].encode())
        body = {
            "id": file_id,
            "object": "file",
            "bytes": len(plain["file"]),
            "created_at": int(time.time()),
            "filename": fields["file"].get_filename() or "",
            "purpose": plain["purpose"],
            "status": "processed",
        }
        return self.reply("post /files", body)

    async def _download(self, request: Request) -> Response:
        if (denied := self.deny(request, "get /files/{file_id}/content")) is not None:
            return denied
        content = self._files.get(request.path_params["file_id"])
        if content is None:
            return JSONResponse(self.error_body(404, "No such File object"), 404)
        return PlainTextResponse(content, media_type="application/octet-stream")

    async def _create(self, request: Request) -> Response:
        operation = "post /batches"
        body = await self.admit(request, operation)
        if isinstance(body, Response):
            return body
        if (content := self._files.get(body["input_file_id"])) is None:
            return self.turn_away(operation, 400, "no such input file")
        lines = [json.loads(line) for line in content.decode().split("\n") if line]
        if len({line["custom_id"] for line in lines}) < len(lines):
            return self.turn_away(operation, 400, "a custom_id stands twice")
        if any((line["method"], line["url"]) != ("POST", body["endpoint"]) for line in lines):
            return self.turn_away(operation, 400, "a line is for another endpoint")

        async def work(fault: Fault | None) -> Outcome:
            pairs = [(line["custom_id"], line["body"]) for line in lines]
            batch = await self.shelf.take_in(pairs, CHAT, body.get("metadata") or {}, body["input_file_id"])
            return Outcome(200, self._batch(batch), self.request_id(), fault=fault)

        return await self.exchange(request, operation, body, work)

    async def _list(self, request: Request) -> Response:
        if (denied := self.deny(request, "get /batches")) is not None:
            return denied
        query = request.query_params
        page, more = self.shelf.page(query.get("after"), int(query.get("limit", 20)))
        data = [self._batch(batch) for batch in page]
        ends = {"first_id": data[0]["id"], "last_id": data[-1]["id"]} if data else {}
        return self.reply("get /batches", {"object": "list", "data": data, "has_more": more} | ends)

    async def _retrieve(self, request: Request) -> Response:
        operation = "get /batches/{batch_id}"
        if (denied := self.deny(request, operation)) is not None:
            return denied
        batch = self.shelf.get(request.path_params["batch_id"])
        if batch is None:
            return JSONResponse(self.error_body(404, "No batch found with that id"), 404)
        return self.reply(operation, self._batch(batch))

    def _batch(self, batch: LocalBatch) -> dict[str, Any]:
        answered, failed, expired = (batch.count(kind) for kind in ("answered", "failed", "expired"))
        body: dict[str, Any] = {
            "id": batch.id,
            "object": "batch",
            "endpoint": "/v1/chat/completions",
            "input_file_id": batch.input_file,
            "completion_window": "24h",
            "status": "in_progress" if not batch.ended else "expired" if expired else "completed",
            "created_at": int(batch.created),
            "request_counts": {"total": len(batch.outcomes), "completed": answered, "failed": failed + expired},
            "metadata": batch.metadata,
        }
        if answered:
            body["output_file_id"] = self._lines(batch, good=True)
        if failed + expired:
            body["error_file_id"] = self._lines(batch, good=False)
        return body

    def _lines(self, batch: LocalBatch, *, good: bool) -> str:
        lines = []
        for n, line in enumerate(batch.outcomes):
            if (line.kind == "answered") != good:
                continue
            request_id = f"batch_req_{batch.id[-8:]}{n}"
            response = {"status_code": line.status, "request_id": request_id, "body": line.body}
            expired = {"code": "batch_expired", "message": "This request could not be executed before it expired."}
            gone = line.kind == "expired"
            lines.append(
                {
                    "id": request_id,
                    "custom_id": line.custom_id,
                    "response": None if gone else response,
                    "error": expired if gone else None,
                }
            )
        text = "".join(json.dumps(line) + "\n" for line in lines)
        return self._store(text.encode(), f"file-{batch.id}-{'output' if good else 'errors'}")

    def _store(self, content: bytes, file_id: str = "") -> str:
        file_id = file_id or f"file-{uuid.uuid4().hex}"
        self._files[file_id] = content
        return file_id
