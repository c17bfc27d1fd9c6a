"""Test-only: the chart in the control plane, in a namespace with a claim and secrets as docs/kubernetes.md asks."""

from __future__ import annotations

import json
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import dagster as dg
import yaml
from kubernetes.dynamic import DynamicClient
from kubernetes.dynamic.exceptions import ConflictError

from srl_pipeline_tests.infra.rendered import NAMESPACE, RELEASE, Object, data, of_kind
from srl_pipeline_tests.k8s.control_plane import ControlPlane, free_port

CLAIM = "srl-home"
USER = 10001
"""As whom the chart runs its pods."""
RESTRICTED: Object = {
    "privileged": False,
    "allowPrivilegeEscalation": False,
    "requiredDropCapabilities": ["ALL"],
    "readOnlyRootFilesystem": True,
    "volumes": ["configMap", "emptyDir", "secret", "persistentVolumeClaim"],
    "runAsUser": {"rule": "MustRunAsNonRoot"},
    "seLinux": {"rule": "RunAsAny"},
    "supplementalGroups": {"rule": "RunAsAny"},
    "fsGroup": {"rule": "MustRunAs", "ranges": [{"min": 1, "max": 65535}]},
}
"""What a namespace labelled `restricted` lets in since Kubernetes 1.25, as a policy of 1.20."""


def prepare(plane: ControlPlane, home: Path) -> None:
    """The namespace that takes restricted pods only, a claim on ``home`` and the secrets that the chart names."""
    home.mkdir(exist_ok=True)
    _make_storage(home / "dagster")
    account = {"kind": "Group", "apiGroup": "rbac.authorization.k8s.io", "name": f"system:serviceaccounts:{NAMESPACE}"}
    runtime = {"seccomp.security.alpha.kubernetes.io/allowedProfileNames": "runtime/default"}
    use = {"apiGroups": ["policy"], "resources": ["podsecuritypolicies"], "verbs": ["use"], "resourceNames": ["own"]}
    size, modes = {"storage": "5Gi"}, ["ReadWriteOnce"]
    claimed = {"capacity": size, "accessModes": modes, "hostPath": {"path": str(home)}, "storageClassName": ""}
    _create(plane, "v1", "Namespace", NAMESPACE)
    _create(plane, "policy/v1beta1", "PodSecurityPolicy", "own", spec=RESTRICTED, annotations=runtime)
    _create(plane, "rbac.authorization.k8s.io/v1", "Role", "restricted", rules=[use])
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "restricted"}
    _create(plane, "rbac.authorization.k8s.io/v1", "RoleBinding", "restricted", roleRef=role, subjects=[account])
    _create(plane, "v1", "PersistentVolume", CLAIM, spec=claimed)
    claim = {"accessModes": modes, "resources": {"requests": size}, "storageClassName": "", "volumeName": CLAIM}
    _create(plane, "v1", "PersistentVolumeClaim", CLAIM, spec=claim)
    _create(plane, "v1", "Secret", "srl-postgres", stringData={"postgresql-password": "unused"})


def _make_storage(folder: Path) -> None:
    """Dagster's SQLite files: webserver, daemon and code location that make them at once leave them with two versions,
    and none of them starts again. PostgreSQL, for which the chart is, makes each table once."""
    with tempfile.TemporaryDirectory() as name:
        settings = {"storage": {"sqlite": {"base_dir": str(folder)}}}
        Path(name, "dagster.yaml").write_text(yaml.safe_dump(settings), encoding="utf-8")
        with dg.DagsterInstance.from_config(name) as instance:
            instance.get_runs_count()
            instance.all_instigator_state()
            instance.event_log_storage.get_maximum_record_id()
    for file in (folder, *folder.rglob("*")):
        os.chown(file, USER, USER)


