"""Test-only: each vendor with its local server, a teacher to tune there, and its own word on jobs and bill."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from srl_pipeline.registry import Nanos, nanos
from srl_pipeline_tests.generation.paid import KEY_VARIABLE
from srl_pipeline_tests.tuning.providers.openai_cases import KEY, submissions
from srl_pipeline_tests.vendors import AnthropicServer, Brain, OpenAIServer
from srl_pipeline_tests.vendors.bedrock_jobs import Script
from srl_pipeline_tests.vendors.bedrock_server import BUCKET as S3_BUCKET
from srl_pipeline_tests.vendors.bedrock_server import REGION as AWS_REGION
from srl_pipeline_tests.vendors.bedrock_server import BedrockServer
from srl_pipeline_tests.vendors.openai_tuning import OpenAITuningServer
from srl_pipeline_tests.vendors.vertex_server import BUCKET, PROJECT, REGION, VertexServer

USD = 4.0
"""Of a million trained tokens."""
TERMS = {"training_allowed": True, "source": "a test", "as_of": "2026-11-01"}
PRICE = {"input": 2.0, "output": 8.0, "as_of": "2026-11-01"}
LIMITS = {"concurrency": 4, "timeout_seconds": 5.0, "attempts": 3}
TOKENS = {"usd_per_million_tokens": USD, "tuned": PRICE, "as_of": "2026-11-01"}
HOURS = {"usd_per_hour": 36.0, "tuned": PRICE, "as_of": "2026-11-01"}


@dataclass(frozen=True)
class Case:
    """One vendor.

    Attributes:
        teacher: The entry of the teacher whose model is tuned.
        tuner: What `tuning.yaml` says beside teacher and method.
        begun: Jobs that the vendor has begun.
        bill: What it bills for them.
        server: For a test that speaks of one vendor alone.
    """

    teacher: dict[str, Any]
    tuner: dict[str, Any]
    begun: Callable[[], int]
    bill: Callable[[], Nanos]
    server: Any


Vendor = Callable[..., Any]


def entry(kind: str, endpoint: str, **changes: Any) -> dict[str, Any]:
    """A teacher behind a server."""
    own = {"kind": kind, "model": "base-1", "endpoint": endpoint, "api_key_env": KEY_VARIABLE, "price": PRICE}
    return {**own, "terms": TERMS, "limits": LIMITS, **changes}


@contextmanager
def openai(folder: Path, base: Brain, tuned: Brain, method: str = "supervised", **script: Any) -> Iterator[Case]:
    """OpenAI; rewards are billed by the hour."""
    by_hour = method == "reinforcement"
    prices = {"usd_per_million_tokens": USD, "usd_per_hour": 36.0}
    log = folder / "openai.jsonl"
    with OpenAITuningServer(log, key=KEY, answer=base, tuned_answer=tuned, **prices, **script) as server:
        yield Case(
            teacher=entry("openai", server.url),
            tuner={"provider": "openai", "method": method, "price": HOURS if by_hour else TOKENS, "epochs": 2},
            begun=lambda: submissions(server),
            bill=lambda: nanos(server.bill()),
            server=server,
        )
    assert server.invalid == []


@contextmanager
def gemini(folder: Path, base: Brain, tuned: Brain, method: str = "supervised", **script: Any) -> Iterator[Case]:
    """Vertex AI: the cloud's own credentials, Cloud Storage, endpoints."""
    with (
        VertexServer(folder / "vertex.jsonl", answer=base, tuned_answer=tuned, **script) as server,
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(server.write_key(folder)))
        patch.setenv("STORAGE_EMULATOR_HOST", server.origin)
        place = {"project": PROJECT, "region": REGION}
        yield Case(
            teacher=entry("gemini", server.origin, api_key_env=None, **place),
            tuner={
                "provider": "gemini",
                "method": method,
                "price": TOKENS,
                "epochs": 2,
                "endpoint": server.origin,
                "bucket": BUCKET,
                **place,
            },
            begun=lambda: len(server.jobs),
            bill=lambda: sum(nanos(job.billed_tokens * USD / 1e6) for job in server.jobs),
            server=server,
        )
    assert server.invalid == []


@contextmanager
def bedrock(
    folder: Path, base: Brain, tuned: Brain, method: str = "supervised", *, aws: BedrockServer
) -> Iterator[Case]:
    """Bedrock for the tuning, its OpenAI-compatible endpoint for the answers; ``aws`` runs already."""

    def answer(prompt: str, schema: dict[str, Any] | None, request: dict[str, Any]) -> str:
        return (tuned if request["model"].startswith("arn:") else base)(prompt, schema, request)

    aws.reset(Script(gets=2, deploy_gets=1))
    with (
        OpenAIServer(folder / "runtime.jsonl", key=KEY, answer=answer) as runtime,
        pytest.MonkeyPatch.context() as patch,
    ):
        for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_DEFAULT_REGION", "AWS_REGION"):
            patch.delenv(name, raising=False)
        for name, value in aws.environment.items():
            patch.setenv(name, value)
        role = "arn:aws:iam::123456789012:role/srl-tuning"
        yield Case(
            teacher=entry("openai", runtime.url, vendor="bedrock"),
            tuner={
                "provider": "bedrock",
                "method": method,
                "model": "amazon.nova-lite-v1:0:300k",
                "price": HOURS,
                "epochs": 2,
                "region": AWS_REGION,
                "bucket": S3_BUCKET,
                "role": role,
            },
            begun=lambda: aws.requests.count("CreateModelCustomizationJob") and len(aws.jobs),
            bill=lambda: sum(nanos(seconds * 36.0 / 3600) for seconds in aws.bill.values()),
            server=aws,
        )
    assert (runtime.invalid, aws.invalid) == ([], [])


@contextmanager
def anthropic(folder: Path, base: Brain, tuned: Brain, method: str = "prompt") -> Iterator[Case]:
    """A vendor that tunes nothing: solved tasks in the prompt."""

    def answer(prompt: str, schema: dict[str, Any] | None, request: dict[str, Any]) -> str:
        return (tuned if "of another task" in prompt else base)(prompt, schema, request)

    with AnthropicServer(folder / "anthropic.jsonl", key=KEY, answer=answer) as server:
        yield Case(
            teacher=entry("anthropic", server.url),
            tuner={"provider": "anthropic", "method": method, "shots": 2, "trials": 2},
            begun=lambda: 0,
            bill=lambda: 0,
            server=server,
        )
    assert server.invalid == []
