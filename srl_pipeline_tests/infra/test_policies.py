"""What each role may do and what it may not, judged by the policies that Terraform renders."""

from __future__ import annotations

import json
from typing import Any

import pytest

from srl_pipeline.tuning.providers.bedrock_data import PREFIX
from srl_pipeline_tests.infra.iam import Policy, as_list, decide
from srl_pipeline_tests.infra.terraform import copied

ACCOUNT, REGION, NAME = "123456789012", "eu-central-1", "srl-dev"
BUCKET = "arn:aws:s3:::srl-dev-artifacts"
ARTIFACT = f"{BUCKET}/artifacts/srl_checkpoint/buildings/1/manifest.json"
REQUEST = f"{BUCKET}/artifacts/_requests/7/request.json"
SAVE = f"{BUCKET}/artifacts/_saved/srl_checkpoint/buildings/1/manifest.json"
MESSAGE = f"{BUCKET}/artifacts/_pipes/7/1.json"
TUNING_DATA = f"{BUCKET}/{PREFIX}0123/train.jsonl"
TABLE = f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/srl-dev-state"
KEY = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/11111111-2222-3333-4444-555555555555"
TOPIC = f"arn:aws:sns:{REGION}:{ACCOUNT}:srl-dev-alerts"
JOB = f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:training-job/srl-dev-7-srl-0"
LOG = f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:/aws/sagemaker/TrainingJobs:log-stream:srl-dev-7-srl-0/algo-1"
CHAIN = f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:srl-dev-training-chain"
EXECUTION = f"arn:aws:states:{REGION}:{ACCOUNT}:execution:srl-dev-training-chain:7"
RULE = f"arn:aws:events:{REGION}:{ACCOUNT}:rule/StepFunctionsGetEventsForSageMakerTrainingJobsRule"
IMAGES = f"arn:aws:ecr:{REGION}:{ACCOUNT}:repository/srl-dev"
STRANGER = "999999999999"


def role(kind: str) -> str:
    return f"arn:aws:iam::{ACCOUNT}:role/{NAME}-{kind}"


SAGEMAKER = {"iam:PassedToService": "sagemaker.amazonaws.com"}
BEDROCK = {"iam:PassedToService": "bedrock.amazonaws.com"}

