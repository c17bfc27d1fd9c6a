"""Test-only: the definition of the training chain, rendered as Terraform renders it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from srl_pipeline_tests.infra.terraform import INFRA

DEFINITION = INFRA / "step_functions/training_chain.asl.json"
TABLE, TOPIC = "srl-dev-state", "arn:aws:sns:eu-central-1:123456789012:srl-dev-alerts"
TRAINING_ROLE = "arn:aws:iam::123456789012:role/srl-dev-training"
DEFAULTS = INFRA / "terraform/modules/installation/variables.tf"


def rendered() -> dict[str, Any]:
    """The machine, its placeholders filled with names of the emulator's account."""
    values = {"partition": "aws", "table": TABLE, "topic_arn": TOPIC, "training_role_arn": TRAINING_ROLE}
    values |= {f"spending_{name}": value for name, value in spending_item().items()}
    return json.loads(re.sub(r"\$\{(\w+)\}", lambda found: values[found[1]], DEFINITION.read_text()))


def spending_item() -> dict[str, str]:
    """Where Terraform tells the machine to find a month's spending: pk, sk, attribute."""
    (line,) = re.findall(r"default *= (\{ pk = .*\})", DEFAULTS.read_text())
    return dict(re.findall(r'(\w+) = "([^"]*)"', line))


def machines(machine: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """A machine and those within its Map states."""
    yield machine
    for state in machine["States"].values():
        if "ItemProcessor" in state:
            yield from machines(state["ItemProcessor"])


def next_states(state: Mapping[str, Any]) -> set[str]:
    """Where a state may go."""
    choices = [*state.get("Choices", []), *state.get("Catch", []), state, {"Next": state.get("Default")}]
    return {name for choice in choices if (name := choice.get("Next"))}
