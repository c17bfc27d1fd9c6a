"""The Terraform configuration: its form, its logic, its plan, and a whole life on an emulator."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest

from srl_pipeline_tests.infra.emulator import emulated_aws
from srl_pipeline_tests.infra.iam import as_list, decide
from srl_pipeline_tests.infra.terraform import ROOTS, Terraform, copied, require_terraform

VARIABLES: dict[str, Any] = {
    "region": "eu-central-1",
    "owner": "a-team",
    "emails": ["team@example.com"],
    "network": {"cidr": "10.40.0.0/20", "availability_zones": ["eu-central-1a", "eu-central-1b"]},
    "budget": {"month_usd": 100, "model_type_usd": {"buildings": 20}},
}
AWS_EMITS = {
    "AWS/States": {"ExecutionsFailed", "ExecutionsTimedOut"},
    "AWS/DynamoDB": {"ReadThrottleEvents", "WriteThrottleEvents"},
    "AWS/S3": {"5xxErrors"},
}
"""Metrics that AWS's documentation lists for what is made here."""
IN_THE_CHECKOUT = Terraform(ROOTS, {})


def test_the_configuration_is_formatted() -> None:
    require_terraform()
    IN_THE_CHECKOUT.run("fmt", "-check", "-recursive", "-no-color")


def test_no_root_names_an_endpoint_or_a_credential() -> None:
    text = "\n".join(file.read_text() for file in ROOTS.rglob("*.tf"))
    assert not [word for word in ("access_key", "secret_key", "endpoints {", "skip_") if word in text]


def test_every_variable_and_output_says_what_it_is() -> None:
    for file in [*ROOTS.rglob("variables.tf"), *ROOTS.rglob("outputs.tf")]:
        text = file.read_text()
        blocks = text.count('\nvariable "') + text.count('\noutput "') + text.startswith(("variable", "output"))
        assert text.count("\n  description = ") == blocks, file


@pytest.mark.slow
@pytest.mark.parametrize("root", ["dev", "prod"])
def test_a_root_is_valid(tmp_path: Path, root: str) -> None:
    terraform = copied(tmp_path, root)
    terraform.run("init", "-backend=false", "-no-color")
    terraform.run("validate", "-no-color")


@pytest.mark.slow
def test_the_modules_pass_their_own_tests(tmp_path: Path) -> None:
    terraform = copied(tmp_path, "modules/installation")
    terraform.run("init", "-backend=false", "-no-color")
    assert "0 failed" in terraform.run("test", "-no-color", seconds=240)


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


def plan_of(terraform: Terraform) -> Planned:
    """The plan of a root that was initialised, also left in its file ``plan``."""
    (terraform.folder / "terraform.tfvars.json").write_text(json.dumps(VARIABLES))
    terraform.run("plan", "-out=plan", "-input=false", "-no-color", "-lock-timeout=30s")
    changes = {c["address"]: c["change"] for c in terraform.show("plan")["resource_changes"] if c["mode"] == "managed"}
    return Planned(
        {address: change["after"] for address, change in changes.items()},
        {address: change["after_unknown"] for address, change in changes.items()},
    )


def client(service: str, url: str) -> Any:
    keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
    return boto3.client(service, region_name="eu-central-1", endpoint_url=url, **keys)


@pytest.fixture(scope="module", params=["dev", "prod"])
def planned(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Planned]:
    """A plan for an empty account; prod keeps its state in a bucket of the emulator and locks it there."""
    with emulated_aws() as url:
        terraform = copied(tmp_path_factory.mktemp(request.param), request.param, endpoint=url)
        if request.param == "prod":
            client("s3", url).create_bucket(
                Bucket="state", CreateBucketConfiguration={"LocationConstraint": "eu-central-1"}
            )
            settings = {"bucket": "state", "key": "prod.tfstate", "region": "eu-central-1", "use_path_style": True}
            settings |= {"access_key": "test", "secret_key": "test", "skip_credentials_validation": True}
            lines = [f"{name} = {json.dumps(value)}" for name, value in settings.items()]
            (terraform.folder / "backend.hcl").write_text("\n".join(lines))
            terraform.run("init", "-backend-config=backend.hcl", "-input=false", "-no-color")
        else:
            terraform.run("init", "-input=false", "-no-color")
        yield plan_of(terraform)


