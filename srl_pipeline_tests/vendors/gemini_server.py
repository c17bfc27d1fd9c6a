"""Test-only: Gemini's ``generateContent``."""

from __future__ import annotations

import re
import uuid
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from srl_pipeline_tests.vendors.exchange import Answer, Question
from srl_pipeline_tests.vendors.server import VendorServer
from srl_pipeline_tests.vendors.specification import Specification, google_discovery
from srl_pipeline_tests.vendors.structured import closed_schema_error

GENERATE = "models.generateContent"
_SUPPORTED = {
    "$id", "$defs", "$ref", "$anchor", "type", "format", "title", "description", "enum", "items", "prefixItems",
    "minItems", "maxItems", "minimum", "maximum", "anyOf", "oneOf", "properties", "additionalProperties", "required",
    "propertyOrdering",
}  # fmt: skip
"""What the discovery document says of ``responseJsonSchema``."""
_STATUS = {400: "INVALID_ARGUMENT", 401: "UNAUTHENTICATED", 404: "NOT_FOUND", 429: "RESOURCE_EXHAUSTED"}
_FINISH = {"end": "STOP", "length": "MAX_TOKENS", "refusal": "SAFETY"}


class GeminiServer(VendorServer):
    """A prompt that holds ``blocked_word`` is blocked before the model sees it."""

    vendor = "gemini"
    overloaded = 503
    blocked_word = "forbidden-topic"

    def routes(self) -> list[Route]:
        return [Route("/v1beta/models/{call}", self._generate, methods=["POST"])]

    def specification(self) -> Specification:
        return google_discovery("gemini")

    def key_of(self, request: Request) -> str:
        return request.headers.get("x-goog-api-key", "")

    def error_body(self, status: int, message: str) -> dict[str, Any]:
        error: dict[str, Any] = {
            "code": status,
            "message": message,
            "status": _STATUS.get(status, "INTERNAL" if status == 500 else "UNAVAILABLE"),
        }
        if status == 429:
            error["details"] = [{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "17s"}]
        return {"error": error}

    def question(self, body: dict[str, Any], model: str) -> Question:
        settings = body.get("generationConfig", {})
        contents = [*([body["systemInstruction"]] if "systemInstruction" in body else []), *body["contents"]]
        prompt = "\n\n".join(part["text"] for content in contents for part in content["parts"])
        schema = settings.get("responseJsonSchema")
        return Question(prompt, schema, settings.get("maxOutputTokens", 100_000), model, body)

    def objection(self, body: dict[str, Any]) -> str | None:
        settings = body.get("generationConfig", {})
        if "responseJsonSchema" not in settings:
            return None
        if settings.get("responseMimeType") != "application/json":
            return "responseMimeType must be application/json when responseJsonSchema is set"
        return closed_schema_error(settings["responseJsonSchema"], _SUPPORTED, all_required=False)

    def answer_body(self, question: Question, answer: Answer) -> dict[str, Any]:
        tokens = answer.tokens
        usage = {
            "promptTokenCount": tokens.input,
            "cachedContentTokenCount": tokens.cached,
            "candidatesTokenCount": tokens.output - tokens.thinking,
            "thoughtsTokenCount": tokens.thinking,
            "totalTokenCount": tokens.input + tokens.output,
        }
        body: dict[str, Any] = {
            "usageMetadata": usage,
            "modelVersion": question.model,
            "responseId": uuid.uuid4().hex,
        }
        if self.blocked_word in question.prompt:
            usage |= {"candidatesTokenCount": 0, "thoughtsTokenCount": 0, "totalTokenCount": tokens.input}
            return body | {"promptFeedback": {"blockReason": "PROHIBITED_CONTENT"}}
        content = {"role": "model", "parts": [{"text": answer.text}]}
        candidate: dict[str, Any] = {"index": 0, "finishReason": _FINISH[answer.stop]}
        if answer.stop != "refusal":
            candidate["content"] = content
        return body | {"candidates": [candidate]}

    async def _generate(self, request: Request) -> Response:
        match = re.fullmatch(r"([^/:]+):generateContent", request.path_params["call"])
        if match is None:
            return JSONResponse(self.error_body(404, "no such method"), 404)
        return await self.generate(request, GENERATE, match[1])
