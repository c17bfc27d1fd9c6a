"""Test-only: what CreateTrainingJob refuses, told in AWS's words. Limits and patterns are those of botocore's model."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

import botocore.session
import regex  # the model's patterns are Java's: \p{L}

LONGEST_RUN = 28 * 24 * 3600


@cache
def model() -> Any:
    """SageMaker, as botocore describes it."""
    return botocore.session.get_session().get_service_model("sagemaker")


@cache
def shape_of_request() -> Any:
    return model().operation_model("CreateTrainingJob").input_shape


@cache
def described() -> frozenset[str]:
    """Fields of DescribeTrainingJob's answer."""
    return frozenset(model().operation_model("DescribeTrainingJob").output_shape.members)


def refusal(request: Mapping[str, Any]) -> str | None:
    """Why AWS would not take ``request`` (a ValidationException's message); None if it would."""
    found = list(_violations(shape_of_request(), request, ""))
    if found:
        return f"{len(found)} validation error{'s' * (len(found) > 1)} detected: {'; '.join(found)}"
    return next(_contradictions(request), None)


def _violations(shape: Any, value: Any, at: str) -> Iterator[str]:
    """Constraints of single fields; AWS names a field by its path, the first letter of each part small."""
    if shape.type_name == "structure":
        for name in shape.required_members:
            if value.get(name) is None:
                yield _violation("null", _join(at, name), "Member must not be null")
        for name in (name for name in shape.members if value.get(name) is not None):
            yield from _violations(shape.members[name], value[name], _join(at, name))
        return
    yield from (_violation(value, at, f"Member must {rule}") for rule in _broken(shape, value))
    if shape.type_name == "list":
        for index, member in enumerate(value, start=1):
            yield from _violations(shape.member, member, f"{at}.{index}.member")
    if shape.type_name == "map":
        for key, member in value.items():
            yield from _violations(shape.key, key, f"{at}.key")
            yield from _violations(shape.value, member, f"{at}.{key}.value")


def _broken(shape: Any, value: Any) -> Iterator[str]:
    limits = shape.metadata
    sized = shape.type_name in ("string", "list", "map")
    size, what = (len(value), "have length") if sized else (value, "have value")
    if "max" in limits and size > limits["max"]:
        yield f"{what} less than or equal to {limits['max']}"
    if "min" in limits and size < limits["min"]:
        yield f"{what} greater than or equal to {limits['min']}"
    if "pattern" in limits and not regex.fullmatch(limits["pattern"], value):
        yield f"satisfy regular expression pattern: {limits['pattern']}"
    if "enum" in limits and value not in limits["enum"]:
        yield f"satisfy enum value set: [{', '.join(limits['enum'])}]"


def _violation(value: Any, at: str, rule: str) -> str:
    return f"Value {value if value == 'null' else repr(str(value))} at '{at}' failed to satisfy constraint: {rule}"


def _join(at: str, name: str) -> str:
    own = name[0].lower() + name[1:]
    return f"{at}.{own}" if at else own


def _contradictions(request: Mapping[str, Any]) -> Iterator[str]:
    """Fields that do not fit together. What begins with "The emulation" is ours: it refuses what it would ignore."""
    for name in ("AlgorithmSpecification", "ResourceConfig", "StoppingCondition"):
        if name not in request:
            yield f"{name} is required for this training job."
            return
    algorithm, machine, stop = (
        request[name] for name in ("AlgorithmSpecification", "ResourceConfig", "StoppingCondition")
    )
    if ("TrainingImage" in algorithm) == ("AlgorithmName" in algorithm):
        yield "Exactly one of AlgorithmName and TrainingImage must be specified."
    for name in ("InstanceType", "InstanceCount", "VolumeSizeInGB"):
        if not machine.get(name):
            yield f"ResourceConfig.{name} is required for this training job."
    runs, waits = stop.get("MaxRuntimeInSeconds", 24 * 3600), stop.get("MaxWaitTimeInSeconds")
    if runs > LONGEST_RUN:
        yield f"Invalid MaxRuntimeInSeconds. It must be less than or equal to {LONGEST_RUN}"
    if request.get("EnableManagedSpotTraining") and (waits is None or waits < runs):
        yield "Invalid MaxWaitTimeInSeconds. It must be present and be greater than or equal to MaxRuntimeInSeconds"
    if not request.get("EnableManagedSpotTraining") and waits is not None:
        yield "Invalid MaxWaitTimeInSeconds. It is only supported when EnableManagedSpotTraining is true"
    names = [tag["Key"] for tag in request.get("Tags", ())]
    if len(names) != len(set(names)):
        yield "Duplicate tag keys found. Tag keys must be unique."
    for name in ("InputDataConfig", "CheckpointConfig", "HyperParameters", "RetryStrategy"):
        if request.get(name):
            yield f"The emulation has no {name}."
    if "ContainerEntrypoint" not in algorithm:
        yield "The emulation has no images: ContainerEntrypoint is needed."
    if machine["InstanceCount"] != 1:
        yield "The emulation has one machine a job."
