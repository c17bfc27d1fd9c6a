"""Test-only: batches in a server's memory. The work is done when a batch comes in and shows when its time is over."""

from __future__ import annotations

import time
import uuid
from dataclasses import dataclass, field
from typing import Any, Literal

from srl_pipeline_tests.vendors.exchange import Outcome, Question
from srl_pipeline_tests.vendors.faults import REFUSED
from srl_pipeline_tests.vendors.server import VendorServer


@dataclass(frozen=True)
class LineOutcome:
    """How a request within a batch ended; ``body`` is the vendor's, of an answer or of an error."""

    custom_id: str
    kind: Literal["answered", "failed", "expired"]
    status: int
    body: Any


@dataclass
class LocalBatch:
    """A batch that was taken in."""

    id: str
    created: float
    ends: float
    outcomes: list[LineOutcome]
    metadata: dict[str, str] = field(default_factory=dict)
    input_file: str = ""

    @property
    def ended(self) -> bool:
        return time.time() >= self.ends

    def count(self, kind: str) -> int:
        """How many of its requests ended like that; 0 until the whole batch has."""
        return sum(o.kind == kind for o in self.outcomes) if self.ended else 0


class BatchShelf:
    """All batches of a server, newest first."""

    def __init__(self, server: VendorServer, prefix: str) -> None:
        self._server = server
        self._prefix = prefix
        self.batches: list[LocalBatch] = []

    async def take_in(
        self, lines: list[tuple[str, Any]], operation: str, metadata: dict[str, str], input_file: str = ""
    ) -> LocalBatch:
        """Work through (custom id, body of the request) pairs."""
        outcomes = [await self._line(custom_id, body, operation) for custom_id, body in lines]
        now = time.time()
        batch = LocalBatch(
            f"{self._prefix}{uuid.uuid4().hex}", now, now + self._server.batch_seconds, outcomes, metadata, input_file
        )
        self.batches.insert(0, batch)
        return batch

    def get(self, batch_id: str) -> LocalBatch | None:
        return next((b for b in self.batches if b.id == batch_id), None)

    def page(self, after: str | None, limit: int) -> tuple[list[LocalBatch], bool]:
        """Batches after an id, and whether there are more."""
        start = next((i + 1 for i, b in enumerate(self.batches) if b.id == after), 0) if after else 0
        return self.batches[start : start + limit], start + limit < len(self.batches)

    async def _line(self, custom_id: str, body: Any, operation: str) -> LineOutcome:
        server = self._server
        wrong = server.specification().request_error(operation, body) or server.objection(body)
        if wrong is not None:
            server.invalid.append(f"{operation} in a batch: {wrong}")
            return LineOutcome(custom_id, "failed", 400, server.error_body(400, wrong))
        fault = server.line_faults.next()
        if fault and fault.kind == "expired":
            outcome = Outcome(0, None, fault=fault)
            line = LineOutcome(custom_id, "expired", 0, None)
        elif fault and fault.kind in REFUSED:
            outcome = server.refusal(operation, fault)
            line = LineOutcome(custom_id, "failed", outcome.status, outcome.body)
        else:
            question: Question = server.question(body, "")
            outcome = await server.think(question, operation, fault)
            line = LineOutcome(custom_id, "answered", 200, outcome.body)
        server.note_line(operation, custom_id, body, outcome)
        return line
