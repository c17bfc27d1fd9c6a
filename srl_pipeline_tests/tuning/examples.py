"""Test-only: examples, tuners and jobs to compute with."""

from __future__ import annotations

from datetime import date
from typing import Any

from srl_pipeline.teachers.calls.records import Message
from srl_pipeline.teachers.catalog import Price, TeacherEntry, Terms
from srl_pipeline.tuning.jobs import TuningJob
from srl_pipeline.tuning.records import GraderItem, JobSpec, TuningExample
from srl_pipeline.tuning.spec import Tuner, TuningPrice

DAY = date(2026, 11, 1)
TERMS = Terms(training_allowed=True, source="a test", as_of=DAY)
AT = "2026-11-01T00:00:00+00:00"


def example(number: int = 0, **changes: Any) -> TuningExample:
    """Eighty characters of prompt and answer, all ASCII."""
    fields: dict[str, Any] = {
        "id": f"example-{number}",
        "trajectory": f"trajectory-{number}",
        "split": "train",
        "system": "s" * 20,
        "messages": [Message(role="user", content="u" * 40)],
        "answer": "a" * 20,
        "rejected": None,
        "item": GraderItem(axes={}, facts={}, before={}, step=0),
    }
    return TuningExample(**(fields | changes))


def price(**changes: Any) -> TuningPrice:
    """Four dollars a million tokens."""
    tuned = Price(input=1.0, output=2.0, as_of=DAY)
    return TuningPrice(**({"usd_per_million_tokens": 4.0, "tuned": tuned, "as_of": DAY} | changes))


def tuner(**changes: Any) -> Tuner:
    """Supervised, at OpenAI, of the teacher `base`."""
    fields: dict[str, Any] = {"provider": "openai", "teacher": "base", "method": "supervised", "price": price()}
    return Tuner(**(fields | changes))


def job(**changes: Any) -> TuningJob:
    """A planned job."""
    spec = JobSpec(key="srl-0123456789abcdef", model="m", method="supervised", name="n", seed=1, epochs=3)
    fields: dict[str, Any] = {
        "key": spec.key,
        "model_type": "houses",
        "tuner_name": "nano",
        "tuner": tuner(),
        "entry": TeacherEntry(kind="transformers", model="m", terms=TERMS),
        "dataset": "d0",
        "spec": spec,
        "attempt": 1,
        "phase": "planned",
        "created_at": AT,
        "updated_at": AT,
    }
    return TuningJob(**(fields | changes))
