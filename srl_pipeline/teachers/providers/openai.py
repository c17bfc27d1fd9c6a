"""OpenAI and every endpoint that speaks its Chat Completions API, the one that all compatible servers have."""

from __future__ import annotations

from urllib.parse import urlsplit

import httpx2
from openai import OpenAI, OpenAIError
from pydantic import BaseModel, Field

from srl_pipeline.contracts import Json
from srl_pipeline.teachers.calls.records import ModelCall, Reply, Usage
from srl_pipeline.teachers.catalog.spec import TeacherEntry
from srl_pipeline.teachers.providers.connections import http_client, time_limit
from srl_pipeline.teachers.providers.credentials import Credential, credential_of, endpoint_of
from srl_pipeline.teachers.providers.failures import Account, attempt
from srl_pipeline.teachers.providers.schemas import OPENAI_STRICT, decodable

_ENDPOINT = "https://api.openai.com/v1"
_OWN_HOSTS = (".openai.com", ".openai.azure.com")
ERRORS = (OpenAIError,)


class OpenAIBackend:
    """One call, one request, no retry of the SDK's own."""

    def __init__(self, entry: TeacherEntry) -> None:
        """Raises TeacherError for a missing key or an unusable endpoint."""
        credential = credential_of(entry)
        self.vendor = entry.account_vendor
        self._entry = entry
        self._account = Account.of(entry, credential)
        self._client = openai_client(entry, credential)

    def complete(self, call: ModelCall, *, timeout: float, idempotency_key: str) -> Reply:
        """Ask; raises CallError."""
        request = chat_request(self._entry, call)
        headers = {"Idempotency-Key": idempotency_key}

        def ask() -> Reply:
            # The SDK's door for bodies that are already built: its typed one spends half a call's work on copying them.
            response = self._client.post(
                "/chat/completions",
                cast_to=httpx2.Response,
                body=request,
                options={"headers": headers, "timeout": time_limit(timeout)},
            )
            return chat_reply(Completion.model_validate_json(response.text), response.headers.get("x-request-id", ""))

        return attempt(ask, self._account, ERRORS)

    def close(self) -> None:
        """Give back the connections."""
        self._client.close()


def openai_client(entry: TeacherEntry, credential: Credential) -> OpenAI:
    """The SDK's client. The address is always given, so no variable of the environment can redirect it."""
    return OpenAI(
        api_key=credential.value,
        base_url=endpoint_of(entry, _ENDPOINT),
        max_retries=0,
        http_client=http_client(),
    )


def chat_request(entry: TeacherEntry, call: ModelCall) -> dict[str, Json]:
    """The body of the request, alone or as a line of a batch.

    The bound on generated tokens is ``max_completion_tokens`` at OpenAI's own hosts, whose reasoning models refuse
    the older ``max_tokens``, and ``max_tokens`` elsewhere: every compatible server knows that one, many only that one.
    """
    request: dict[str, Json] = {
        "model": call.model,
        "messages": [
            *([{"role": "system", "content": call.system}] if call.system else []),
            *({"role": m.role, "content": m.content} for m in call.messages),
        ],
        "max_completion_tokens" if _is_openai(entry) else "max_tokens": call.max_tokens,
    }
    if call.temperature is not None:
        request["temperature"] = call.temperature
    if entry.structured == "json_schema" and call.answer_schema is not None:
        schema = decodable(call.answer_schema, OPENAI_STRICT)
        answer = {"name": "answer", "strict": True, "schema": schema}
        request["response_format"] = {"type": "json_schema", "json_schema": answer}
    elif entry.structured == "json_object":
        request["response_format"] = {"type": "json_object"}
    return request


def chat_reply(completion: Completion, request_id: str) -> Reply:
    """A completion as a reply."""
    choice = completion.choices[0]
    refusal = choice.message.refusal
    cached = completion.usage.prompt_tokens_details.cached_tokens or 0
    if refusal or choice.finish_reason == "content_filter":
        stop = "refusal"
    else:
        stop = "length" if choice.finish_reason == "length" else "end"
    return Reply(
        text=refusal or choice.message.content or "",
        usage=Usage(
            input_tokens=completion.usage.prompt_tokens,
            cached_input_tokens=cached,
            output_tokens=completion.usage.completion_tokens,
        ),
        stop=stop,
        model=completion.model,
        request_id=request_id,
    )


def _is_openai(entry: TeacherEntry) -> bool:
    return f".{urlsplit(endpoint_of(entry, _ENDPOINT)).hostname}".endswith(_OWN_HOSTS)


class _Message(BaseModel):
    content: str | None = None
    refusal: str | None = None


class _Choice(BaseModel):
    message: _Message
    finish_reason: str | None = Field(default=None, description="Compatible servers have words of their own.")


class _PromptDetails(BaseModel):
    cached_tokens: int | None = None


class _Usage(BaseModel):
    prompt_tokens: int = Field(ge=0)
    completion_tokens: int = Field(ge=0, description="Reasoning included.")
    prompt_tokens_details: _PromptDetails = _PromptDetails()


class Completion(BaseModel):
    """What is read of a completion. Usage is required: an answer whose cost is unknown is none."""

    model: str = ""
    choices: list[_Choice] = Field(min_length=1)
    usage: _Usage
