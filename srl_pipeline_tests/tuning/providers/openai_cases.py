"""Test-only: an adapter at a server of OpenAI's tuning, and jobs to begin there."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from srl_pipeline.tuning.providers.openai import OpenAITuning
from srl_pipeline.tuning.records import GraderItem, JobSpec, JobState, Method, TuningExample
from srl_pipeline_tests.teachers.providers.cases import KEY, entry
from srl_pipeline_tests.tuning.examples import example, tuner
from srl_pipeline_tests.vendors import OpenAIServer, read_log
from srl_pipeline_tests.vendors.openai_tuning import (
    SUBMIT,
    OpenAITuningServer,
)

GRADER = """
import json

def grade(sample, item):
    return 1.0 if json.loads(sample["output_text"]).get("step") == item["task"]["step"] else 0.0
"""
METHODS: tuple[Method, ...] = ("supervised", "preference", "reinforcement")
KEYED = "srl-0123456789abcdef"


@contextmanager
def vendor(folder: Path, *, broken: bool = False, **settings: Any) -> Iterator[OpenAITuningServer]:
    """A server that lets in ``KEY`` alone; unless it is ``broken``, nothing may go over the wire that it forbids."""
    with OpenAITuningServer(folder / "openai.jsonl", key=KEY, **settings) as running:
        yield running
    assert broken or running.invalid == []


def tuning(server: OpenAIServer, method: Method = "supervised", **settings: Any) -> OpenAITuning:
    """The adapter; the teacher's own address is another one."""
    teacher = entry("openai", "http://127.0.0.1:9/v1")
    return OpenAITuning(teacher, tuner(method=method, endpoint=server.url, **settings))


def examples(count: int = 12) -> list[TuningExample]:
    """The last two to validate on; an odd one has no refused answer."""
    item = GraderItem(axes={"soil": "moor", "slope": 3.0}, facts={"soil": {"load": 2.5}}, before={}, step=1)
    return [
        example(
            n,
            split="train" if n < count - 2 else "validation",
            answer=f'{{"step": 1, "name": "Mühle {n}"}}',
            rejected=None if n % 2 else '{"step": 7}',
            item=item,
        )
        for n in range(count)
    ]


def spec(method: Method = "supervised", **changes: Any) -> JobSpec:
    fields: dict[str, Any] = {
        "key": KEYED,
        "model": "gpt-4.1-nano",
        "method": method,
        "name": "houses-012345",
        "seed": 7,
        "epochs": 2,
        "grader": GRADER if method == "reinforcement" else None,
    }
    return JobSpec(**(fields | changes))


def begin(adapter: OpenAITuning, job: JobSpec, count: int = 12) -> str:
    """Upload and submit."""
    many = count * 2 if job.method == "preference" else count
    files = adapter.files(examples(many), job)
    return adapter.submit(job, {file.split: adapter.upload(file) for file in files})


def until_end(adapter: OpenAITuning, job: str) -> list[JobState]:
    """Looks until the job has ended."""
    states = [adapter.look(job)]
    while states[-1].state in ("queued", "running"):
        states.append(adapter.look(job))
    return states


def submissions(server: OpenAITuningServer) -> int:
    """Jobs that were begun, by the log."""
    return sum(e.operation == SUBMIT and e.status == 200 and not e.replayed for e in read_log(server.log.file))