@pytest.mark.slow
class TestThePlan:
    """What is asserted for dev and for prod, before anything is made."""

    def test_nothing_is_public(self, planned: Planned) -> None:
        for block in planned.of_kind("aws_s3_bucket_public_access_block"):
            assert all(block[name] for name in block if name.startswith(("block_", "ignore_", "restrict_")))
        assert not [a for a in planned.resources if ".aws_s3_bucket_acl." in a or ".aws_internet_gateway." in a]
        for rule in planned.of_kind("aws_vpc_security_group_ingress_rule"):
            assert rule["cidr_ipv4"] in (None, VARIABLES["network"]["cidr"])

    def test_everything_is_encrypted_with_the_installations_key(self, planned: Planned) -> None:
        (bucket,) = planned.of_kind("aws_s3_bucket_server_side_encryption_configuration")
        assert bucket["rule"][0]["apply_server_side_encryption_by_default"][0]["sse_algorithm"] == "aws:kms"
        (table,) = planned.of_kind("aws_dynamodb_table")
        assert table["server_side_encryption"][0]["enabled"]
        for repository in planned.of_kind("aws_ecr_repository"):
            assert repository["encryption_configuration"][0]["encryption_type"] == "KMS"
        for kind, field in (("aws_cloudwatch_log_group", "kms_key_id"), ("aws_sns_topic", "kms_master_key_id")):
            found = [unknown for address, unknown in planned.unknown.items() if f".{kind}." in address]
            assert found
            assert all(unknown.get(field) for unknown in found), "it comes from the key that is made"
        assert all(key["enable_key_rotation"] for key in planned.of_kind("aws_kms_key"))

    def test_no_policy_allows_any_action_on_any_resource(self, planned: Planned) -> None:
        for address, values in planned.resources.items():
            text = values.get("policy")
            if not text or ".aws_kms_key." in address or ".aws_ecr_lifecycle_policy." in address:
                continue  # in a key's policy "*" is that key; a lifecycle policy gives no permission
            for statement in json.loads(text)["Statement"]:
                wide = statement["Effect"] == "Allow" and "*" in as_list(statement["Resource"])
                assert not (wide and any(a.endswith("*") for a in as_list(statement["Action"]))), address

    def test_logs_end_and_all_that_can_carries_the_tags(self, planned: Planned) -> None:
        assert all(group["retention_in_days"] > 0 for group in planned.of_kind("aws_cloudwatch_log_group"))
        for address, values in planned.resources.items():
            if "tags_all" in values:
                assert values["tags_all"].items() >= {"project": "srl", "owner": "a-team"}.items(), address
                assert values["tags_all"]["installation"] == f"srl-{values['tags_all']['environment']}", address

    def test_artifacts_are_versioned_and_never_expire_while_they_are_current(self, planned: Planned) -> None:
        (versioning,) = planned.of_kind("aws_s3_bucket_versioning")
        assert versioning["versioning_configuration"][0]["status"] == "Enabled"
        (lifecycle,) = planned.of_kind("aws_s3_bucket_lifecycle_configuration")
        for rule in lifecycle["rule"]:
            assert all(not e.get("days") and not e.get("date") for e in rule["expiration"])
            assert not rule.get("transition")
        uploads = [r["abort_incomplete_multipart_upload"] for r in lifecycle["rule"]]
        assert [{"days_after_initiation": 7}] in uploads

    def test_images_are_scanned_and_never_change(self, planned: Planned) -> None:
        for repository in planned.of_kind("aws_ecr_repository"):
            assert repository["image_tag_mutability"] == "IMMUTABLE"
            assert repository["image_scanning_configuration"][0]["scan_on_push"]

    def test_what_was_paid_for_is_protected_in_prod(self, planned: Planned) -> None:
        (table,) = planned.of_kind("aws_dynamodb_table")
        prod = table["tags_all"]["environment"] == "prod"
        assert table["deletion_protection_enabled"] == prod
        assert table["point_in_time_recovery"][0]["enabled"]
        assert [b["force_destroy"] for b in planned.of_kind("aws_s3_bucket")] == [not prod]
        assert {r["force_delete"] for r in planned.of_kind("aws_ecr_repository")} == {not prod}

    def test_alarms_watch_only_what_aws_emits(self, planned: Planned) -> None:
        alarms = planned.of_kind("aws_cloudwatch_metric_alarm")
        assert all(alarm["metric_name"] in AWS_EMITS[alarm["namespace"]] for alarm in alarms)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_it_is_made_stays_as_it_was_planned_and_is_removed(tmp_path: Path) -> None:
    with emulated_aws() as url:
        terraform = copied(tmp_path, "dev", endpoint=url)
        terraform.run("init", "-input=false", "-no-color")
        planned = plan_of(terraform)
        terraform.run("apply", "-input=false", "-no-color", "-lock-timeout=30s", "plan", seconds=240)

        again = ["plan", "-detailed-exitcode", "-input=false", "-no-color", "-lock-timeout=30s"]
        terraform.run(*again, code=0)  # 2 would be a change

        made = terraform.show()["values"]["outputs"]["installation"]["value"]
        bucket = made["environment"]["SRL_STORE"].removeprefix("s3://").partition("/")[0]
        policies = [json.loads(client("s3", url).get_bucket_policy(Bucket=bucket)["Policy"])]
        run = client("iam", url).get_role_policy(RoleName="srl-dev-run", PolicyName="permissions")
        policies.append(run["PolicyDocument"])
        resource = f"arn:aws:s3:::{bucket}/artifacts/x"
        assert decide(policies, "s3:GetObject", resource, {"aws:SecureTransport": "true"}) == "allow"
        assert decide(policies, "s3:GetObject", resource, {"aws:SecureTransport": "false"}) == "explicit deny"

        client("s3", url).put_object(Bucket=bucket, Key="artifacts/x", Body=b"left behind")
        terraform.run("destroy", "-auto-approve", "-input=false", "-no-color", "-lock-timeout=30s", seconds=240)
        assert "values" not in terraform.show()
        assert client("dynamodb", url).list_tables()["TableNames"] == []
        assert client("s3", url).list_buckets()["Buckets"] == []
        assert len(planned.resources) > 50
