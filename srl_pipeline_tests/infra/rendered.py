"""Test-only: the chart rendered by Helm, and every pod that comes of it, also those that Dagster makes later."""

from __future__ import annotations

import copy
import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

CHART = Path(__file__).resolve().parents[2] / "infra" / "kubernetes" / "chart"
RELEASE, NAMESPACE = "demo", "learning"
Object = dict[str, Any]

MINIMAL: Object = {
    "images": {
        "controlPlane": "registry.example/srl/control-plane:0.1.0",
        "trainer": "registry.example/srl/trainer:0.1.0",
    },
    "store": "s3://srl-artifacts/prod",
    "state": "dynamodb://srl-state",
    "postgres": {"host": "postgres.data.svc"},
}
TOLERATION = {"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}
GPU = {"gpus": 2, "tolerations": [TOLERATION], "nodeSelector": {"pool": "gpu"}}
EXTERNAL = {
    "enabled": True,
    "store": {"name": "vault"},
    "secrets": [
        {"name": "srl-postgres", "data": [{"key": "postgresql-password", "remote": "srl/pg", "property": "password"}]},
        {"name": "teacher-keys", "data": [{"key": "ANTHROPIC_API_KEY", "remote": "srl/anthropic"}]},
    ],
}
MATRIX: dict[str, Object] = {
    "minimal": {},
    "one webserver": {"webserver": {"replicas": 1}},
    "open to an ingress": {"webserver": {"allowFrom": [{"namespaceSelector": {"matchLabels": {"name": "ingress"}}}]}},
    "gpus in the run": {"preset": "gpu", "training": GPU},
    "gpus in pods of their own": {"preset": "gpu", "training": {**GPU, "ownPod": True}},
    "external secrets": {"externalSecrets": EXTERNAL, "secrets": {"teachers": ["teacher-keys"]}},
    "keys, logs, teachers": {
        "secrets": {"cloud": ["aws-keys"], "teachers": ["teacher-keys"]},
        "computeLogs": {"bucket": "srl-logs"},
        "environment": {"AWS_REGION": "eu-central-1"},
        "teachers": {"version": 1, "teachers": {"search": {"kind": "search"}}},
        "settings": {"budget.month_usd": 20},
        "images": {"pullSecrets": ["registry"]},
        "training": {"ownPod": True},
        "serviceAccountAnnotations": {"training": {"eks.amazonaws.com/role-arn": "arn:aws:iam::1:role/training"}},
    },
    "one node": {"store": "", "state": "", "home": {"claim": "srl-home"}},
}


@dataclass(frozen=True)
class Pod:
    """A pod that the release makes: by which object, its labels, its specification as Kubernetes takes it."""

    component: str
    labels: dict[str, str]
    spec: Object
    object: Object

    @property
    def containers(self) -> list[Object]:
        return [*self.spec["containers"], *self.spec.get("initContainers", [])]


def values(changes: Object) -> Object:
    """The least that an installation must say, with ``changes`` laid over it."""
    return _laid_over(MINIMAL, changes)


def render(changes: Object) -> list[Object]:
    """All objects of the release, as Helm renders them; raises HelmValuesError for values that the schema refuses."""
    return copy.deepcopy(_rendered(json.dumps(values(changes), sort_keys=True)))


@cache
def _rendered(given: str) -> list[Object]:
    import helm_python

    with helm_python.Chart.load(CHART) as chart:
        files = chart.render(json.loads(given), name=RELEASE, namespace=NAMESPACE)
    texts = [text for name, text in files.items() if name.endswith(".yaml")]
    return [found for text in texts for found in yaml.load_all(text, yaml.CSafeLoader) if found]


def of_kind(objects: list[Object], kind: str) -> dict[str, Object]:
    return {found["metadata"]["name"]: found for found in objects if found["kind"] == kind}


def data(objects: list[Object], name: str, file: str) -> Object:
    """The YAML in a file of a ConfigMap."""
    text = of_kind(objects, "ConfigMap")[f"{RELEASE}-{name}"]["data"][file]
    return yaml.load(text, yaml.CSafeLoader)


def launcher(objects: list[Object], kubeconfig: Path) -> Any:
    """Dagster's own run launcher, made from the chart's dagster.yaml; ``kubeconfig`` says where its cluster is."""
    from dagster._config import process_config
    from dagster_k8s import K8sRunLauncher

    config = data(objects, "instance", "dagster.yaml")["run_launcher"]["config"]
    checked = process_config(K8sRunLauncher.config_type(), config)
    assert checked.success, checked.errors
    outside = {"load_incluster_config": False, "kubeconfig_file": str(kubeconfig)}
    return K8sRunLauncher.from_config_value(None, {**(checked.value or {}), **outside})


def run_job(objects: list[Object], kubeconfig: Path) -> Object:
    """The Job that Dagster makes for a run, built by Dagster's own code from the chart's dagster.yaml."""
    import kubernetes
    from dagster import DagsterRun
    from dagster_k8s.job import construct_dagster_k8s_job, get_job_name_from_run_id

    starter = launcher(objects, kubeconfig)
    run = DagsterRun(job_name="regenerate")
    context = starter.get_container_context_for_run(run)
    name = get_job_name_from_run_id(run.run_id)
    job = construct_dagster_k8s_job(
        job_config=context.get_k8s_job_config(job_image=None, run_launcher=starter),
        args=["dagster", "api", "execute_run", "{}"],
        job_name=name,
        pod_name=name,
        component="run_worker",
        user_defined_k8s_config=context.run_k8s_config,
        labels={"dagster/job": "regenerate", "dagster/run-id": run.run_id},
    )
    return kubernetes.client.ApiClient().sanitize_for_serialization(job)


def pods(objects: list[Object], kubeconfig: Path) -> list[Pod]:
    """Every pod: of the Deployments, of a run, and of a training where trainings have pods of their own."""
    found = [_pod(one, one["spec"]["template"]) for one in of_kind(objects, "Deployment").values()]
    job = run_job(objects, kubeconfig)
    found.append(_pod(job, job["spec"]["template"]))
    if "training-pod.yaml" in of_kind(objects, "ConfigMap")[f"{RELEASE}-files"].get("data", {}):
        template = data(objects, "files", "training-pod.yaml")
        template["metadata"]["name"] = "training"
        found.append(_pod({"apiVersion": "v1", "kind": "Pod", **template}, template))
    return found


def write_kubeconfig(file: Path, server: str) -> Path:
    """A kubeconfig for a server without TLS and without credentials."""
    there = {"cluster": "c", "user": "u", "namespace": NAMESPACE}
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "c", "cluster": {"server": server}}],
        "users": [{"name": "u", "user": {}}],
        "contexts": [{"name": "x", "context": there}],
        "current-context": "x",
    }
    file.write_text(yaml.safe_dump(config))
    return file


def _pod(found: Object, template: Object) -> Pod:
    labels = template["metadata"]["labels"]
    return Pod(labels["app.kubernetes.io/component"], labels, template["spec"], found)


def _laid_over(below: Object, above: Object) -> Object:
    merged = copy.deepcopy(below)
    for name, value in above.items():
        both = isinstance(value, dict) and isinstance(merged.get(name), dict)
        merged[name] = _laid_over(merged[name], value) if both else copy.deepcopy(value)
    return merged
