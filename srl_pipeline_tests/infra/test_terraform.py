"""The Terraform configuration: its form, its logic, its plan, and a whole life on an emulator."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from srl_pipeline_tests.aws.moto_server import execute_state_machines
from srl_pipeline_tests.infra.emulator import emulated_aws
from srl_pipeline_tests.infra.iam import as_list, decide
from srl_pipeline_tests.infra.planned import EKS, VARIABLES, Planned, client, expires, plan_of
from srl_pipeline_tests.infra.rendered import GPU, NAMESPACE, RELEASE, TOLERATION, of_kind, render
from srl_pipeline_tests.infra.terraform import ROOTS, Terraform, copied, require_terraform
from srl_pipeline_tests.infra.trained import train_by_the_machine
from srl_pipeline_tests.whole_chain import MODEL, STAGES

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


@pytest.mark.chain
@pytest.mark.parametrize("root", ["dev", "prod"])
def test_a_root_is_valid(tmp_path: Path, root: str) -> None:
    terraform = copied(tmp_path, root)
    terraform.run("init", "-backend=false", "-no-color")
    terraform.run("validate", "-no-color")


@pytest.mark.chain
@pytest.mark.timeout(600)
def test_the_modules_pass_their_own_tests(tmp_path: Path) -> None:
    terraform = copied(tmp_path, "modules/installation")
    terraform.run("init", "-backend=false", "-no-color")
    assert "0 failed" in terraform.run("test", "-no-color", seconds=400)


@pytest.fixture(scope="module", params=["dev", "prod"])
def planned(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Planned]:
    """A plan for an empty account; prod has a cluster, keeps its state in the emulator's S3 and locks it there."""
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
        yield plan_of(terraform, **({"eks": EKS} if request.param == "prod" else {}))


with_a_cluster = pytest.mark.parametrize("planned", ["prod"], indirect=True)


@pytest.mark.chain
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
        """Only what a job needs while it runs does; its folders are not those of any artifact."""
        (versioning,) = planned.of_kind("aws_s3_bucket_versioning")
        assert versioning["versioning_configuration"][0]["status"] == "Enabled"
        (lifecycle,) = planned.of_kind("aws_s3_bucket_lifecycle_configuration")
        expired = {
            r["filter"][0]["prefix"]: [e["days"] for e in r["expiration"]] for r in lifecycle["rule"] if expires(r)
        }
        assert expired == {f"artifacts/{folder}/": [30] for folder in ("_saved", "_requests", "_pipes")}
        assert not any(rule.get("transition") for rule in lifecycle["rule"])
        uploads = [r["abort_incomplete_multipart_upload"] for r in lifecycle["rule"]]
        assert [{"days_after_initiation": 7}] in uploads

    def test_a_cluster_is_made_only_where_it_is_asked_for(self, planned: Planned) -> None:
        clusters = [address for address in planned.resources if ".aws_eks_cluster." in address]
        (table,) = planned.of_kind("aws_dynamodb_table")
        assert len(clusters) == (table["tags_all"]["environment"] == "prod")

    @with_a_cluster
    def test_pods_that_ask_aws_are_handed_roles_by_the_names_of_the_chart(self, planned: Planned) -> None:
        bindings = planned.of_kind("aws_eks_pod_identity_association")
        accounts = of_kind(render({"training": {"ownPod": True}}), "ServiceAccount")
        assert {b["namespace"] for b in bindings} == {NAMESPACE}
        assert {b["service_account"] for b in bindings} == set(accounts) - {f"{RELEASE}-daemon"}

    @with_a_cluster
    def test_the_charts_trainings_find_the_nodes_with_gpus(self, planned: Planned) -> None:
        (pool,) = [p for p in planned.of_kind("aws_eks_node_group") if p["node_group_name"] == "gpu"]
        assert [(t["key"], t["effect"]) for t in pool["taint"]] == [(TOLERATION["key"], "NO_SCHEDULE")]
        assert pool["labels"] == GPU["nodeSelector"]
        assert pool["scaling_config"][0]["desired_size"] == 0

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


@pytest.mark.chain
@pytest.mark.timeout(1800)
def test_it_is_made_stays_as_it_was_planned_trains_a_model_and_is_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with emulated_aws() as url:
        execute_state_machines(url)
        terraform = copied(tmp_path, "dev", endpoint=url)
        terraform.run("init", "-input=false", "-no-color")
        planned = plan_of(terraform)
        terraform.run("apply", "-input=false", "-no-color", "-lock-timeout=30s", "plan", seconds=400)

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

        with monkeypatch.context() as patch:
            store = train_by_the_machine(made, url, tmp_path, patch)
            for stage in STAGES:
                [trained] = store.versions(stage, MODEL)
                assert trained.manifest.failed_gates == [] and store.missing(trained) == []
        terraform.run("destroy", "-auto-approve", "-input=false", "-no-color", "-lock-timeout=30s", seconds=400)
        assert "values" not in terraform.show()
        assert client("dynamodb", url).list_tables()["TableNames"] == []
        assert client("s3", url).list_buckets()["Buckets"] == []
        assert len(planned.resources) > 50