MATRIX: list[tuple[str, str, str, dict[str, str], bool]] = [
    ("control-plane", "s3:GetObject", ARTIFACT, {}, True),
    ("control-plane", "s3:ListBucket", BUCKET, {}, True),
    ("control-plane", "s3:PutObject", ARTIFACT, {}, False),
    ("control-plane", "dynamodb:Query", TABLE, {}, True),
    ("control-plane", "dynamodb:DescribeTable", TABLE, {}, True),
    ("control-plane", "dynamodb:UpdateItem", TABLE, {}, True),
    ("control-plane", "dynamodb:UpdateContinuousBackups", TABLE, {}, False),
    ("control-plane", "sagemaker:CreateTrainingJob", JOB, {}, False),
    ("control-plane", "iam:PassRole", role("training"), SAGEMAKER, False),
    ("run", "s3:PutObject", ARTIFACT, {}, True),
    ("run", "s3:DeleteObject", ARTIFACT, {}, True),
    ("run", "s3:DeleteObjectVersion", ARTIFACT, {}, False),
    ("run", "s3:GetObject", f"{BUCKET}/other/secret.json", {}, False),
    ("run", "s3:GetObject", f"{BUCKET}/artifacts-of-others/x", {}, False),
    ("run", "s3:GetObject", "arn:aws:s3:::another-bucket/artifacts/x", {}, False),
    ("run", "s3:ListBucket", BUCKET, {}, True),
    ("run", "s3:ListBucket", "arn:aws:s3:::another-bucket", {}, False),
    ("run", "s3:PutObject", REQUEST, {}, True),
    ("run", "s3:GetObject", MESSAGE, {}, True),
    ("run", "s3:GetObject", SAVE, {}, True),
    ("run", "s3:PutObject", TUNING_DATA, {}, True),
    ("run", "s3:GetBucketVersioning", BUCKET, {}, True),
    ("run", "s3:PutBucketPolicy", BUCKET, {}, False),
    ("run", "s3:PutLifecycleConfiguration", BUCKET, {}, False),
    ("run", "dynamodb:UpdateItem", TABLE, {}, True),
    ("run", "dynamodb:ConditionCheckItem", TABLE, {}, False),
    ("run", "dynamodb:BatchGetItem", TABLE, {}, False),
    ("run", "dynamodb:Scan", TABLE, {}, False),
    ("run", "dynamodb:DeleteTable", TABLE, {}, False),
    ("run", "dynamodb:GetItem", TABLE.replace("srl-dev", "srl-prod"), {}, False),
    ("run", "kms:Decrypt", KEY, {}, True),
    ("run", "kms:ScheduleKeyDeletion", KEY, {}, False),
    ("run", "sagemaker:CreateTrainingJob", JOB, {}, True),
    ("run", "sagemaker:StopTrainingJob", JOB, {}, True),
    ("run", "sagemaker:StopTrainingJob", JOB.replace("srl-dev", "srl-prod"), {}, False),
    ("run", "sagemaker:CreateEndpoint", JOB.replace("training-job", "endpoint"), {}, False),
    ("run", "iam:PassRole", role("training"), SAGEMAKER, True),
    ("run", "iam:PassRole", role("training"), {"iam:PassedToService": "ec2.amazonaws.com"}, False),
    ("run", "iam:PassRole", role("training"), {}, False),
    ("run", "iam:PassRole", role("control-plane"), SAGEMAKER, False),
    ("run", "iam:PassRole", role("bedrock-tuning"), BEDROCK, True),
    ("run", "iam:PassRole", role("bedrock-tuning"), SAGEMAKER, False),
    ("run", "iam:CreateRole", role("more"), {}, False),
    ("run", "logs:GetLogEvents", LOG, {}, True),
    ("run", "logs:GetLogEvents", LOG.replace("srl-dev", "srl-prod"), {}, False),
    ("run", "states:StartExecution", CHAIN, {}, True),
    ("run", "states:StartExecution", CHAIN.replace("srl-dev", "srl-prod"), {}, False),
    ("run", "states:DescribeExecution", EXECUTION, {}, True),
    ("run", "states:DescribeExecution", EXECUTION.replace("srl-dev", "srl-prod"), {}, False),
    ("run", "states:StopExecution", EXECUTION, {}, False),
    ("run", "states:UpdateStateMachine", CHAIN, {}, False),
    ("control-plane", "states:StartExecution", CHAIN, {}, False),
    ("training", "s3:PutObject", ARTIFACT, {}, True),
    ("training", "s3:DeleteObjectVersion", ARTIFACT, {}, False),
    ("training", "s3:GetObject", REQUEST, {}, True),
    ("training", "s3:PutObject", SAVE, {}, True),
    ("training", "s3:GetObject", SAVE, {}, True),
    ("training", "s3:ListBucket", BUCKET, {}, True),
    ("training", "s3:PutObject", MESSAGE, {}, True),
    ("training", "s3:PutObject", f"{BUCKET}/_saved/x", {}, False),
    ("training", "s3:PutObject", TUNING_DATA, {}, False),
    ("training", "s3:PutObject", "arn:aws:s3:::another-bucket/artifacts/_saved/x", {}, False),
    ("training", "s3:PutLifecycleConfiguration", BUCKET, {}, False),
    ("training", "states:StartExecution", CHAIN, {}, False),
    ("training", "kms:CreateGrant", KEY, {"kms:GrantIsForAWSResource": "true"}, True),
    ("training", "kms:CreateGrant", KEY, {"kms:GrantIsForAWSResource": "false"}, False),
    ("run", "kms:CreateGrant", KEY, {"kms:GrantIsForAWSResource": "true"}, False),
    ("training", "dynamodb:GetItem", TABLE, {}, False),
    ("training", "dynamodb:PutItem", TABLE, {}, False),
    ("training", "ecr:BatchGetImage", f"{IMAGES}/trainer", {}, True),
    ("training", "ecr:BatchGetImage", f"{IMAGES}/control-plane", {}, False),
    ("training", "ecr:PutImage", f"{IMAGES}/trainer", {}, False),
    ("training", "sagemaker:CreateTrainingJob", JOB, {}, False),
    ("training", "iam:PassRole", role("training"), SAGEMAKER, False),
    ("step-functions", "sagemaker:CreateTrainingJob", JOB, {}, True),
    ("step-functions", "sagemaker:AddTags", JOB, {}, True),
    ("step-functions", "iam:PassRole", role("training"), SAGEMAKER, True),
    ("step-functions", "iam:PassRole", role("run"), SAGEMAKER, False),
    ("step-functions", "events:PutRule", RULE, {}, True),
    ("step-functions", "events:PutTargets", RULE, {}, True),
    ("step-functions", "events:DescribeRule", RULE, {}, True),
    ("step-functions", "events:PutRule", RULE.replace("StepFunctions", "Other"), {}, False),
    ("step-functions", "dynamodb:GetItem", TABLE, {}, True),
    ("step-functions", "dynamodb:PutItem", TABLE, {}, False),
    ("step-functions", "sns:Publish", TOPIC, {}, True),
    ("step-functions", "sns:Publish", TOPIC.replace("srl-dev", "other"), {}, False),
    ("step-functions", "states:StartExecution", CHAIN, {}, False),
    ("step-functions", "s3:GetObject", ARTIFACT, {}, False),
    ("step-functions", "s3:GetObject", REQUEST, {}, False),
    ("bedrock-tuning", "s3:GetObject", TUNING_DATA, {}, True),
    ("bedrock-tuning", "s3:PutObject", TUNING_DATA, {}, True),
    ("bedrock-tuning", "s3:GetObject", ARTIFACT, {}, False),
    ("bedrock-tuning", "s3:PutObject", ARTIFACT, {}, False),
    ("bedrock-tuning", "dynamodb:GetItem", TABLE, {}, False),
]


