"""The judge of policies follows AWS's rules."""

from __future__ import annotations

from typing import Any

import pytest

from srl_pipeline_tests.infra.iam import Policy, decide

BUCKET = "arn:aws:s3:::artifacts"
OBJECT = f"{BUCKET}/a/b.json"


def policy(effect: str, action: Any, resource: Any, **more: Any) -> Policy:
    return {"Statement": [{"Effect": effect, "Action": action, "Resource": resource, **more}]}


def test_what_nobody_allows_is_denied() -> None:
    assert decide([policy("Allow", "s3:GetObject", OBJECT)], "s3:PutObject", OBJECT, {}) == "implicit deny"


def test_a_deny_beats_any_number_of_allows() -> None:
    policies = [
        policy("Allow", "*", "*"),
        policy("Deny", "s3:*", f"{BUCKET}/*"),
        policy("Allow", "s3:GetObject", OBJECT),
    ]
    assert decide(policies, "s3:GetObject", OBJECT, {}) == "explicit deny"


def test_actions_are_compared_without_case_and_resources_with_it() -> None:
    allowed = [policy("Allow", "s3:getobject", OBJECT)]
    assert decide(allowed, "s3:GetObject", OBJECT, {}) == "allow"
    assert decide(allowed, "s3:GetObject", OBJECT.upper(), {}) == "implicit deny"


@pytest.mark.parametrize(
    ("pattern", "action", "decision"),
    [
        ("s3:Get*", "s3:GetObject", "allow"),
        ("s3:Get*", "s3:PutObject", "implicit deny"),
        ("s3:GetObjec?", "s3:GetObject", "allow"),
        ("s3:GetObject?", "s3:GetObject", "implicit deny"),
        ("s3.GetObject", "s3:GetObject", "implicit deny"),
    ],
)
def test_wildcards_stand_for_characters(pattern: str, action: str, decision: str) -> None:
    assert decide([policy("Allow", pattern, "*")], action, OBJECT, {}) == decision


def test_the_objects_of_a_bucket_are_not_the_bucket() -> None:
    assert decide([policy("Allow", "s3:*", f"{BUCKET}/*")], "s3:ListBucket", BUCKET, {}) == "implicit deny"


@pytest.mark.parametrize(
    ("condition", "context", "decision"),
    [
        ({"StringEquals": {"aws:SourceAccount": ["1", "2"]}}, {"AWS:sourceaccount": "2"}, "allow"),
        ({"StringEquals": {"aws:SourceAccount": "1"}}, {"aws:SourceAccount": "3"}, "implicit deny"),
        ({"StringEquals": {"aws:SourceAccount": "1"}}, {}, "implicit deny"),
        ({"StringLike": {"s3:prefix": "a/*"}}, {"s3:prefix": "a/b"}, "allow"),
        ({"StringLike": {"s3:prefix": "a/*"}}, {"s3:prefix": "b"}, "implicit deny"),
        (
            {"StringLike": {"s3:prefix": "a/*"}, "Bool": {"x": "true"}},
            {"s3:prefix": "a/b", "x": "false"},
            "implicit deny",
        ),
        ({"ArnLike": {"aws:SourceArn": "arn:aws:x:*:1:job/*"}}, {"aws:SourceArn": "arn:aws:x:r:1:job/7"}, "allow"),
        (
            {"ArnLike": {"aws:SourceArn": "arn:aws:x:*:job/*"}},
            {"aws:SourceArn": "arn:aws:x:r:1:job/7"},
            "implicit deny",
        ),
    ],
)
def test_all_lines_of_a_condition_must_hold_and_one_value_of_each(
    condition: dict[str, Any], context: dict[str, str], decision: str
) -> None:
    assert decide([policy("Allow", "s3:*", "*", Condition=condition)], "s3:ListBucket", BUCKET, context) == decision


@pytest.mark.parametrize("more", [{"NotResource": "*"}, {"Condition": {"StringNotLike": {"a": "b"}}}])
def test_what_it_does_not_understand_it_refuses_to_judge(more: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="not understood"):
        decide([policy("Allow", "s3:*", "*", **more)], "s3:ListBucket", BUCKET, {"a": "c"})