def apply(plane: ControlPlane, objects: list[Object], **options: Any) -> None:
    """Create or change the objects, as Helm does; raises for what the API server refuses."""
    client: Any = DynamicClient(plane.client(), cache_file=str(plane.folder / "discovery.json"))
    for found in objects:
        kind = client.resources.get(api_version=found["apiVersion"], kind=found["kind"])
        try:
            client.create(kind, body=found, namespace=NAMESPACE, **options)
        except ConflictError:
            merge = {"content_type": "application/merge-patch+json", "name": found["metadata"]["name"]}
            client.patch(kind, body=found, namespace=NAMESPACE, **merge, **options)


def with_tokens(plane: ControlPlane) -> None:
    """Wait until every account has its token: Kubernetes 1.20 makes it afterwards, and lets in no pod before."""

    def complete() -> bool:
        return all(one.secrets for one in plane.api("CoreV1Api").list_namespaced_service_account(NAMESPACE).items)

    until(complete, 60, "token for every service account")


def for_this_version(objects: list[Object]) -> list[Object]:
    """The objects as Kubernetes 1.20 knows them.

    Disruption budgets were beta; a probe could not speak gRPC; objects of the External Secrets Operator need its
    definitions, in every version.
    """
    found = [one for one in objects if not one["apiVersion"].startswith("external-secrets.io")]
    for one in found:
        if one["kind"] == "PodDisruptionBudget":
            one["apiVersion"] = "policy/v1beta1"
        for container in one["spec"]["template"]["spec"]["containers"] if one["kind"] == "Deployment" else []:
            for name in ("startupProbe", "readinessProbe", "livenessProbe"):
                probe = container.get(name, {})
                if "grpc" in probe:
                    probe["tcpSocket"] = {"port": probe.pop("grpc")["port"]}
    return found


def with_files_for_dagster(objects: list[Object]) -> tuple[list[Object], int]:
    """Dagster's storage as SQLite on the claim, servers on ports of their own; also the webserver's port."""
    web, code = free_port(), free_port()
    text = json.dumps(objects).replace('"4000"', f'"{code}"').replace('"3000"', f'"{web}"')
    objects = json.loads(text.replace('"port": 4000', f'"port": {code}'))
    files = of_kind(objects, "ConfigMap")[f"{RELEASE}-instance"]["data"]
    dagster, workspace = data(objects, "instance", "dagster.yaml"), data(objects, "instance", "workspace.yaml")
    dagster["storage"] = {"sqlite": {"base_dir": "/srl/home/dagster"}}
    workspace["load_from"][0]["grpc_server"]["port"] = code
    for name in ("daemon", "webserver"):  # the others have the claim
        pod = of_kind(objects, "Deployment")[f"{RELEASE}-{name}"]["spec"]["template"]["spec"]
        pod["volumes"].append({"name": "database", "persistentVolumeClaim": {"claimName": CLAIM}})
        pod["containers"][0]["volumeMounts"].append({"name": "database", "mountPath": "/srl/home"})
    files |= {"dagster.yaml": yaml.safe_dump(dagster), "workspace.yaml": yaml.safe_dump(workspace)}
    return objects, web


def pods_of(plane: ControlPlane, component: str) -> list[Any]:
    """Pods of a component of the release, the oldest first."""
    found = (
        plane.api("CoreV1Api")
        .list_namespaced_pod(NAMESPACE, label_selector=f"app.kubernetes.io/component={component}")
        .items
    )
    return sorted(found, key=lambda pod: pod.metadata.creation_timestamp)


def until(look: Callable[[], Any], seconds: float, what: str, printed: Callable[[], str] = str) -> Any:
    """What ``look`` finds, as soon as it is something; else an error with what ``printed`` gives."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if found := look():
            return found
        time.sleep(0.3)
    raise AssertionError(f"within {seconds:.0f} s: no {what}\n{printed()}")


def _create(plane: ControlPlane, version: str, kind: str, name: str, annotations: Any = None, **rest: Any) -> None:
    client: Any = DynamicClient(plane.client(), cache_file=str(plane.folder / "discovery.json"))
    resource = client.resources.get(api_version=version, kind=kind)
    metadata = {"name": name, "annotations": annotations or {}}
    body = {"apiVersion": version, "kind": kind, "metadata": metadata, **rest}
    client.create(resource, body=body, namespace=NAMESPACE if resource.namespaced else None)