@pytest.fixture(scope="module")
def rendered(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Policy]]:
    """``permissions`` and ``trusts``: role -> policy. The module has no provider: rendering needs no account."""
    terraform = copied(tmp_path_factory.mktemp("policies"), "modules/iam/policies", provider=False)
    variables = {
        "name": NAME,
        "partition": "aws",
        "account": ACCOUNT,
        "region": REGION,
        "bucket": BUCKET.rpartition(":")[2],
        "prefix": "artifacts",
        "table": "srl-dev-state",
        "kms_key_arn": KEY,
        "topic_arn": TOPIC,
        "trusted_services": ["pods.eks.amazonaws.com"],
        "trusted_arns": [],
    }
    (terraform.folder / "terraform.tfvars.json").write_text(json.dumps(variables))
    terraform.run("init", "-no-color")
    terraform.run("apply", "-auto-approve", "-no-color", "-lock-timeout=30s")
    outputs: dict[str, Any] = json.loads(terraform.run("output", "-json"))
    return {
        name: {kind: json.loads(text) for kind, text in outputs[name]["value"].items()}
        for name in ("permissions", "trusts")
    }


def test_each_role_may_do_what_it_needs_and_nothing_else(rendered: dict[str, dict[str, Policy]]) -> None:
    wrong = [
        f"{kind}: {action} on {resource} {context}: {decision}"
        for kind, action, resource, context, allowed in MATRIX
        if ((decision := decide([rendered["permissions"][kind]], action, resource, context)) == "allow") != allowed
    ]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize(
    ("kind", "service", "source"),
    [
        ("training", "sagemaker.amazonaws.com", ""),
        ("step-functions", "states.amazonaws.com", f"arn:aws:states:{REGION}:%s:stateMachine:srl-dev-training-chain"),
        ("bedrock-tuning", "bedrock.amazonaws.com", f"arn:aws:bedrock:{REGION}:%s:model-customization-job/1"),
        ("run", "pods.eks.amazonaws.com", ""),
        ("control-plane", "pods.eks.amazonaws.com", ""),
        ("training", "pods.eks.amazonaws.com", ""),
    ],
)
def test_a_service_takes_a_role_for_this_account_alone(
    rendered: dict[str, dict[str, Policy]], kind: str, service: str, source: str
) -> None:
    statements = rendered["trusts"][kind]["Statement"]
    (statement,) = [s for s in statements if as_list(s["Principal"]["Service"]) == [service]]
    trust: Policy = {"Statement": [{**statement, "Resource": "*"}]}  # a trust policy speaks of its own role
    for account, decision in ((ACCOUNT, "allow"), (STRANGER, "implicit deny")):
        context = {"aws:SourceAccount": account, **({"aws:SourceArn": source % account} if source else {})}
        assert decide([trust], "sts:AssumeRole", role(kind), context) == decision


def test_no_role_is_taken_by_a_service_that_has_no_use_for_it(rendered: dict[str, dict[str, Policy]]) -> None:
    services = {
        kind: {name for s in trust["Statement"] for name in as_list(s["Principal"]["Service"])}
        for kind, trust in rendered["trusts"].items()
    }
    assert services == {
        "control-plane": {"pods.eks.amazonaws.com"},
        "run": {"pods.eks.amazonaws.com"},
        "training": {"pods.eks.amazonaws.com", "sagemaker.amazonaws.com"},
        "step-functions": {"states.amazonaws.com"},
        "bedrock-tuning": {"bedrock.amazonaws.com"},
    }


def test_any_resource_is_named_only_where_aws_offers_no_narrower_one(rendered: dict[str, dict[str, Policy]]) -> None:
    wide = {
        action
        for policy in rendered["permissions"].values()
        for statement in policy["Statement"]
        if "*" in as_list(statement["Resource"])
        for action in as_list(statement["Action"])
    }
    assert {a for a in wide if not a.startswith(("ec2:Describe", "logs:"))} == {"ecr:GetAuthorizationToken"}
    logs = {a for a in wide if a.startswith("logs:")}
    assert all("LogDeliver" in a or "ResourcePolic" in a or a == "logs:DescribeLogGroups" for a in logs)


def test_no_action_is_a_wildcard(rendered: dict[str, dict[str, Policy]]) -> None:
    for policy in rendered["permissions"].values():
        for statement in policy["Statement"]:
            assert statement["Effect"] == "Allow"
            assert not [action for action in as_list(statement["Action"]) if "*" in action]
