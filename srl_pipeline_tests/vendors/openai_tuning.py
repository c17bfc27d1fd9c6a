"""Test-only: OpenAI's fine-tuning: files, jobs with a life, tuned models that answer on the same server, and a bill."""

from __future__ import annotations

import asyncio
import json
import re
import time
import uuid
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from srl_pipeline_tests.vendors.brain import Brain, minimal_answer
from srl_pipeline_tests.vendors.cuts import Cut, Cuts, Severable, sever
from srl_pipeline_tests.vendors.exchange import Outcome, Tokens
from srl_pipeline_tests.vendors.faults import REFUSED, Fault, FaultPlan
from srl_pipeline_tests.vendors.openai_server import OpenAIServer
from srl_pipeline_tests.vendors.openai_tuning_data import (
    billed_tokens,
    file_problem,
    grader_problem,
    tuning_specification,
)
from srl_pipeline_tests.vendors.openai_tuning_jobs import JobPlan, LocalJob
from srl_pipeline_tests.vendors.openai_tuning_wire import (
    Expiry,
    Listed,
    LocalFile,
    Said,
    error,
    multipart,
    no_file,
    no_job,
    no_model,
    page_of,
)
from srl_pipeline_tests.vendors.specification import Specification

UPLOAD = "post /files"
FILES = "get /files"
FILE = "get /files/{file_id}"
DELETE = "delete /files/{file_id}"
SUBMIT = "post /fine_tuning/jobs"
JOBS = "get /fine_tuning/jobs"
LOOK = "get /fine_tuning/jobs/{fine_tuning_job_id}"
CANCEL = "post /fine_tuning/jobs/{fine_tuning_job_id}/cancel"
EVENTS = "get /fine_tuning/jobs/{fine_tuning_job_id}/events"
MODEL = "get /models/{model}"
BILL = "bill"
"""Operation of the line in the log that bills a job: its id is ``custom_id``, its tokens ``input_tokens``."""


