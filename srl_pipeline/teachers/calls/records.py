"""What is asked of a language model, what comes back, and what can go wrong. No vendor's types appear here."""

from __future__ import annotations

from functools import cached_property
from typing import Literal, Protocol

from pydantic import Field

from srl_pipeline.canonical import digest
from srl_pipeline.contracts import Json, Record, TeacherRef

Billed = Literal["no", "unknown"]
"""Whether a failed call may be on the vendor's bill: ``unknown`` after a time-out or an answer that broke off."""


class Message(Record):
    """One turn of a conversation."""

    role: Literal["user", "assistant"]
    content: str


class ModelCall(Record):
    """Everything that decides an answer. Equal calls have equal keys, and an equal key is never paid twice."""

    teacher: TeacherRef
    model: str
    system: str
    messages: list[Message]
    answer_schema: dict[str, Json] | None = Field(
        default=None, description="JSON Schema of the answer, where the vendor can be held to one."
    )
    max_tokens: int = Field(ge=1, description="Bound on generated tokens, hidden reasoning included.")
    temperature: float | None = Field(default=None, description="None: the vendor's own.")
    sample: int = Field(default=0, ge=0, description="Index of the answer among several to the same question.")

    @cached_property
    def key(self) -> str:
        """Content hash: teacher version, prompt, parameters, sample index."""
        return digest(self.model_dump(mode="json"))


class Usage(Record):
    """Tokens of one answer, as the vendor counted them."""

    input_tokens: int = Field(ge=0, description="All tokens of the prompt, cached ones included.")
    cached_input_tokens: int = Field(default=0, ge=0, description="Those of them billed at the price of cached input.")
    output_tokens: int = Field(ge=0, description="All generated tokens, hidden reasoning included.")


class Reply(Record):
    """An answer that the vendor delivered and will bill."""

    text: str
    usage: Usage
    stop: Literal["end", "length", "refusal"] = Field(description="refusal: the vendor's model or filter declined.")
    model: str = Field(description="The model that answered, by the vendor's own word.")
    request_id: str = Field(default="", description="The vendor's id of the request, for questions about the bill.")


class CallError(Exception):
    """A call that brought no answer. The message never holds a credential."""

    def __init__(self, message: str, *, billed: Billed = "no") -> None:
        super().__init__(message)
        self.billed: Billed = billed


class TransientError(CallError):
    """Worth another try: overload, server error, broken connection, time-out.

    Attributes:
        retry_after: Seconds that the vendor asked to wait, if it said so.
    """

    def __init__(self, message: str, *, billed: Billed = "no", retry_after: float | None = None) -> None:
        super().__init__(message, billed=billed)
        self.retry_after = retry_after


class RateLimitError(TransientError):
    """Too many calls: wait, and call less often."""


class PermanentError(CallError):
    """The same call would fail in the same way: bad credential, unknown model, malformed request.

    Attributes:
        mend: What the reader can do about it.
    """

    def __init__(self, message: str, *, mend: str) -> None:
        super().__init__(message)
        self.mend = mend


class Backend(Protocol):
    """Answers calls one by one. May be used from several threads at once; never retries by itself."""

    vendor: str
    """Whose bill it is: openai, anthropic, gemini, transformers, or a name from teachers.yaml."""

    def complete(self, call: ModelCall, *, timeout: float, idempotency_key: str) -> Reply:
        """Ask; raises CallError. ``idempotency_key`` is sent along as the header ``Idempotency-Key``."""
        ...

    def close(self) -> None:
        """Give back connections and memory."""
        ...


class BatchBackend(Protocol):
    """Answers many calls together, later and at a lower price."""

    vendor: str

    def submit(self, calls: list[ModelCall], *, tag: str) -> str:
        """Hand in a batch; returns the vendor's id of it. ``tag`` is stored with the batch, for `find`."""
        ...

    def find(self, tag: str) -> str | None:
        """The id of a batch that was handed in under ``tag``, if there is one: a crash must not submit twice."""
        ...

    def collect(self, batch_id: str) -> dict[str, Reply | CallError] | None:
        """Key of the call -> its outcome, or None while the vendor is still at work; raises CallError."""
        ...

    def close(self) -> None:
        """Give back connections."""
        ...
