"""OpenAI's shapes: requests, answers, chunks, errors. What we cannot do is refused by name, never ignored."""

from __future__ import annotations

import time
import uuid
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from srl_pipeline.canonical import seed_of
from srl_pipeline.config import ServingConfig
from srl_pipeline.contracts import Json
from srl_pipeline.serving.errors import Unanswerable
from srl_pipeline.serving.questions import Answer, Question

FIELDS = "model, messages, max_tokens, max_completion_tokens, temperature, seed, stream, stream_options, scenario"

UNKNOWN_MODEL = "model_not_found"


class _Body(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class _Part(_Body):
    type: Literal["text"]
    text: str


class _Message(_Body):
    role: Literal["system", "developer", "user", "assistant"]
    content: str | list[_Part]
    name: str | None = None

    @property
    def turn(self) -> tuple[str, str]:
        role = "system" if self.role == "developer" else self.role
        text = self.content if isinstance(self.content, str) else "".join(part.text for part in self.content)
        return role, text


class _StreamOptions(_Body):
    include_usage: bool = False


class ChatRequest(_Body):
    """The body of ``POST /v1/chat/completions``.

    Fields with one allowed value are what clients send as a matter of form.
    """

    model: str
    messages: list[_Message]
    scenario: dict[str, str | Annotated[int, Field(ge=-(2**53), le=2**53)] | float] | None = None
    max_tokens: Annotated[int, Field(ge=1)] | None = None
    max_completion_tokens: Annotated[int, Field(ge=1)] | None = None
    temperature: Annotated[float, Field(ge=0, le=2)] | None = None
    seed: Annotated[int, Field(ge=0, lt=2**63)] | None = None
    stream: bool | None = None
    stream_options: _StreamOptions | None = None
    n: Literal[1] | None = None
    top_p: Annotated[float, Field(ge=1, le=1)] | None = None
    frequency_penalty: Annotated[float, Field(ge=0, le=0)] | None = None
    presence_penalty: Annotated[float, Field(ge=0, le=0)] | None = None
    logprobs: Literal[False] | None = None
    user: str | None = None

    @property
    def with_usage(self) -> bool:
        """Whether a stream ends with a chunk of counts."""
        return self.stream_options is not None and self.stream_options.include_usage


def read_request(body: bytes, model_type: str, config: ServingConfig) -> ChatRequest:
    """Read and check a request's body to the server of ``model_type``; raises Unanswerable."""
    try:
        request = ChatRequest.model_validate_json(body)
    except ValidationError as error:
        raise _unreadable(error) from error
    if request.model != model_type:
        what = f"The model {request.model!r} does not exist."
        raise _refused(what, f"Ask for {model_type!r}.", "model", code=UNKNOWN_MODEL)
    if request.scenario is None and not request.messages:
        raise _refused("messages is empty.", "Send at least one message, or a scenario.", "messages")
    if request.scenario is not None and request.messages:
        raise _refused(
            "messages and scenario are both given.",
            "With a scenario the server writes the prompt: messages=[].",
            "messages",
        )
    if len(request.messages) > config.max_messages:
        what = f"{len(request.messages)} messages are more than {config.max_messages}."
        raise _refused(what, "Send fewer messages.", "messages")
    for name in ("max_tokens", "max_completion_tokens"):
        if (asked := getattr(request, name)) is not None and asked > config.max_tokens:
            raise _refused(f"{name} is {asked}; at most {config.max_tokens} are answered.", "Ask for fewer.", name)
    return request


def question_of(request: ChatRequest, request_id: str) -> Question:
    """What the model is asked. Without a temperature it answers greedily."""
    return Question(
        messages=tuple(message.turn for message in request.messages),
        axes=None if request.scenario is None else dict(request.scenario),
        max_tokens=request.max_completion_tokens or request.max_tokens,
        temperature=request.temperature or 0.0,
        seed=seed_of("serving", request_id) if request.seed is None else request.seed,
    )


def new_id() -> str:
    """The id of a completion."""
    return f"chatcmpl-{uuid.uuid4().hex}"


def completion(request_id: str, model: str, answer: Answer) -> dict[str, Json]:
    """The body of an answer."""
    choice = {
        "index": 0,
        "message": {"role": "assistant", "content": answer.text, "refusal": None},
        "logprobs": None,
        "finish_reason": _finish(answer),
    }
    return {**_head(request_id, model, "chat.completion", answer), "choices": [choice], "usage": usage(answer)} | _ours(
        answer
    )


def chunk(request_id: str, model: str, piece: str, *, first: bool) -> dict[str, Json]:
    """A chunk of a stream."""
    delta = {"role": "assistant", "content": piece} if first else {"content": piece}
    choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": None}
    return {**_head(request_id, model, "chat.completion.chunk", None), "choices": [choice]}


def last_chunk(request_id: str, model: str, answer: Answer) -> dict[str, Json]:
    """The chunk that ends the choice; it carries the verdict."""
    choice = {"index": 0, "delta": {}, "logprobs": None, "finish_reason": _finish(answer)}
    return {**_head(request_id, model, "chat.completion.chunk", answer), "choices": [choice]} | _ours(answer)


def usage_chunk(request_id: str, model: str, answer: Answer) -> dict[str, Json]:
    """The chunk of counts, where it was asked for."""
    return {**_head(request_id, model, "chat.completion.chunk", answer), "choices": [], "usage": usage(answer)}


def usage(answer: Answer) -> dict[str, int]:
    """Counted tokens."""
    total = answer.prompt_tokens + answer.completion_tokens
    return {
        "prompt_tokens": answer.prompt_tokens,
        "completion_tokens": answer.completion_tokens,
        "total_tokens": total,
    }


def error_body(message: str, kind: str, *, param: str | None = None, code: str | None = None) -> dict[str, Json]:
    """An error in OpenAI's shape."""
    return {"error": {"message": message, "type": kind, "param": param, "code": code}}


def model_list(model_type: str, version: str) -> dict[str, Any]:
    """The body of ``GET /v1/models``."""
    entry = {"id": model_type, "object": "model", "created": 0, "owned_by": "srl_pipeline", "srl": {"version": version}}
    return {"object": "list", "data": [entry]}


def _head(request_id: str, model: str, kind: str, answer: Answer | None) -> dict[str, Json]:
    fingerprint = {"system_fingerprint": answer.version} if answer else {}
    return {"id": request_id, "object": kind, "created": int(time.time()), "model": model, **fingerprint}


def _finish(answer: Answer) -> str:
    return "stop" if answer.finished else "length"


def _ours(answer: Answer) -> dict[str, Json]:
    """Our extension: what Model C says of an answer to a scenario."""
    if answer.judgement is None:
        return {}
    return {"srl": {"model_version": answer.version, **answer.judgement.model_dump(mode="json")}}


def _unreadable(error: ValidationError) -> Unanswerable:
    first = error.errors(include_url=False, include_input=False)[0]
    name = ".".join(str(part) for part in first["loc"])
    param = str(first["loc"][0]) if first["loc"] else None
    if first["type"] == "json_invalid":
        return _refused(f"The body is not JSON: {first['msg']}.", "Send one JSON object.", None)
    if first["type"] == "extra_forbidden":
        what = f"{name} is not supported."
        return _refused(what, f"Supported are {FIELDS}.", param, code="unsupported_parameter")
    return _refused(f"{name or 'The body'}: {first['msg']}.", "See docs/serving.md.", param)


def _refused(what: str, mend: str, param: str | None, *, code: str = "invalid_request") -> Unanswerable:
    return Unanswerable(what, where=param or "request", mend=mend, param=param, code=code)
