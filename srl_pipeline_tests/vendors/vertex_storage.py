"""Test-only: objects of one bucket by Cloud Storage's JSON API: put one (multipart or resumable), look at one."""

from __future__ import annotations

import base64
import hashlib
import json
import uuid
from dataclasses import dataclass
from email import message_from_bytes
from typing import TYPE_CHECKING, Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from srl_pipeline_tests.vendors.exchange import Outcome
from srl_pipeline_tests.vendors.faults import Fault
from srl_pipeline_tests.vendors.specification import google_discovery

if TYPE_CHECKING:
    from srl_pipeline_tests.vendors.vertex_server import VertexServer

GET, INSERT = "objects.get", "objects.insert"


@dataclass(frozen=True)
class StoredObject:
    """An object that was put."""

    name: str
    content: bytes
    generation: int
    content_type: str


@dataclass(frozen=True)
class _Parcel:
    """What a client wants to put."""

    metadata: dict[str, Any]
    content: bytes
    exists: str
    """Condition ``ifGenerationMatch`` as it was sent; "0": only where there is none of the name."""


class CloudStorage:
    """One bucket.

    Attributes:
        objects: By name.
    """

    def __init__(self, server: VertexServer, bucket: str) -> None:
        self.bucket = bucket
        self.objects: dict[str, StoredObject] = {}
        self._server = server
        self._begun: dict[str, tuple[dict[str, Any], str]] = {}
        self._generation = 0

    def routes(self) -> list[Route]:
        return [
            Route("/upload/storage/v1/b/{bucket}/o", self._begin, methods=["POST"]),
            Route("/upload/storage/v1/b/{bucket}/o", self._resume, methods=["PUT"]),
            Route("/storage/v1/b/{bucket}/o/{name:path}", self._get, methods=["GET"]),
        ]

    def delete(self, address: str) -> None:
        """An object ``gs://bucket/name`` expires, or somebody deletes it."""
        del self.objects[address.removeprefix(f"gs://{self.bucket}/")]

    def read(self, address: str) -> bytes | None:
        """Content of ``gs://bucket/name``."""
        prefix = f"gs://{self.bucket}/"
        found = self.objects.get(address.removeprefix(prefix)) if address.startswith(prefix) else None
        return found.content if found else None

    async def _begin(self, request: Request) -> Response:
        if (denied := self._server.deny(request, INSERT)) is not None:
            return denied
        kind, body = request.query_params.get("uploadType"), await request.body()
        condition = request.query_params.get("ifGenerationMatch", "")
        if kind == "multipart":
            metadata, content = _parts(request.headers["content-type"], body)
            return await self._put(request, _Parcel(metadata, content, condition))
        if kind != "resumable":
            return self._server.turn_away(INSERT, 400, f"uploadType {kind} is not played here")
        upload = uuid.uuid4().hex
        self._begun[upload] = (json.loads(body), condition)
        location = f"{self._server.origin}{request.url.path}?uploadType=resumable&upload_id={upload}"
        return Response(headers={"Location": location})

    async def _resume(self, request: Request) -> Response:
        if (denied := self._server.deny(request, INSERT)) is not None:
            return denied
        metadata, condition = self._begun.pop(request.query_params["upload_id"])
        body = await request.body()
        if request.headers.get("content-range") != f"bytes 0-{len(body) - 1}/{len(body)}":
            return self._server.turn_away(INSERT, 400, "an upload in several pieces is not played here")
        return await self._put(request, _Parcel(metadata, body, condition))

    async def _put(self, request: Request, parcel: _Parcel) -> Response:
        server = self._server
        if (wrong := google_discovery("storage").request_error(INSERT, parcel.metadata)) is not None:
            return server.turn_away(INSERT, 400, wrong)

        async def work(fault: Fault | None) -> Outcome:
            return self._stored(request.path_params["bucket"], parcel)

        return await server.exchange(request, INSERT, parcel.metadata, work)

    def _stored(self, bucket: str, parcel: _Parcel) -> Outcome:
        name = parcel.metadata["name"]
        if bucket != self.bucket:
            return self._refused(404, "The specified bucket does not exist.")
        if parcel.exists == "0" and name in self.objects:
            return self._refused(412, "At least one of the pre-conditions you specified did not hold.")
        if parcel.metadata.get("md5Hash", md5(parcel.content)) != md5(parcel.content):
            return self._refused(400, "Provided MD5 hash doesn't match calculated MD5 hash.")
        self._generation += 1
        kind = parcel.metadata.get("contentType", "")
        self.objects[name] = StoredObject(name, parcel.content, self._generation, kind)
        return self._answer(INSERT, self.objects[name])

    async def _get(self, request: Request) -> Response:
        if (denied := self._server.deny(request, GET)) is not None:
            return denied

        async def work(fault: Fault | None) -> Outcome:
            found = self.objects.get(request.path_params["name"])
            if found is None or request.path_params["bucket"] != self.bucket:
                return self._refused(404, f"No such object: {request.path_params['name']}")
            return self._answer(GET, found)

        return await self._server.exchange(request, GET, request.path_params["name"], work)

    def _answer(self, operation: str, stored: StoredObject) -> Outcome:
        body = {
            "kind": "storage#object",
            "id": f"{self.bucket}/{stored.name}/{stored.generation}",
            "name": stored.name,
            "bucket": self.bucket,
            "generation": str(stored.generation),
            "metageneration": "1",
            "contentType": stored.content_type,
            "size": str(len(stored.content)),
            "md5Hash": md5(stored.content),
        }
        self._server.judge(operation, 200, body)
        return Outcome(200, body)

    def _refused(self, status: int, message: str) -> Outcome:
        return Outcome(status, {"error": {"code": status, "message": message, "errors": []}})


def md5(content: bytes) -> str:
    """As Cloud Storage writes it."""
    return base64.b64encode(hashlib.md5(content, usedforsecurity=False).digest()).decode()


def _parts(content_type: str, body: bytes) -> tuple[dict[str, Any], bytes]:
    """Metadata and content of a multipart upload."""
    boundary = message_from_bytes(b"Content-Type: " + content_type.encode() + b"\r\n\r\n").get_boundary()
    assert boundary is not None
    _, head, data, _ = body.split(b"--" + boundary.encode())
    content = data.split(b"\r\n\r\n", 1)[1].removesuffix(b"\r\n")
    return json.loads(head.split(b"\r\n\r\n", 1)[1]), content
