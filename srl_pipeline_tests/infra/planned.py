"""Test-only: what a root is given, what it plans, and a client of the emulator that it is applied to."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import boto3

from srl_pipeline_tests.infra.rendered import NAMESPACE, RELEASE
from srl_pipeline_tests.infra.terraform import Terraform

VARIABLES: dict[str, Any] = {
    "region": "eu-central-1",
    "owner": "a-team",
    "emails": ["team@example.com"],
    "network": {"cidr": "10.40.0.0/20", "availability_zones": ["eu-central-1a", "eu-central-1b"]},
    "budget": {"month_usd": 100, "model_type_usd": {"buildings": 20}},
}
EKS: dict[str, Any] = {
    "version": "1.33",
    "admins": ["arn:aws:iam::123456789012:role/operators"],
    "release": RELEASE,
    "namespace": NAMESPACE,
    "pools": {
        "cpu": {"instance_types": ["m6i.xlarge"], "min": 2, "max": 4, "disk_gib": 80},
        "gpu": {"instance_types": ["g5.xlarge"], "min": 0, "max": 2, "disk_gib": 120, "gpu": True},
    },
}


@dataclass(frozen=True)
class Planned:
    """What a plan makes: address -> values, and address -> which of them are known only once it is made."""

    resources: dict[str, dict[str, Any]]
    unknown: dict[str, dict[str, Any]]

    def of_kind(self, kind: str) -> list[dict[str, Any]]:
        """Planned values of all resources of a kind; fails where there is none: nothing would be asserted."""
        found = [values for address, values in self.resources.items() if f".{kind}." in address]
        assert found, f"no {kind} in the plan"
        return found


def plan_of(terraform: Terraform, **variables: Any) -> Planned:
    """The plan of a root that was initialised, also left in its file ``plan``."""
    (terraform.folder / "terraform.tfvars.json").write_text(json.dumps(VARIABLES | variables))
    terraform.run("plan", "-out=plan", "-input=false", "-no-color", "-lock-timeout=30s")
    changes = {c["address"]: c["change"] for c in terraform.show("plan")["resource_changes"] if c["mode"] == "managed"}
    return Planned(
        {address: change["after"] for address, change in changes.items()},
        {address: change["after_unknown"] for address, change in changes.items()},
    )


def expires(rule: dict[str, Any]) -> bool:
    """Whether a rule of a life cycle lets current objects go."""
    return any(e.get("days") or e.get("date") for e in rule["expiration"])


def client(service: str, url: str) -> Any:
    keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
    return boto3.client(service, region_name="eu-central-1", endpoint_url=url, **keys)
