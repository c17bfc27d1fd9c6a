"""The chart, rendered by Helm in every shape that it has: what Kubernetes accepts, and what we promise of every pod."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import kubernetes_validate.utils
import pytest

from srl_pipeline.registry.actor import ACTOR, actor
from srl_pipeline_tests.infra.rendered import (
    CHART,
    MATRIX,
    NAMESPACE,
    RELEASE,
    TOLERATION,
    Object,
    Pod,
    of_kind,
    pods,
    render,
    values,
    write_kubeconfig,
)

KUBERNETES = ("1.27", "1.37")
"""The oldest version that the chart allows, and the newest whose schemas are at hand."""
RESTRICTED_VOLUMES = {"configMap", "emptyDir", "persistentVolumeClaim", "secret", "projected", "downwardAPI", "csi"}
"""Of the Pod Security Standard `restricted`."""
NEEDS_TOKEN = {"webserver", "daemon"}
"""Components that talk to Kubernetes; runs join them where they start pods for trainings."""
SECRET_NAMES = ("_KEY", "_KEY_ID", "TOKEN", "SECRET", "PASSWORD")


@cache
def objects_of(shape: str) -> list[Object]:
    return render(MATRIX[shape])


@cache
def pods_of(shape: str) -> list[Pod]:
    with TemporaryDirectory() as folder:
        return pods(objects_of(shape), write_kubeconfig(Path(folder) / "config", "http://127.0.0.1:9"))


shapes = pytest.mark.parametrize("shape", MATRIX)


@pytest.mark.parametrize("version", KUBERNETES)
def test_every_object_and_every_pod_is_valid_for_kubernetes(version: str, monkeypatch: pytest.MonkeyPatch) -> None:
    # its schemas are read once: it reads megabytes for every object
    monkeypatch.setattr(kubernetes_validate.utils, "schema_contents", cache(kubernetes_validate.utils.schema_contents))
    found = [one for shape in MATRIX for one in objects_of(shape) if one["kind"] != "ExternalSecret"]  # see below
    found += [pod.object for shape in MATRIX for pod in pods_of(shape) if pod.component in ("run", "training")]
    different = {json.dumps({**one, "metadata": one["metadata"]["labels"]}, sort_keys=True): one for one in found}
    assert len(different) > 40
    for one in different.values():
        kubernetes_validate.validate(one, version, strict=True)


@shapes
def test_names_are_unique_and_in_the_namespace_of_the_release(shape: str) -> None:
    names = [(found["kind"], found["metadata"]["name"]) for found in objects_of(shape)]
    assert len(names) == len(set(names))
    assert {found["metadata"]["namespace"] for found in objects_of(shape)} == {NAMESPACE}


@shapes
def test_every_component_is_there(shape: str) -> None:
    own = {"training"} if MATRIX[shape].get("training", {}).get("ownPod") else set()
    assert {pod.component for pod in pods_of(shape)} == {"webserver", "daemon", "code-location", "run"} | own


@shapes
def test_no_pod_is_root_or_can_become_it(shape: str) -> None:
    for pod in pods_of(shape):
        security = pod.spec["securityContext"]
        assert security["runAsNonRoot"] is True and security["runAsUser"] > 0 and security["runAsGroup"] > 0
        assert security["seccompProfile"] == {"type": "RuntimeDefault"}
        for container in pod.containers:
            own = container["securityContext"]
            assert own["allowPrivilegeEscalation"] is False and own["privileged"] is False
            assert own["capabilities"] == {"drop": ["ALL"]}
            assert not {"runAsUser", "seccompProfile"} & own.keys(), "the pod's are not to be overridden"


@shapes
def test_root_file_systems_are_read_only_and_only_scratch_is_writable(shape: str) -> None:
    for pod in pods_of(shape):
        kinds = {volume["name"]: (set(volume) - {"name"}).pop() for volume in pod.spec["volumes"]}
        assert set(kinds.values()) <= RESTRICTED_VOLUMES
        for volume in pod.spec["volumes"]:
            assert "sizeLimit" in volume.get("emptyDir", {"sizeLimit": ""})
        for container in pod.containers:
            assert container["securityContext"]["readOnlyRootFilesystem"] is True
            for mount in container["volumeMounts"]:
                assert mount.get("readOnly") or kinds[mount["name"]] in ("emptyDir", "persistentVolumeClaim")
            assert "/tmp" in {mount["mountPath"] for mount in container["volumeMounts"]}


@shapes
def test_no_pod_reaches_into_its_node(shape: str) -> None:
    for pod in pods_of(shape):
        assert not {"hostNetwork", "hostPID", "hostIPC"} & pod.spec.keys()
        assert not any("hostPort" in port for one in pod.containers for port in one.get("ports", []))


@shapes
def test_every_container_asks_for_and_is_limited_in_processor_memory_and_disk(shape: str) -> None:
    for pod in pods_of(shape):
        for container in pod.containers:
            for side in ("requests", "limits"):
                assert {"cpu", "memory", "ephemeral-storage"} <= container["resources"][side].keys(), pod.component


@shapes
def test_images_have_a_fixed_tag(shape: str) -> None:
    for pod in pods_of(shape):
        for container in pod.containers:
            assert ":" in container["image"] and not container["image"].endswith(":latest")


@shapes
def test_no_value_of_a_secret_is_in_any_object(shape: str) -> None:
    assert not of_kind(objects_of(shape), "Secret")
    for pod in pods_of(shape):
        for variable in (variable for one in pod.containers for variable in one["env"]):
            if variable["name"].endswith(SECRET_NAMES):
                assert "value" not in variable and "secretKeyRef" in variable["valueFrom"]
    for found in of_kind(objects_of(shape), "ConfigMap").values():
        assert not any(name.endswith(SECRET_NAMES) for name in found.get("data", {}))


@shapes
def test_trainings_see_no_key_of_a_teacher_and_no_password(shape: str) -> None:
    for pod in pods_of(shape):
        if pod.component == "training":
            sources = [source["secretRef"]["name"] for source in pod.containers[0]["envFrom"] if "secretRef" in source]
            assert sources == MATRIX[shape].get("secrets", {}).get("cloud", [])
            assert "DAGSTER_PG_PASSWORD" not in {variable["name"] for variable in pod.containers[0]["env"]}


@shapes
def test_every_server_has_probes(shape: str) -> None:
    for pod in pods_of(shape):
        if pod.object["kind"] == "Deployment":
            assert {"startupProbe", "livenessProbe"} <= pod.containers[0].keys()
            assert "readinessProbe" in pod.containers[0] or pod.component == "daemon", "the daemon serves nobody"


@shapes
def test_only_those_who_talk_to_kubernetes_hold_a_token(shape: str) -> None:
    own = {"run"} if MATRIX[shape].get("training", {}).get("ownPod") else set()
    for pod in pods_of(shape):
        assert pod.spec["automountServiceAccountToken"] is (pod.component in NEEDS_TOKEN | own)
        account = of_kind(objects_of(shape), "ServiceAccount")[pod.spec["serviceAccountName"]]
        assert account["automountServiceAccountToken"] is False
    bound = {found["subjects"][0]["name"] for found in of_kind(objects_of(shape), "RoleBinding").values()}
    assert bound == {f"{RELEASE}-{name}" for name in NEEDS_TOKEN | own}


@shapes
def test_roles_are_of_the_namespace_and_name_what_they_allow(shape: str) -> None:
    assert not of_kind(objects_of(shape), "ClusterRole") and not of_kind(objects_of(shape), "ClusterRoleBinding")
    for role in of_kind(objects_of(shape), "Role").values():
        for rule in role["rules"]:
            assert "*" not in rule["verbs"] + rule["resources"] + rule["apiGroups"]
            assert set(rule["resources"]) <= {"pods", "pods/log", "events", "jobs", "jobs/status"}
            assert set(rule["verbs"]) <= {"get", "list", "create", "delete"}


@shapes
def test_what_has_no_second_pod_has_no_disruption_budget(shape: str) -> None:
    # one that forbids the eviction of an only pod would keep a node from ever being emptied
    replicas = MATRIX[shape].get("webserver", {}).get("replicas", 2)
    budgets = of_kind(objects_of(shape), "PodDisruptionBudget")
    assert list(budgets) == ([f"{RELEASE}-webserver"] if replicas > 1 else [])


@pytest.mark.parametrize(
    ("shape", "component"), [("gpus in the run", "run"), ("gpus in pods of their own", "training")]
)
def test_who_trains_has_the_gpus_and_may_go_to_their_nodes(shape: str, component: str) -> None:
    for pod in pods_of(shape):
        resources = pod.containers[0]["resources"]
        trains = pod.component == component
        for side in ("requests", "limits"):
            assert resources[side].get("nvidia.com/gpu") in ([2, "2"] if trains else [None])
        assert pod.spec.get("tolerations", []) == ([TOLERATION] if trains else [])
        assert pod.spec.get("nodeSelector", {}) == ({"pool": "gpu"} if trains else {})


def test_work_that_would_have_to_be_resumed_keeps_its_node() -> None:
    for pod in pods_of("gpus in pods of their own"):
        if pod.component == "training":
            assert pod.object["metadata"]["annotations"]["karpenter.sh/do-not-disrupt"] == "true"
            assert pod.spec["terminationGracePeriodSeconds"] >= 30 and pod.spec["restartPolicy"] == "Never"
        if pod.component == "run":
            template = pod.object["spec"]["template"]
            assert template["metadata"]["annotations"]["cluster-autoscaler.kubernetes.io/safe-to-evict"] == "false"
            assert pod.object["spec"]["backoffLimit"] == 0, "Dagster starts a run again, not Kubernetes"


def test_settings_reach_code_location_runs_and_trainings() -> None:
    shape = "keys, logs, teachers"
    settings = of_kind(objects_of(shape), "ConfigMap")[f"{RELEASE}-settings"]["data"]
    assert settings == {
        "SRL_STORE": "s3://srl-artifacts/prod",
        "SRL_STATE": "dynamodb://srl-state",
        "SRL_PRESET": "embedded",
        "SRL_SETTINGS": '{"budget.month_usd":20}',
        "SRL_TEACHERS": "/etc/srl/teachers.yaml",
        "AWS_REGION": "eu-central-1",
    }
    for pod in pods_of(shape):
        reads = {"configMapRef": {"name": f"{RELEASE}-settings"}} in pod.containers[0].get("envFrom", [])
        assert reads == (pod.component in ("code-location", "run", "training"))


def test_what_decides_and_spends_says_which_release_it_belongs_to(monkeypatch: pytest.MonkeyPatch) -> None:
    told: dict[str, str] = {}
    for pod in pods_of("gpus in pods of their own"):
        given = {one["name"]: one.get("value") for one in pod.containers[0].get("env", [])}
        if ACTOR in given:
            monkeypatch.setenv(ACTOR, given[ACTOR])
            told[pod.component] = actor()
    assert told == dict.fromkeys(("code-location", "run", "training"), f"{RELEASE}@{NAMESPACE}")


def test_an_external_secret_names_its_source_and_fills_the_secret_that_pods_read() -> None:
    found = of_kind(objects_of("external secrets"), "ExternalSecret")
    assert set(found) == {"srl-postgres", "teacher-keys"}
    for name, one in found.items():
        assert one["apiVersion"] == "external-secrets.io/v1"
        assert one["spec"].keys() == {"refreshInterval", "secretStoreRef", "target", "data"}
        assert one["spec"]["secretStoreRef"] == {"name": "vault", "kind": "ClusterSecretStore"}
        assert one["spec"]["target"] == {"name": name, "creationPolicy": "Owner"}
    assert found["srl-postgres"]["spec"]["data"] == [
        {"secretKey": "postgresql-password", "remoteRef": {"key": "srl/pg", "property": "password"}}
    ]
    assert not of_kind(objects_of("minimal"), "ExternalSecret")


def test_helm_finds_no_fault_with_the_chart() -> None:
    import helm_python

    report = helm_python.lint(CHART, values({}), strict=True)
    assert not report["errors"] and {message["error"] for message in report["messages"]} <= {"icon is recommended"}
