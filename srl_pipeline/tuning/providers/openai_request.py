"""A job as OpenAI's API takes it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from srl_pipeline.contracts import Json
from srl_pipeline.teachers.calls.records import PermanentError
from srl_pipeline.tuning.providers.openai_records import KEY
from srl_pipeline.tuning.records import JobSpec, Split

_TYPES = {"supervised": "supervised", "preference": "dpo", "reinforcement": "reinforcement"}
_MOST_SEED = 2**31
"""Seeds are below it."""


def job_request(spec: JobSpec, files: Mapping[Split, str], reward_function: str) -> dict[str, Any]:
    """The body of the request.

    ``reward_function`` is the ARN of a function that grades, for Amazon Bedrock's endpoint: it takes that instead of a
    grader's source, and no suffix. Raises PermanentError for what the API has not.
    """
    request: dict[str, Any] = {
        "model": spec.model,
        "training_file": files["train"],
        "method": _method(spec, reward_function),
        "seed": spec.seed % _MOST_SEED,
        "metadata": {KEY: spec.key},
    }
    if "validation" in files:
        request["validation_file"] = files["validation"]
    if not reward_function:
        request["suffix"] = spec.name
    return request


def _method(spec: JobSpec, reward_function: str) -> dict[str, Json]:
    kind = _TYPES.get(spec.method)
    if kind is None:
        raise PermanentError(
            f"OpenAI's tuning has no method {spec.method!r}", mend="Use another 'method' in tuning.yaml."
        )
    settings: dict[str, Json] = {
        "n_epochs": spec.epochs,
        "batch_size": spec.batch_size,
        "learning_rate_multiplier": spec.learning_rate_multiplier,
        "beta": spec.beta if kind == "dpo" else None,
    }
    chosen: dict[str, Json] = {name: value for name, value in settings.items() if value is not None}
    method: dict[str, Json] = {"hyperparameters": chosen}
    if kind == "reinforcement":
        method["grader"] = _grader(spec, reward_function)
    return {"type": kind, kind: method}


def _grader(spec: JobSpec, reward_function: str) -> dict[str, Json]:
    if reward_function:
        return {"type": "lambda", "lambda": {"function": reward_function}}
    if spec.grader is None:
        raise PermanentError("there is no grader to reward answers with", mend="Plan the job again.")
    return {"type": "python", "name": "srl", "source": spec.grader}
