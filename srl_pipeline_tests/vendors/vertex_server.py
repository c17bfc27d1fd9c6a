"""Test-only: Vertex AI and Cloud Storage of one project, with the token endpoint of a service account."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, cast
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from srl_pipeline_tests.vendors.brain import Brain, minimal_answer
from srl_pipeline_tests.vendors.cuts import Cuts, Script, Severable, sever
from srl_pipeline_tests.vendors.exchange import Outcome, Question
from srl_pipeline_tests.vendors.faults import Fault
from srl_pipeline_tests.vendors.gemini_server import GeminiServer
from srl_pipeline_tests.vendors.log import LogEntry
from srl_pipeline_tests.vendors.server import Work
from srl_pipeline_tests.vendors.service_account import TokenEndpoint
from srl_pipeline_tests.vendors.specification import Specification, google_discovery
from srl_pipeline_tests.vendors.vertex_jobs import SUCCEEDS, JobShelf, LocalJob
from srl_pipeline_tests.vendors.vertex_storage import CloudStorage

PROJECT, REGION, BUCKET = "project-1", "europe-west4", "tuning-data"
CREATE, GET, LIST, CANCEL = (f"tuningJobs.{method}" for method in ("create", "get", "list", "cancel"))
ENDPOINT, ASK_ENDPOINT, ASK_MODEL = "endpoints.get", "endpoints.generateContent", "models.generateContent"
_PARENT = f"/v1/projects/{PROJECT}/locations/{REGION}"
BILL = "bill"
"""What the log calls the line that a job that has ended puts on the bill."""


class VertexServer(GeminiServer):
    """Let in are bearers of a token that `tokens` gave.

    Attributes:
        cuts: Connections that break; may be replaced while the server runs.
        storage: The bucket; what is in it, and deletion.
        tokens: The service account: its key file, its tokens.
    """

    def __init__(
        self,
        log: Path,
        *,
        answer: Brain = minimal_answer,
        tuned_answer: Brain = minimal_answer,
        life: Sequence[str] = SUCCEEDS,
        looks_a_step: int = 1,
        failure: str = "The model diverged.",
        looks_to_deploy: int = 0,
        page_size: int = 100,
        cut: Script | None = None,
        **common: Any,
    ) -> None:
        """Everything beside the log is a script.

        Args:
            tuned_answer: What tuned models answer.
            life: States of a job; it takes a step for each ``looks_a_step`` looks at it.
            failure: What a job says that fails.
            looks_to_deploy: Looks at an endpoint until its model is there.
            cut: Operation -> what happens to its connections, one after the other.
            common: Of every server: faults, latency, meter, port.
        """
        self.tokens = TokenEndpoint()
        self.storage = CloudStorage(self, BUCKET)
        self._shelf = JobShelf(
            self.storage.read, life=life, looks_a_step=looks_a_step, failure=failure, on_end=self._bill
        )
        self._looks_to_deploy = looks_to_deploy
        self._page_size = page_size
        self.cuts = Cuts(cut or {})

        def either(prompt: str, schema: dict[str, Any] | None, sent: dict[str, Any]) -> str:
            brain = tuned_answer if "/endpoints/" in sent["model"] else answer
            return brain(prompt, schema, sent)

        super().__init__(log, answer=either, **common)
        self._uvicorn.config.app = Severable(cast("ASGIApp", self._uvicorn.config.app))

    @property
    def jobs(self) -> list[LocalJob]:
        """All that were begun, the oldest first, lost ones included."""
        return self._shelf.jobs

    def lose(self, name: str) -> None:
        """Forget a job, whatever it is doing."""
        next(job for job in self.jobs if job.name == name).lost = True

    def write_key(self, folder: Path, *, forged: bool = False) -> Path:
        """Key file of the service account, for ``GOOGLE_APPLICATION_CREDENTIALS``; ``forged``: it is not let in."""
        return self.tokens.write_key(folder, f"{self.origin}/token", forged=forged)

    def routes(self) -> list[Route]:
        job, endpoint = f"{_PARENT}/tuningJobs/{{id}}", f"{_PARENT}/endpoints/{{id}}"
        return [
            Route("/token", self._token, methods=["POST"]),
            Route(f"{_PARENT}/tuningJobs", self._create, methods=["POST"]),
            Route(f"{_PARENT}/tuningJobs", self._list, methods=["GET"]),
            Route(f"{job}:cancel", self._cancel, methods=["POST"]),
            Route(job, self._get, methods=["GET"]),
            Route(f"{endpoint}:generateContent", self._ask_endpoint, methods=["POST"]),
            Route(endpoint, self._endpoint, methods=["GET"]),
            Route(f"{_PARENT}/publishers/google/models/{{id}}:generateContent", self._ask_model, methods=["POST"]),
            *self.storage.routes(),
        ]

    def specification(self) -> Specification:
        return google_discovery("vertex")

    def judge(self, operation: str, status: int, body: Any) -> None:
        """By the document that describes the operation."""
        document = google_discovery("storage") if operation.startswith("objects.") else self.specification()
        if (wrong := document.answer_error(operation, status, body)) is not None:
            self.invalid.append(f"answer to {operation}: {wrong}")

    def key_of(self, request: Request) -> str:
        return request.headers.get("authorization", "").removeprefix("Bearer ")

    def deny(self, request: Request, operation: str) -> Response | None:
        """Turns away a token that was not given here; like some vendors it repeats what it was sent."""
        if (token := self.key_of(request)) not in self.tokens.tokens:
            return JSONResponse(self.error_body(401, f"Invalid authentication credentials: {token}."), 401)
        return None

    def question(self, body: dict[str, Any], model: str) -> Question:
        return replace(super().question(body, model), request=body | {"model": model})

    async def exchange(self, request: Request, operation: str, body: Any, work: Work) -> Response:
        """As any server; the connection may break before or after the work."""
        cut = self.cuts.next(operation)
        if cut == "before":
            return await sever(request)

        async def delivered(fault: Fault | None) -> Outcome:
            outcome = await work(fault)
            if fault and outcome.fault is None:  # what no model did: its delivery goes wrong all the same
                outcome.fault = fault
                await asyncio.sleep(fault.seconds if fault.kind == "slow" else 0)
            return outcome

        response = await super().exchange(request, operation, body, delivered)
        return await sever(request) if cut == "after" else response

    async def _token(self, request: Request) -> Response:
        form = dict(parse_qsl((await request.body()).decode()))
        status, body = self.tokens.answer(form)
        return JSONResponse(body, status)

    async def _create(self, request: Request) -> Response:
        body = await self.admit(request, CREATE)
        if isinstance(body, Response):
            return body

        async def work(fault: Fault | None) -> Outcome:
            try:
                job = self._shelf.begin(_PARENT.removeprefix("/v1/"), body)
            except FileNotFoundError as error:
                return self._refused(400, str(error))
            except ValueError as error:
                self.invalid.append(f"{CREATE}: {error}")
                return self._refused(400, str(error))
            return self._answered(CREATE, job.body())

        return await self.exchange(request, CREATE, body, work)

    async def _list(self, request: Request) -> Response:
        if (denied := self.deny(request, LIST)) is not None:
            return denied
        if "filter" in request.query_params:
            return self.turn_away(LIST, 400, "filters of tuning jobs are not documented")

        async def work(fault: Fault | None) -> Outcome:
            size = min(int(request.query_params.get("pageSize", 100)), self._page_size)
            start = int(request.query_params.get("pageToken", 0))
            jobs = self._shelf.listed()
            body: dict[str, Any] = {"tuningJobs": [job.body() for job in jobs[start : start + size]]}
            if start + size < len(jobs):
                body["nextPageToken"] = str(start + size)
            return self._answered(LIST, body)

        return await self.exchange(request, LIST, dict(request.query_params), work)

    async def _get(self, request: Request) -> Response:
        def look(job: LocalJob) -> Outcome:
            self._shelf.look(job)
            return self._answered(GET, job.body())

        return await self._with_job(request, GET, look)

    async def _cancel(self, request: Request) -> Response:
        def cancel(job: LocalJob) -> Outcome:
            if not self._shelf.cancel(job):
                return self._refused(400, f"The job is in state {job.state} and cannot be cancelled.")
            return self._answered(CANCEL, {})

        return await self._with_job(request, CANCEL, cancel)

    async def _with_job(self, request: Request, operation: str, act: Callable[[LocalJob], Outcome]) -> Response:
        if (denied := self.deny(request, operation)) is not None:
            return denied
        name = request.url.path.removeprefix("/v1/").removesuffix(":cancel")

        async def work(fault: Fault | None) -> Outcome:
            job = self._shelf.get(name)
            return act(job) if job else self._refused(404, f"The TuningJob {name} does not exist.")

        return await self.exchange(request, operation, name, work)

    async def _endpoint(self, request: Request) -> Response:
        if (denied := self.deny(request, ENDPOINT)) is not None:
            return denied
        name = request.url.path.removeprefix("/v1/")

        async def work(fault: Fault | None) -> Outcome:
            job = self._shelf.at(name)
            if job is None:
                return self._refused(404, f"The Endpoint {name} does not exist.")
            body: dict[str, Any] = {"name": name, "displayName": job.request["tunedModelDisplayName"]}
            if self._is_deployed(job):
                body["deployedModels"] = [{"id": str(job.number), "model": job.model}]
            job.endpoint_looks += 1
            return self._answered(ENDPOINT, body)

        return await self.exchange(request, ENDPOINT, name, work)

    async def _ask_endpoint(self, request: Request) -> Response:
        name = request.url.path.removeprefix("/v1/").removesuffix(":generateContent")
        job = self._shelf.at(name)
        if job is None or not self._is_deployed(job):
            return JSONResponse(self.error_body(404, f"The Endpoint {name} has no deployed model."), 404)
        return await self.generate(request, ASK_ENDPOINT, name)

    async def _ask_model(self, request: Request) -> Response:
        return await self.generate(request, ASK_MODEL, request.path_params["id"])

    def _is_deployed(self, job: LocalJob) -> bool:
        return job.endpoint_looks >= self._looks_to_deploy

    def _answered(self, operation: str, body: dict[str, Any]) -> Outcome:
        self.judge(operation, 200, body)
        return Outcome(200, body)

    def _refused(self, status: int, message: str) -> Outcome:
        return Outcome(status, self.error_body(status, message))

    def _bill(self, job: LocalJob) -> None:
        tokens = job.billed_tokens
        billed = LogEntry(time.time(), BILL, "", "", 200, billed=tokens > 0, custom_id=job.key, input_tokens=tokens)
        self.log.write(billed)
