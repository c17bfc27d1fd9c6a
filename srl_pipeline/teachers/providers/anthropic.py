"""Anthropic's Messages API."""

from __future__ import annotations

import httpx2
from anthropic import Anthropic, AnthropicError, transform_schema
from pydantic import BaseModel, Field

from srl_pipeline.contracts import Json
from srl_pipeline.errors import TeacherError
from srl_pipeline.teachers.calls.records import ModelCall, Reply, Usage
from srl_pipeline.teachers.catalog.spec import TeacherEntry
from srl_pipeline.teachers.providers.connections import http_client, time_limit
from srl_pipeline.teachers.providers.credentials import Credential, credential_of, endpoint_of
from srl_pipeline.teachers.providers.failures import Account, attempt

_ENDPOINT = "https://api.anthropic.com"
ERRORS = (AnthropicError,)


class AnthropicBackend:
    """One call, one request, no retry of the SDK's own."""

    def __init__(self, entry: TeacherEntry) -> None:
        """Raises TeacherError for a missing key, an unusable endpoint or a setting that the API does not have."""
        check_settings(entry)
        credential = credential_of(entry)
        self.vendor = entry.account_vendor
        self._entry = entry
        self._account = Account.of(entry, credential)
        self._client = anthropic_client(entry, credential)

    def complete(self, call: ModelCall, *, timeout: float, idempotency_key: str) -> Reply:
        """Ask; raises CallError."""
        request = message_request(self._entry, call)
        headers = {"Idempotency-Key": idempotency_key}

        def ask() -> Reply:
            # The SDK's door for bodies that are already built: its typed one no longer knows ``temperature``.
            response = self._client.post(
                "/v1/messages",
                cast_to=httpx2.Response,
                body=request,
                options={"headers": headers, "timeout": time_limit(timeout)},
            )
            return message_reply(Answer.model_validate_json(response.text), response.headers.get("request-id", ""))

        return attempt(ask, self._account, ERRORS)

    def close(self) -> None:
        """Give back the connections."""
        self._client.close()


def check_settings(entry: TeacherEntry) -> None:
    """Raises TeacherError for settings that the Messages API does not have."""
    if entry.structured == "json_object":
        raise TeacherError(
            "Anthropic has no answer format 'json_object'.",
            where=f"teachers.yaml: structured of the teacher {entry.kind} {entry.model}",
            mend="Use json_schema, or none.",
        )
    if entry.temperature is not None and entry.temperature > 1:
        raise TeacherError(
            f"Anthropic takes temperatures up to 1, not {entry.temperature:g}.",
            where=f"teachers.yaml: temperature of the teacher {entry.kind} {entry.model}",
            mend="Lower it, or leave it out.",
        )


def anthropic_client(entry: TeacherEntry, credential: Credential) -> Anthropic:
    """The SDK's client. The address is always given, so no variable of the environment can redirect it."""
    return Anthropic(
        api_key=credential.value,
        base_url=endpoint_of(entry, _ENDPOINT),
        max_retries=0,
        http_client=http_client(),
    )


def message_request(entry: TeacherEntry, call: ModelCall) -> dict[str, Json]:
    """The body of the request, alone or as one of a batch.

    The schema goes through the SDK's own transformation, which moves what the decoder does not know into
    descriptions. ``temperature`` is sent where the entry sets it; models after Opus 4.6 refuse all but 1.
    """
    request: dict[str, Json] = {
        "model": call.model,
        "max_tokens": call.max_tokens,
        "messages": [{"role": m.role, "content": m.content} for m in call.messages],
    }
    if call.system:
        request["system"] = call.system
    if call.temperature is not None:
        request["temperature"] = call.temperature
    if entry.structured == "json_schema" and call.answer_schema is not None:
        answer = {"type": "json_schema", "schema": transform_schema(call.answer_schema)}
        request["output_config"] = {"format": answer}
    return request


def message_reply(answer: Answer, request_id: str) -> Reply:
    """A message as a reply."""
    usage = answer.usage
    cached = usage.cache_read_input_tokens or 0
    stop = "length" if answer.stop_reason in _CUT_OFF else "refusal" if answer.stop_reason == "refusal" else "end"
    return Reply(
        text="".join(block.text for block in answer.content if block.type == "text"),
        usage=Usage(
            input_tokens=usage.input_tokens + cached + (usage.cache_creation_input_tokens or 0),
            cached_input_tokens=cached,
            output_tokens=usage.output_tokens,
        ),
        stop=stop,
        model=answer.model,
        request_id=request_id,
    )


_CUT_OFF = ("max_tokens", "model_context_window_exceeded", "pause_turn")


class _Block(BaseModel):
    type: str
    text: str = Field(default="", description="Other blocks, such as thinking, have none.")


class _Usage(BaseModel):
    """Anthropic counts cached tokens apart from the other input."""

    input_tokens: int = Field(ge=0)
    output_tokens: int = Field(ge=0, description="Thinking included.")
    cache_read_input_tokens: int | None = None
    cache_creation_input_tokens: int | None = None


class Answer(BaseModel):
    """What is read of a message."""

    model: str
    content: list[_Block]
    stop_reason: str | None
    usage: _Usage
