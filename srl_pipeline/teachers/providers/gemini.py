"""Google's Gemini models: by the Gemini API, or in a cloud project by Vertex AI."""

from __future__ import annotations

import math
from functools import partial

import httpx2
from google import genai
from google.genai import errors, types

from srl_pipeline.teachers.calls.records import ModelCall, Reply, Usage
from srl_pipeline.teachers.catalog.spec import TeacherEntry
from srl_pipeline.teachers.providers.connections import http_client, trust
from srl_pipeline.teachers.providers.credentials import Credential, credential_of, endpoint_of
from srl_pipeline.teachers.providers.failures import Account, attempt
from srl_pipeline.teachers.providers.schemas import GEMINI, decodable
from srl_pipeline.teachers.providers.vertex import CloudAccount, vertex_client

_ENDPOINT = "https://generativelanguage.googleapis.com"
_VERSION = "v1beta"
ERRORS = (errors.APIError,)
_CUT_OFF = ("MAX_TOKENS", "CONTINUATION")
_BROKEN = ("FINISH_REASON_UNSPECIFIED", "MALFORMED_RESPONSE", "MALFORMED_FUNCTION_CALL", "UNEXPECTED_TOOL_CALL")


class GeminiBackend:
    """One call, one request: without retry options the SDK does not try again."""

    def __init__(self, entry: TeacherEntry) -> None:
        """Raises TeacherError for a missing key, missing credentials or an unusable endpoint."""
        self.vendor = entry.account_vendor
        self._entry = entry
        self._http = http_client()
        if entry.project is None:
            credential = credential_of(entry)
            self._client = _api_client(entry, credential, self._http)
            self._attempt = partial(attempt, account=Account.of(entry, credential), errors=ERRORS)
        else:
            account = CloudAccount(entry)
            self._client = vertex_client(entry, account, self._http)
            self._attempt = partial(account.attempt, errors=ERRORS)

    def complete(self, call: ModelCall, *, timeout: float, idempotency_key: str) -> Reply:
        """Ask; raises CallError."""
        contents = [
            types.Content(role="model" if m.role == "assistant" else "user", parts=[types.Part(text=m.content)])
            for m in call.messages
        ]
        config = generation_config(self._entry, call, timeout, idempotency_key)

        def ask() -> Reply:
            answer = self._client.models.generate_content(model=call.model, contents=contents, config=config)
            return content_reply(answer)

        return self._attempt(ask)

    def close(self) -> None:
        """Give back the connections."""
        self._client.close()
        self._http.close()


def _api_client(entry: TeacherEntry, credential: Credential, http: httpx2.Client) -> genai.Client:
    """The SDK's client. The address is always given, so no variable of the environment can redirect it."""
    return genai.Client(
        vertexai=False,
        api_key=credential.value,
        http_options=types.HttpOptions(
            base_url=endpoint_of(entry, _ENDPOINT),
            api_version=_VERSION,
            httpx_client=http,
            async_client_args={"verify": trust(), "ssl": trust()},  # of clients that the SDK makes in any case
        ),
    )


def generation_config(
    entry: TeacherEntry, call: ModelCall, timeout: float, idempotency_key: str
) -> types.GenerateContentConfig:
    """The SDK's settings of one call; nothing that would make several requests of it."""
    config = types.GenerateContentConfig(
        http_options=types.HttpOptions(timeout=math.ceil(timeout * 1000), headers={"Idempotency-Key": idempotency_key}),
        system_instruction=call.system or None,
        max_output_tokens=call.max_tokens,
        temperature=call.temperature,
        automatic_function_calling=types.AutomaticFunctionCallingConfig(disable=True),
        automatic_continuation=False,
    )
    if entry.structured != "none":
        config.response_mime_type = "application/json"
    if entry.structured == "json_schema" and call.answer_schema is not None:
        config.response_json_schema = decodable(call.answer_schema, GEMINI)
    return config


def content_reply(answer: types.GenerateContentResponse) -> Reply:
    """The reply in a response; raises ValueError when it is none. Thoughts are output: they are billed as such."""
    counted = answer.usage_metadata
    if counted is None or counted.prompt_token_count is None:
        raise ValueError("the answer does not say how many tokens it cost")
    usage = Usage(
        input_tokens=counted.prompt_token_count + (counted.tool_use_prompt_token_count or 0),
        cached_input_tokens=counted.cached_content_token_count or 0,
        output_tokens=(counted.candidates_token_count or 0) + (counted.thoughts_token_count or 0),
    )
    candidate = answer.candidates[0] if answer.candidates else None
    if candidate is None:
        feedback = answer.prompt_feedback
        if feedback is None or feedback.block_reason is None:
            raise ValueError("the answer has no candidate and no reason why")
        text, stop = f"prompt blocked: {feedback.block_reason.value}", "refusal"
    else:
        reason = candidate.finish_reason.value if candidate.finish_reason else ""
        if not reason or reason in _BROKEN:
            raise ValueError(f"the answer ended with {reason or 'no reason'}")
        parts = (candidate.content.parts if candidate.content else None) or []
        text = "".join(part.text or "" for part in parts if not part.thought)
        stop = "end" if reason == "STOP" else "length" if reason in _CUT_OFF else "refusal"
    return Reply(
        text=text, usage=usage, stop=stop, model=answer.model_version or "", request_id=answer.response_id or ""
    )
