"""What Bedrock is sent: data sets in its formats, and the request for a job. Pure.

https://docs.aws.amazon.com/bedrock/latest/userguide/ (looked up 2026-11): preparing-text-data.html and
nova-2-sft-data-prep.html for supervised tuning, rft-prepare-data.html and reward-functions.html for reinforcement,
cm-hp-nova-mm.html and cm-hp-meta-llama31.html for hyperparameters.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from srl_pipeline.canonical import digest
from srl_pipeline.contracts import Json
from srl_pipeline.teachers.calls.records import PermanentError
from srl_pipeline.tuning.records import DataFile, JobSpec, Split, TuningExample
from srl_pipeline.tuning.spec import Tuner

PREFIX = "srl-tuning/"
_SPLITS: tuple[Split, ...] = ("train", "validation")
_SCHEMA = "bedrock-conversation-2024"
_DEFAULT_RATES = {"amazon.nova-": 1e-5, "meta.llama3-1-": 1e-4}
"""Learning rates that multipliers refer to: Bedrock itself takes a rate."""


def data_files(examples: Sequence[TuningExample], spec: JobSpec) -> list[DataFile]:
    """One file a split; raises PermanentError for what Bedrock does not offer."""
    require_offered(spec)
    files: list[DataFile] = []
    for split in _SPLITS:
        chosen = [example for example in examples if example.split == split]
        if not chosen or (split == "validation" and not _validates(spec)):
            continue
        # All but ASCII is escaped: readers that take U+2028 for the end of a line would cut a row in two.
        content = "".join(json.dumps(_row(e, spec), sort_keys=True) + "\n" for e in chosen).encode()
        files.append(_file(spec, split, content))
    if not files or files[0].split != "train":
        raise PermanentError("the data set has no example to train on", mend="Generate more trajectories.")
    return files


def require_offered(spec: JobSpec) -> None:
    """Raise PermanentError for a method or setting that Bedrock does not know."""
    if spec.method not in ("supervised", "reinforcement"):
        raise PermanentError(
            f"Bedrock does not offer method {spec.method!r}",
            mend="Write 'method: supervised' or 'method: reinforcement' for the tuner in tuning.yaml.",
        )
    _hyper_parameters(spec)


def job_request(spec: JobSpec, files: Mapping[Split, str], tuner: Tuner) -> dict[str, Json]:
    """Parameters of CreateModelCustomizationJob. The seed is not among them: Bedrock takes none."""
    require_offered(spec)
    tags = [{"key": "srl-key", "value": spec.key}]
    request: dict[str, Json] = {
        "jobName": spec.key,
        # of any name the key is part, so it is as unique; doubled hyphens are not allowed in it
        "customModelName": re.sub("-+", "-", f"{spec.name}-{spec.key}").strip("-"),
        "clientRequestToken": token("job", spec.key),
        "roleArn": tuner.role,
        "baseModelIdentifier": spec.model,
        "trainingDataConfig": {"s3Uri": files["train"]},
        "outputDataConfig": {"s3Uri": f"s3://{tuner.bucket}/{PREFIX}output/{spec.key}/"},
        "jobTags": tags,
        "customModelTags": tags,
    }
    if "validation" in files:
        request["validationDataConfig"] = {"validators": [{"s3Uri": files["validation"]}]}
    if spec.method == "reinforcement":
        grader = {"lambdaGrader": {"lambdaArn": tuner.reward_function}}
        request["customizationType"] = "REINFORCEMENT_FINE_TUNING"
        rft = {"graderConfig": grader, "hyperParameters": _hyper_parameters(spec)}
        request["customizationConfig"] = {"rftConfig": rft}
    else:
        request["customizationType"] = "FINE_TUNING"
        request["hyperParameters"] = {name: f"{value:.6g}" for name, value in _hyper_parameters(spec).items()}
    return request


def token(purpose: str, key: str) -> str:
    """What makes AWS take a repeated request for the same one."""
    return digest([purpose, key])


def _file(spec: JobSpec, split: Split, content: bytes) -> DataFile:
    hashed = hashlib.sha256(content).hexdigest()
    return DataFile(name=f"{spec.method}-{split}-{hashed[:32]}.jsonl", split=split, content=content, digest=hashed)


def _row(example: TuningExample, spec: JobSpec) -> dict[str, Any]:
    turns = [(message.role, message.content) for message in example.messages]
    if spec.method == "reinforcement":
        # The reward function gets the row back under "metadata", with the answer as the last of "messages".
        prompt = [("system", example.system), *turns] if example.system else turns
        reference = {"task": example.item.model_dump(mode="json")}
        return {"messages": [{"role": r, "content": text} for r, text in prompt], "reference_answer": reference}
    turns.append(("assistant", example.answer))
    row: dict[str, Any] = {
        "schemaVersion": _SCHEMA,
        "messages": [{"role": role, "content": [{"text": text}]} for role, text in turns],
    }
    return row | ({"system": [{"text": example.system}]} if example.system else {})


def _validates(spec: JobSpec) -> bool:
    """Whether a job takes a validation set: supervised tuning of Nova 2 does not."""
    return spec.method != "supervised" or not _name(spec.model).startswith("amazon.nova-2-")


def _hyper_parameters(spec: JobSpec) -> dict[str, int | float]:
    found: dict[str, int | float] = {"epochCount": spec.epochs}
    if spec.batch_size is not None:
        found["batchSize"] = spec.batch_size
    if (multiplier := spec.learning_rate_multiplier) is None:
        return found
    name = _name(spec.model)
    rate = next((rate for start, rate in _DEFAULT_RATES.items() if name.startswith(start)), None)
    if rate is None or spec.method == "reinforcement":
        raise PermanentError(
            f"Bedrock takes a learning rate, and its default for {spec.method} tuning of {name} is not documented",
            mend="Leave 'learning_rate_multiplier' of the tuner out of tuning.yaml.",
        )
    return found | {"learningRate": rate * multiplier}


def _name(model: str) -> str:
    """The model's name, also where it is given by its ARN."""
    return model.rpartition("/")[2]
