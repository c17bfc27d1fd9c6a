"""The cluster on an emulator; what it is planned to be is in test_terraform.py and in the modules' own tests."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from srl_pipeline_tests.infra.emulator import emulated_aws
from srl_pipeline_tests.infra.planned import EKS, VARIABLES, client
from srl_pipeline_tests.infra.terraform import copied


@pytest.mark.chain
@pytest.mark.timeout(900)
def test_a_cluster_its_roles_and_its_templates_are_made_and_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As far as the emulator goes: it has no add-ons, for which nodes wait, and no Pod Identity associations.

    Nor is a second plan empty: it forgets who may enter a cluster, and adds tags to templates.
    """
    monkeypatch.setenv("MOTO_IAM_LOAD_MANAGED_POLICIES", "true")
    module = "module.installation.module.eks[0]."
    made = ("aws_eks_cluster.this", "aws_launch_template.node", "aws_iam_role_policy_attachment.node")
    targets = [f"-target={module}{name}" for name in (*made, "aws_iam_role_policy_attachment.cni")]
    settings = ["-input=false", "-no-color", "-lock-timeout=30s"]
    with emulated_aws() as url:
        terraform = copied(tmp_path, "dev", endpoint=url)
        terraform.run("init", "-input=false", "-no-color")
        (terraform.folder / "terraform.tfvars.json").write_text(json.dumps(VARIABLES | {"eks": EKS}))
        terraform.run("apply", "-auto-approve", *settings, *targets, seconds=400)

        cluster = client("eks", url).describe_cluster(name="srl-dev")["cluster"]
        assert cluster["resourcesVpcConfig"]["endpointPublicAccess"] is False
        assert cluster["encryptionConfig"][0]["resources"] == ["secrets"]
        attached = client("iam", url).list_attached_role_policies(RoleName="srl-dev-eks-node")["AttachedPolicies"]
        names = {policy["PolicyName"] for policy in attached}
        assert names == {"AmazonEKSWorkerNodePolicy", "AmazonEC2ContainerRegistryPullOnly"}

        terraform.run("destroy", "-auto-approve", *settings, seconds=400)
        assert client("eks", url).list_clusters()["clusters"] == []
