"""A real API server takes the chart, lets each account do what its component does, and refuses the rest."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import kubernetes
import pytest
from kubernetes.client import ApiException

from srl_pipeline_tests.infra.rendered import MATRIX, NAMESPACE, RELEASE, Object, pods, render, write_kubeconfig
from srl_pipeline_tests.k8s.control_plane import ControlPlane
from srl_pipeline_tests.k8s.installed import apply, for_this_version, with_tokens

pytestmark = pytest.mark.k8s

LOOK = {("get", "pods"), ("list", "pods"), ("delete", "pods"), ("get", "pods/log"), ("list", "events")}
END = {("get", "jobs"), ("list", "jobs"), ("delete", "jobs"), ("get", "jobs/status")}
ALLOWED = {
    "webserver": LOOK | END,
    "daemon": LOOK | END | {("create", "jobs")},
    "run": LOOK | {("create", "pods")},
    "code-location": set(),
    "training": set(),
}
VERBS = ("get", "list", "watch", "create", "update", "patch", "delete", "deletecollection")
RESOURCES = {
    "": (
        "pods",
        "pods/log",
        "pods/exec",
        "pods/attach",
        "pods/portforward",
        "pods/eviction",
        "events",
        "secrets",
        "configmaps",
        "serviceaccounts",
        "serviceaccounts/token",
        "persistentvolumeclaims",
        "services",
        "nodes",
    ),
    "batch": ("jobs", "jobs/status", "cronjobs"),
    "apps": ("deployments", "daemonsets", "statefulsets"),
    "rbac.authorization.k8s.io": ("roles", "rolebindings", "clusterroles", "clusterrolebindings"),
    "networking.k8s.io": ("networkpolicies",),
}


def may(plane: ControlPlane, account: str, verb: str, group: str, resource: str, namespace: str = NAMESPACE) -> bool:
    """As ``kubectl auth can-i`` asks it."""
    name, _, sub = resource.partition("/")
    asked: Object = {"verb": verb, "group": group, "resource": name, "subresource": sub, "namespace": namespace}
    user = f"system:serviceaccount:{NAMESPACE}:{RELEASE}-{account}"
    groups = ["system:serviceaccounts", f"system:serviceaccounts:{NAMESPACE}", "system:authenticated"]
    review = {"spec": {"user": user, "groups": groups, "resourceAttributes": asked}}
    found = plane.api("AuthorizationV1Api").create_subject_access_review(review)
    return bool(found.status.allowed)


@pytest.fixture(scope="module")
def roles(plane: ControlPlane) -> ControlPlane:
    objects = render({"training": {"ownPod": True}})
    apply(plane, [one for one in objects if one["kind"] in ("ServiceAccount", "Role", "RoleBinding")])
    with_tokens(plane)
    return plane


@pytest.mark.parametrize("shape", MATRIX)
def test_the_api_server_takes_every_object(shape: str, plane: ControlPlane) -> None:
    apply(plane, for_this_version(render(MATRIX[shape])), dry_run="All")


@pytest.mark.parametrize("shape", MATRIX)
def test_the_namespace_of_restricted_pods_lets_every_pod_in(shape: str, roles: ControlPlane, tmp_path: Path) -> None:
    core = roles.api("CoreV1Api")
    for pod in pods(render(MATRIX[shape]), write_kubeconfig(tmp_path / "kubeconfig", "https://127.0.0.1:1")):
        body: Object = {"metadata": {"name": f"{pod.component}-try", "labels": pod.labels}, "spec": pod.spec}
        for_this_version([{"apiVersion": "v1", "kind": "Deployment", "spec": {"template": body}}])
        made = core.create_namespaced_pod(NAMESPACE, body, dry_run="All")
        assert made.spec.service_account_name == f"{RELEASE}-{pod.component}"


@pytest.mark.parametrize(
    "change",
    [{"privileged": True}, {"runAsUser": 0}, {"readOnlyRootFilesystem": False}, {"allowPrivilegeEscalation": True}],
)
def test_the_namespace_refuses_a_pod_that_is_allowed_more(change: Object, roles: ControlPlane, tmp_path: Path) -> None:
    (training,) = [
        pod
        for pod in pods(render({"training": {"ownPod": True}}), write_kubeconfig(tmp_path / "k", "https://127.0.0.1:1"))
        if pod.component == "training"
    ]
    training.spec["containers"][0]["securityContext"] |= change
    body = {"metadata": {"name": "try"}, "spec": training.spec}
    account = f"{RELEASE}-run"
    client = kubernetes.config.new_client_from_config(str(roles.account(NAMESPACE, account)))
    with pytest.raises(ApiException, match="PodSecurityPolicy: unable to admit"):
        kubernetes.client.CoreV1Api(client).create_namespaced_pod(NAMESPACE, body, dry_run="All")


@pytest.mark.parametrize("account", ALLOWED)
def test_an_account_may_do_what_its_component_does_and_nothing_else(account: str, roles: ControlPlane) -> None:
    everything = [(group, name) for group, names in RESOURCES.items() for name in names]
    found = {
        (verb, resource)
        for verb, (group, resource) in itertools.product(VERBS, everything)
        if may(roles, account, verb, group, resource)
    }
    assert found == ALLOWED[account]


@pytest.mark.parametrize("account", ALLOWED)
def test_no_account_reaches_into_another_namespace(account: str, roles: ControlPlane) -> None:
    for verb, resource, group in (("list", "pods", ""), ("get", "secrets", ""), ("create", "jobs", "batch")):
        assert not may(roles, account, verb, group, resource, namespace="kube-system")
        assert not may(roles, account, verb, group, resource, namespace="")


def test_the_token_that_a_pod_gets_is_worth_what_its_role_says(roles: ControlPlane) -> None:
    def acting(account: str) -> Any:
        config = roles.account(NAMESPACE, f"{RELEASE}-{account}")
        return kubernetes.client.CoreV1Api(kubernetes.config.new_client_from_config(str(config)))

    acting("run").list_namespaced_pod(NAMESPACE)
    for account in ("training", "code-location"):
        with pytest.raises(ApiException, match="Forbidden"):
            acting(account).list_namespaced_pod(NAMESPACE)
    with pytest.raises(ApiException, match="Forbidden"):
        acting("run").read_namespaced_secret("srl-postgres", NAMESPACE)
