"""AWS Lambda handler that rewards answers for reinforcement fine-tuning on Amazon Bedrock: our verifier decides.

Formats as read in AWS' documentation ("Setting up reward functions for open-weight models" and the like for Nova,
stored copies, read 2026-11): the event is a list of samples ``{"id", "messages": [{"role", "content"}], "metadata"}``
whose last message is the assistant's; the reply is a list of ``{"id", "aggregate_reward_score", "metrics_list":
[{"name", "value", "type": "Reward" | "Metric"}]}``. It was not run live: no job of the vendor has called it.

``SRL_MODEL_TYPE`` names the pack, which ``SRL_PACKS`` finds. ``metadata`` holds what the row of the data set has beside
its messages: the ``GraderItem`` is its ``task``, or the ``task`` of its ``reference_answer``, as the adapter wrote it.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, cast

from pydantic import ValidationError

from srl_pipeline.errors import RuleError, TuningError
from srl_pipeline.model_types import load_pack
from srl_pipeline.tuning.graders.reward import answer_reward
from srl_pipeline.tuning.records import GraderItem
from srl_pipeline.verification import Verifier

_LOG = logging.getLogger(__name__)


class _BadSample(ValueError):
    """A sample that cannot be judged; the text says why, and quotes nothing of it."""


def handler(event: Any, context: object) -> list[dict[str, Any]]:
    """A reward for each sample, in the event's order. Raises TuningError for an event that is none.

    A sample that cannot be judged scores 0, has the metric ``judged`` at 0, and is logged; it never fails the others.
    """
    del context  # Lambda's; nothing of it is needed
    samples = _samples(event)
    verifier = _verifier(os.environ.get("SRL_MODEL_TYPE", ""))
    return [_result(verifier, sample) for sample in samples]


@cache
def _verifier(name: str) -> Verifier:
    if not name:
        raise TuningError(
            "No model type is named.", where="environment variable SRL_MODEL_TYPE", mend="Set it to the pack's name."
        )
    return Verifier(load_pack(name))


def _samples(event: Any) -> list[Mapping[str, Any]]:
    if not isinstance(event, list):
        raise _malformed(f"is {type(event).__name__}, not a list of samples")
    for index, sample in enumerate(cast("list[Any]", event)):
        if not isinstance(sample, Mapping) or not isinstance(sample.get("id"), str):
            raise _malformed(f"has a sample {index} that is no object with a text 'id'")
    return cast("list[Mapping[str, Any]]", event)


def _malformed(what: str) -> TuningError:
    return TuningError(
        f"The event {what}.",
        where="event of the reward function",
        mend="Send a list of samples: id, messages, metadata.task.",
    )


def _result(verifier: Verifier, sample: Mapping[str, Any]) -> dict[str, Any]:
    judged = True
    try:
        reward = answer_reward(verifier, _answer(sample), _item(verifier, sample))
    except (_BadSample, RuleError) as error:
        _LOG.warning("sample %s is not judged: %s", sample["id"], error)
        reward, judged = 0.0, False
    return {
        "id": sample["id"],
        "aggregate_reward_score": reward,
        "metrics_list": [
            {"name": "rules", "value": reward, "type": "Reward"},
            {"name": "judged", "value": float(judged), "type": "Metric"},
        ],
    }


def _answer(sample: Mapping[str, Any]) -> str:
    messages = sample.get("messages")
    last = messages[-1] if isinstance(messages, Sequence) and messages else None
    if not isinstance(last, Mapping) or last.get("role") != "assistant" or not isinstance(last.get("content"), str):
        raise _BadSample("its last message is not the assistant's text")
    return last["content"]


def _item(verifier: Verifier, sample: Mapping[str, Any]) -> GraderItem:
    metadata = sample.get("metadata")
    places = [metadata, metadata.get("reference_answer")] if isinstance(metadata, Mapping) else []
    tasks = [place["task"] for place in places if isinstance(place, Mapping) and "task" in place]
    if len(tasks) != 1:
        raise _BadSample("its metadata has no task, or two")
    try:
        item = GraderItem.model_validate(tasks[0])
    except ValidationError as error:
        fields = ", ".join(".".join(map(str, e["loc"])) or "task" for e in error.errors())
        raise _BadSample(f"its task is not an item of a grader: {fields}") from error
    if item.step >= len(verifier.pack.spec.steps):
        raise _BadSample(f"its step is {item.step}; the pack has {len(verifier.pack.spec.steps)} steps")
    return item