class OpenAITuningServer(OpenAIServer):
    """Every refusal repeats the key that it was sent, as vendors do.

    Attributes:
        jobs: All jobs that were ever begun, oldest first, those that the vendor lost among them.
        files: Files that are there, oldest first.
        cuts: Connections that break; may be replaced while the server runs.
    """

    def __init__(
        self,
        log: Path,
        *,
        plans: Sequence[JobPlan] = (),
        answer: Brain = minimal_answer,
        tuned_answer: Brain | None = None,
        operation_faults: Mapping[str, FaultPlan] | None = None,
        cut: Mapping[str, Sequence[Cut | None]] | None = None,
        expire_before_submit: Sequence[Expiry | None] = (),
        keeps_metadata: bool = True,
        filters: bool = True,
        usd_per_million_tokens: float = 25.0,
        usd_per_hour: float = 100.0,
        **common: Any,
    ) -> None:
        """``common`` as of `VendorServer`.

        Args:
            plans: Of jobs in the order of submission; later ones succeed.
            tuned_answer: What tuned models answer with; None: with ``answer``, as all others do.
            operation_faults: Operation (a constant of this module) -> faults of its requests.
            cut: Operation -> breaks of its connections.
            expire_before_submit: What happens to all files as a submission comes in, submission by submission.
            keeps_metadata: Whether jobs have the metadata that they were submitted with.
            filters: Whether the list of jobs heeds a filter.
            usd_per_million_tokens: Price of supervised and DPO.
            usd_per_hour: Price of reinforcement.
        """
        self.jobs: list[LocalJob] = []
        self.files: list[LocalFile] = []
        self.cuts = Cuts(cut or {})
        self._plans = deque(plans)
        self._operation_faults = dict(operation_faults or {})
        self._expiries = deque(expire_before_submit)
        self._keeps_metadata = keeps_metadata
        self._filters = filters
        self._prices = usd_per_million_tokens / 1e6, usd_per_hour / 3600
        tuned = tuned_answer or answer

        def answered(prompt: str, schema: dict[str, Any] | None, request: dict[str, Any]) -> str:
            return (tuned if request["model"].startswith("ft:") else answer)(prompt, schema, request)

        super().__init__(log, answer=answered, **common)
        self._uvicorn.config.app = Severable(self._uvicorn.config.app)  # type: ignore[arg-type]

    def routes(self) -> list[Route]:
        job = "/v1/fine_tuning/jobs/{job}"
        return [
            Route("/v1/files", self._list_files, methods=["GET"]),
            Route("/v1/files/{file}", self._file, methods=["GET"]),
            Route("/v1/files/{file}", self._delete, methods=["DELETE"]),
            Route("/v1/fine_tuning/jobs", self._submit, methods=["POST"]),
            Route("/v1/fine_tuning/jobs", self._list_jobs, methods=["GET"]),
            Route(job, self._look, methods=["GET"]),
            Route(f"{job}/cancel", self._cancel, methods=["POST"]),
            Route(f"{job}/events", self._events, methods=["GET"]),
            Route("/v1/models/{model:path}", self._model, methods=["GET"]),
            *super().routes(),
        ]

    def specification(self) -> Specification:
        return tuning_specification()

    def plan_faults(self, operation: str, faults: FaultPlan) -> None:
        """Faults of the next requests of an operation."""
        self._operation_faults[operation] = faults

    def expire_files(self, how: Expiry = "deleted") -> None:
        """All files that are there expire now."""
        if how == "deleted":
            self.files.clear()
        for file in self.files:
            file.expires = int(time.time()) - 1

    def created(self, key: str) -> list[LocalJob]:
        """Jobs that were begun under a key: more than one is paid for twice."""
        return [job for job in self.jobs if job.key == key]

    def bill(self) -> float:
        """US dollars for all jobs that have ended."""
        token, second = self._prices
        return sum(
            job.billed_seconds * second if job.method == "reinforcement" else (job.trained_tokens or 0) * token
            for job in self.jobs
        )

    async def _chat(self, request: Request) -> Response:
        try:
            model = json.loads(await request.body()).get("model", "")
        except ValueError:
            model = ""
        if str(model).startswith("ft:") and not self._knows(str(model)) and self.deny(request, "") is None:
            return self._refused(request, no_model(str(model)))
        return await super()._chat(request)

    async def _upload(self, request: Request) -> Response:
        fields = multipart(request.headers.get("content-type", ""), await request.body())

        async def work() -> Said:
            plain = {name: value.decode(errors="replace") for name, (_, value) in fields.items()}
            if (wrong := self.specification().request_error(UPLOAD, plain)) is not None:
                self.invalid.append(f"{UPLOAD}: {wrong}")
                return error(400, wrong)
            name, content = fields["file"]
            file = LocalFile(self._store(content), name, plain["purpose"], content, int(time.time()))
            self.files.append(file)
            return Said(200, file.body())

        return await self._do(request, UPLOAD, work)

    async def _list_files(self, request: Request) -> Response:
        async def work() -> Said:
            purpose = request.query_params.get("purpose")
            known = [f for f in reversed(self.files) if purpose in (None, f.purpose)]
            page, more = page_of(known, request, 10_000)
            ends = {"first_id": page[0].id if page else "", "last_id": page[-1].id if page else ""}
            return Said(200, {"object": "list", "data": [f.body() for f in page], "has_more": more} | ends)

        return await self._do(request, FILES, work)

    async def _file(self, request: Request) -> Response:
        async def work() -> Said:
            file = self._file_of(request.path_params["file"])
            return Said(200, file.body()) if file else no_file(request.path_params["file"])

        return await self._do(request, FILE, work)

    async def _delete(self, request: Request) -> Response:
        async def work() -> Said:
            if (file := self._file_of(request.path_params["file"])) is None:
                return no_file(request.path_params["file"])
            self.files.remove(file)
            return Said(200, {"id": file.id, "object": "file", "deleted": True})

        return await self._do(request, DELETE, work)

    async def _submit(self, request: Request) -> Response:
        body = await self.admit(request, SUBMIT)
        if isinstance(body, Response):
            return body

        async def work() -> Said:
            if self._expiries and (how := self._expiries.popleft()) is not None:
                self.expire_files(how)
            return await self._begin(body)

        return await self._do(request, SUBMIT, work, body)

    async def _begin(self, body: dict[str, Any]) -> Said:
        kind = (body.get("method") or {"type": "supervised"})["type"]
        contents: list[bytes] = []
        for name in ("training_file", "validation_file"):
            if (reference := body.get(name)) is None:
                continue
            file = self._file_of(reference)
            if file is None or file.purpose != "fine-tune" or file.expired:
                return error(400, f"invalid {name}: {reference}", param=name)
            contents.append(file.content)
        problem = file_problem(contents[0], kind)
        settings = (body.get("method") or {}).get(kind, {})
        grader = settings.get("grader", {})
        if problem is None and grader.get("type") == "python":
            row = json.loads(contents[0].split(b"\n")[0])
            if (wrong := await asyncio.to_thread(grader_problem, grader, row)) is not None:
                return error(400, f"Invalid grader: {wrong}", param="method.reinforcement.grader")
        epochs = settings.get("hyperparameters", {}).get("n_epochs", "auto")
        tokens = billed_tokens(contents[0], 3 if epochs == "auto" else epochs) if problem is None else 0
        plan = self._plans.popleft() if self._plans else JobPlan()
        job = LocalJob(f"ftjob-{uuid.uuid4().hex}", plan, body, tokens, problem, time.time())
        self.jobs.append(job)
        return Said(200, self._body(job))

    async def _list_jobs(self, request: Request) -> Response:
        async def work() -> Said:
            query = request.query_params
            wanted = {m[1]: value for name, value in query.items() if (m := re.fullmatch(r"metadata\[(.+)\]", name))}
            unknown = set(query) - {"after", "limit"} - {f"metadata[{name}]" for name in wanted}
            if unknown:
                self.invalid.append(f"{JOBS}: unknown parameters {sorted(unknown)}")
            known = [job for job in reversed(self.jobs) if not job.lost]
            if wanted and self._filters:
                kept = [job for job in known if self._keeps_metadata]
                known = [job for job in kept if wanted.items() <= (job.request.get("metadata") or {}).items()]
            page, more = page_of(known, request, 20)
            return Said(200, {"object": "list", "data": [self._body(job) for job in page], "has_more": more})

        return await self._do(request, JOBS, work)

    async def _look(self, request: Request) -> Response:
        async def work() -> Said:
            if (job := self._job_of(request)) is None:
                return no_job(request)
            job.polled += 1
            return Said(200, self._body(job))

        return await self._do(request, LOOK, work)

    async def _cancel(self, request: Request) -> Response:
        async def work() -> Said:
            if (job := self._job_of(request)) is None:
                return no_job(request)
            if job.ended:
                return error(400, f"Job has already completed: {job.id}", code="invalid_request")
            job.cancelled_in = job.status
            return Said(200, self._body(job))

        return await self._do(request, CANCEL, work)

    async def _events(self, request: Request) -> Response:
        async def work() -> Said:
            if (job := self._job_of(request)) is None:
                return no_job(request)
            events = [Listed(event["id"], event) for event in job.events()]
            page, more = page_of(events, request, 20)
            return Said(200, {"object": "list", "data": [event.body for event in page], "has_more": more})

        return await self._do(request, EVENTS, work)

    async def _model(self, request: Request) -> Response:
        async def work() -> Said:
            model = request.path_params["model"]
            if model.startswith("ft:") and not self._knows(model):
                return no_model(model)
            return Said(200, {"id": model, "object": "model", "created": int(time.time()), "owned_by": "org-test"})

        return await self._do(request, MODEL, work)

    async def _do(
        self, request: Request, operation: str, work: Callable[[], Awaitable[Said]], body: Any = None
    ) -> Response:
        """One operation, with all that can go wrong with it."""
        cut = self.cuts.next(operation)
        if cut == "before":
            return await sever(request)
        if (denied := self.deny(request, operation)) is not None:
            return denied
        plan = self._operation_faults.get(operation)
        fault = plan.next() if plan else None

        async def outcome(other: Fault | None) -> Outcome:
            planned = fault or other
            if planned and planned.kind in REFUSED:
                refusal = self.refusal(operation, planned)
                return Outcome(refusal.status, self._echoed(request, refusal.body), refusal.headers, fault=planned)
            said = await work()
            answer = said.body if said.status == 200 else self._echoed(request, said.body)
            self.judge(operation, said.status, answer)
            return Outcome(said.status, answer, self.request_id(), fault=planned)

        response = await self.exchange(request, operation, body, outcome)
        return await sever(request) if cut == "after" else response

    def _refused(self, request: Request, said: Said) -> Response:
        return JSONResponse(self._echoed(request, said.body), said.status)

    def _echoed(self, request: Request, body: dict[str, Any]) -> dict[str, Any]:
        inner = body["error"]
        return {"error": inner | {"message": f"{inner['message']} (asked with the key {self.key_of(request)})"}}

    def _body(self, job: LocalJob) -> dict[str, Any]:
        """A job as it is told of; one that is seen to have ended is billed."""
        if job.ended and not job.billed:
            job.billed = True
            tokens = Tokens(input=job.trained_tokens or 0)
            self.note_line(BILL, job.id, None, Outcome(200, None, billed=True, tokens=tokens))
        return job.body(keeps_metadata=self._keeps_metadata)

    def _knows(self, model: str) -> bool:
        return any(job.model == model for job in self.jobs)

    def _file_of(self, reference: str) -> LocalFile | None:
        return next((file for file in self.files if file.id == reference), None)

    def _job_of(self, request: Request) -> LocalJob | None:
        wanted = request.path_params["job"]
        return next((job for job in self.jobs if job.id == wanted and not job.lost), None)
