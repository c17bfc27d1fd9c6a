"""Test-only: a fine-tuning job in the memory of `OpenAITuningServer`, and how its life is scripted."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any, Literal

from srl_pipeline_tests.vendors.openai_tuning_data import Problem

Stage = Literal["validating_files", "queued", "running"]
End = Literal["succeeded", "failed", "cancelled"]
STAGES: tuple[Stage, ...] = ("validating_files", "queued", "running")


@dataclass(frozen=True)
class JobPlan:
    """What becomes of a job.

    Attributes:
        ends: How; ``cancelled`` is the vendor's own doing.
        last: Its last state before that.
        error: Code and message where it fails.
        polls: Answers about it in each state.
        seconds: Seconds in each state, instead of ``polls``.
        lost_after: Answers about it until the vendor no longer knows it, in any list either.
        trained_seconds: From its submission to its end, as the vendor says.
        partial_tokens: What a job that did not succeed was trained on, as the vendor says and bills; None: it is
            silent, and bills nothing.
        step: Newest event while it runs.
    """

    ends: End = "succeeded"
    last: Stage = "running"
    error: Problem = ("server_error", "The job failed due to an internal error.")
    polls: int = 1
    seconds: float | None = None
    lost_after: int | None = None
    trained_seconds: int = 3600
    partial_tokens: int | None = None
    step: str = "Step 10/30: training loss=0.42"


@dataclass
class LocalJob:
    """A job that was taken in.

    Attributes:
        request: Body of the request that began it.
        tokens: Billed tokens once it succeeds.
        problem: What is wrong with its files.
        polled: Answers about it so far.
        billed: Whether its bill is in the log.
    """

    id: str
    plan: JobPlan
    request: dict[str, Any]
    tokens: int
    problem: Problem | None
    created: float
    polled: int = 0
    cancelled_in: str = ""
    billed: bool = False

    @property
    def key(self) -> str:
        """What it was submitted as."""
        return (self.request.get("metadata") or {}).get("srl_key", "")

    @property
    def path(self) -> list[str]:
        """The states that it has gone through, the present one last."""
        whole = [*STAGES[: STAGES.index(self.plan.last) + 1], self.plan.ends]
        if self.problem is not None:
            whole = ["validating_files", "failed"]
        if self.cancelled_in:
            return [*whole[: whole.index(self.cancelled_in) + 1], "cancelled"]
        each = self.plan.seconds
        stage = max(0, self.polled - 1) // self.plan.polls if each is None else int((time.time() - self.created) / each)
        return whole[: stage + 1]

    @property
    def status(self) -> str:
        return self.path[-1]

    @property
    def ended(self) -> bool:
        return self.status in ("succeeded", "failed", "cancelled")

    @property
    def lost(self) -> bool:
        return self.plan.lost_after is not None and self.polled >= self.plan.lost_after

    @property
    def method(self) -> str:
        return (self.request.get("method") or {"type": "supervised"})["type"]

    @property
    def model(self) -> str | None:
        """The tuned model, once there is one."""
        if self.status != "succeeded":
            return None
        return f"ft:{self.request['model']}:srl:{self.request.get('suffix') or ''}:{self.id[-8:]}"

    @property
    def trained_tokens(self) -> int | None:
        """As the vendor says; None while it is at work."""
        if self.status == "succeeded":
            return self.tokens
        return self.plan.partial_tokens if self.ended else None

    @property
    def billed_seconds(self) -> int:
        return self.plan.trained_seconds if self.trained_tokens is not None else 0

    def events(self) -> list[dict[str, Any]]:
        """Newest first."""
        code, message = self.problem or self.plan.error
        said = {
            "validating_files": ("info", f"Validating training file: {self.request['training_file']}"),
            "queued": ("info", "Files validated, moving job to queued state"),
            "running": ("info", self.plan.step),
            "succeeded": ("info", "The job has successfully completed"),
            "failed": ("error", f"{code}: {message}"),
            "cancelled": ("info", "The job was cancelled"),
        }
        told = [("info", f"Created fine-tuning job: {self.id}"), *(said[state] for state in self.path)]
        events = [
            {
                "object": "fine_tuning.job.event",
                "id": f"ftevent-{self.id}-{number}",
                "created_at": int(self.created),
                "level": level,
                "message": text,
                "type": "message",
                "data": {},
            }
            for number, (level, text) in enumerate(told)
        ]
        return events[::-1]

    def body(self, *, keeps_metadata: bool) -> dict[str, Any]:
        """As the vendor tells of it."""
        code, message = self.problem or self.plan.error
        settings = (self.request.get("method") or {}).get("supervised", {}).get("hyperparameters", {})
        body: dict[str, Any] = {
            "object": "fine_tuning.job",
            "id": self.id,
            "created_at": int(self.created),
            "finished_at": int(self.created) + self.plan.trained_seconds if self.ended else None,
            "estimated_finish": None,
            "status": self.status,
            "model": self.request["model"],
            "fine_tuned_model": self.model,
            "organization_id": "org-test",
            "training_file": self.request["training_file"],
            "validation_file": self.request.get("validation_file"),
            "result_files": [],
            "hyperparameters": settings,
            "trained_tokens": self.trained_tokens,
            "error": {"code": code, "message": message, "param": None} if self.status == "failed" else None,
            "seed": self.request.get("seed") or 0,
            "integrations": [],
            "metadata": self.request.get("metadata") if keeps_metadata else None,
        }
        return body | ({"method": self.request["method"]} if "method" in self.request else {})
