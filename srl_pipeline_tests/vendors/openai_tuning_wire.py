"""Test-only: what goes over the wire between `OpenAITuningServer` and its clients, and the files that it keeps."""

from __future__ import annotations

import time
from dataclasses import dataclass
from email import message_from_bytes
from email.message import Message
from typing import Any, Literal

from starlette.requests import Request

Expiry = Literal["deleted", "listed"]
"""An expired file is gone, or still there with a date of expiry that has passed."""


@dataclass
class LocalFile:
    """A file that was uploaded."""

    id: str
    name: str
    purpose: str
    content: bytes
    created: int
    expires: int | None = None

    @property
    def expired(self) -> bool:
        return self.expires is not None and self.expires <= time.time()

    def body(self) -> dict[str, Any]:
        """As the vendor tells of it."""
        body = {
            "id": self.id,
            "object": "file",
            "bytes": len(self.content),
            "created_at": self.created,
            "filename": self.name,
            "purpose": self.purpose,
            "status": "processed",
        }
        return body | ({} if self.expires is None else {"expires_at": self.expires})


@dataclass(frozen=True)
class Said:
    """What an operation answers."""

    status: int
    body: Any


@dataclass(frozen=True)
class Listed:
    """An entry of a list."""

    id: str
    body: dict[str, Any]


def page_of(known: list[Any], request: Request, most: int) -> tuple[list[Any], bool]:
    """What follows the id ``after``, and whether there is more."""
    after, limit = request.query_params.get("after"), int(request.query_params.get("limit", most))
    start = next((i + 1 for i, item in enumerate(known) if item.id == after), 0) if after else 0
    return known[start : start + limit], start + limit < len(known)


def multipart(content_type: str, body: bytes) -> dict[str, tuple[str, bytes]]:
    """Name of a field -> name of its file, content."""
    whole = message_from_bytes(f"Content-Type: {content_type}\r\n\r\n".encode() + body)
    parts: list[Message] = whole.get_payload() if whole.is_multipart() else []  # type: ignore[assignment]
    return {
        str(part.get_param("name", header="content-disposition")): (
            part.get_filename() or "",
            bytes(part.get_payload(decode=True)),  # type: ignore[arg-type]
        )
        for part in parts
    }


def error(status: int, message: str, *, code: str | None = None, param: str | None = None) -> Said:
    """A refusal in the vendor's form."""
    inner = {"message": message, "type": "invalid_request_error", "param": param, "code": code}
    return Said(status, {"error": inner})


def no_file(reference: str) -> Said:
    return error(404, f"No such File object: {reference}", param="id")


def no_job(request: Request) -> Said:
    job = request.path_params["job"]
    return error(404, f"Could not find fine tune: {job}", code="fine_tune_not_found", param="fine_tune_id")


def no_model(model: str) -> Said:
    message = f"The model `{model}` does not exist or you do not have access to it."
    return error(404, message, code="model_not_found", param="model")
