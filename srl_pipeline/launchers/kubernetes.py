"""Run a training stage in a pod of its own.

Dagster's Pipes client starts the pod and carries progress out of its log. What it leaves to us: the pod is written in a
file of the cluster (`TEMPLATE`), it is removed with the pod of the run that started it, one that outlived its run is
waited for and not started a second time, and why it ended is told.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dagster as dg
import yaml

from srl_pipeline.canonical import digest
from srl_pipeline.contracts import StageRequest
from srl_pipeline.errors import ChildKilled, PipelineError, TrainingError
from srl_pipeline.registry import ArtifactStore, Built
from srl_pipeline.registry.places import store_at

TEMPLATE = "SRL_TRAINING_POD"
"""Environment variable: a YAML file with ``metadata`` and ``spec`` of a pod; its first container trains."""
LABEL = "srl/artifact"
"""Label of a pod: which artifact it makes. There is one pod for an artifact at a time."""
OWNER = ("SRL_POD_NAME", "SRL_POD_UID")
"""Environment variables by which a run's pod knows itself; absent outside a cluster."""
TAIL_LINES = 12


@dataclass(frozen=True)
class Ended:
    """How a pod ended: exit code and reason of Kubernetes, the end of its log; ``gone`` where it was removed."""

    code: int | None = None
    reason: str = ""
    output: str = ""
    gone: bool = False


def run_in_pod(
    context: dg.AssetExecutionContext,
    request: StageRequest,
    template: Path,
    kubeconfig: str | None = None,
    poll_seconds: float = 5.0,
) -> Built:
    """Make the artifact that ``request`` names in a pod, or find it. ``kubeconfig``: a cluster that this is not in.

    Raises TrainingError with what the pod reported, `ChildKilled` where it ended without artifact and report,
    PipelineError where ``template`` is none or its pods could not see the artifact store.
    """
    store = store_at(request.root)
    name = f"{request.stage}[{request.model_type}] {request.data_version}"
    found = store.find(request.stage, request.model_type, request.data_version)
    if found and not found.manifest.failed_gates:
        context.log.info(f"{name}: unchanged, nothing recomputed")
        return Built(store.require(request.stage, request.model_type, request.data_version), reused=True)
    pods = _Pods(read_template(template), _label(request), kubeconfig, poll_seconds)
    if running := pods.living():
        context.log.info(f"{name}: pod {running} makes it since an earlier run; waiting for it")
        ended = pods.wait(running)
        pods.remove()
        if found := store.find(request.stage, request.model_type, request.data_version):
            return Built(found, reused=False)
        context.log.warning(f"{name}: {explain_end(ended)} Starting another.")
    return Built(_train(context, request, pods, store, name), reused=False)


def read_template(file: Path) -> dict[str, Any]:
    """``metadata`` (with a namespace) and ``spec`` of a training's pod; raises PipelineError."""
    found: dict[str, Any] = {}
    try:
        found = yaml.safe_load(file.read_text(encoding="utf-8"))
        complete = bool(found["metadata"]["namespace"] and found["spec"]["containers"])
    except (OSError, UnicodeDecodeError, yaml.YAMLError, TypeError, KeyError):
        complete = False
    if not complete:
        raise PipelineError(
            f"{file} describes no pod: metadata.namespace and spec.containers are needed.",
            where=f"environment variable {TEMPLATE}",
            mend="The chart writes this file where training.ownPod is true; unset the variable to train in the run.",
        )
    return found


def explain_end(ended: Ended) -> str:
    """Why a pod ended without the artifact, in one sentence, and the end of its log."""
    if ended.gone:
        return "The training pod was removed while it ran: its node went, or somebody deleted it."
    if ended.reason == "OOMKilled":
        return "The training pod was killed because it used more memory than its limit."
    if ended.code is None:
        return f"The training pod was ended by Kubernetes: {ended.reason or 'no reason given'}."
    tail = "\n".join(ended.output.strip().splitlines()[-TAIL_LINES:])
    return f"The training pod failed with code {ended.code}:\n{tail or '(it printed nothing)'}"


def _train(
    context: dg.AssetExecutionContext, request: StageRequest, pods: _Pods, store: ArtifactStore, name: str
) -> Any:
    from dagster_k8s.client import DagsterK8sError

    client, heard = _client(pods)
    context.log.info(f"{name}: starting a training pod; kubectl logs --namespace {pods.namespace} -l {pods.selector}")
    ended: Ended | None = None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", dg.PreviewWarning)  # Dagster's own use of a preview of its own
            client.run(
                context=context,
                extras={"request": request.model_dump(mode="json")},
                namespace=pods.namespace,
                base_pod_meta=pods.metadata(),
                base_pod_spec=pods.template["spec"],
                pod_wait_timeout=0,  # the pod has a deadline of its own
                delete_pod_on_completion=False,  # it says why it ended
            )
    except DagsterK8sError:
        ended = pods.ended()
    finally:
        pods.remove()
    errors = [message["error"] for message in heard() if isinstance(message, dict) and "error" in message]
    if errors:
        raise TrainingError(**errors[-1])
    where = f"pods with the label {pods.selector}, namespace {pods.namespace}"
    if ended is not None:
        raise ChildKilled(
            explain_end(ended), where=where, mend="Completed work that was saved is kept; run again, it resumes."
        )
    made = store.find(request.stage, request.model_type, request.data_version)
    if made is None:
        raise ChildKilled(
            f"The training pod ended without an error but there is no artifact in {request.root}.",
            where=where,
            mend="Run and training must see the same store: SRL_STORE, or a volume that both mount.",
        )
    return made


def _label(request: StageRequest) -> str:
    return digest([request.root, request.stage, request.model_type, request.data_version])


def _client(pods: _Pods) -> tuple[Any, Any]:
    """Dagster's client, and a function that gives what the pod reported, also when the client raised."""
    from dagster_k8s import PipesK8sClient
    from dagster_k8s.client import DagsterK8sError
    from dagster_k8s.pipes import PipesK8sPodLogsMessageReader

    handlers: list[Any] = []

    class Reader(PipesK8sPodLogsMessageReader):
        @contextmanager
        def read_messages(self, handler: Any) -> Iterator[Any]:
            handlers.append(handler)
            with super().read_messages(handler) as parameters:
                yield parameters

        def consume_pod_logs(self, context: Any, core_api: Any, pod_name: str, namespace: str) -> None:
            super().consume_pod_logs(context, core_api, pod_name, namespace)
            if not core_api.list_namespaced_pod(namespace, field_selector=f"metadata.name={pod_name}").items:
                raise DagsterK8sError("gone")  # the client would wait a day for it to appear

    client = PipesK8sClient(
        message_reader=Reader(),
        load_incluster_config=pods.kubeconfig is None,
        kubeconfig_file=pods.kubeconfig,
        poll_interval=pods.poll_seconds,
    )
    return client, lambda: [message for handler in handlers for message in handler.get_custom_messages()]


class _Pods:
    """The pods of one artifact: there should be one, or none."""

    def __init__(self, template: dict[str, Any], label: str, kubeconfig: str | None, poll_seconds: float) -> None:
        from dagster_k8s.client import DagsterKubernetesClient
        from dagster_k8s.utils import load_kubernetes_config

        load_kubernetes_config(load_incluster_config=kubeconfig is None, kubeconfig_file=kubeconfig)
        self.template, self.kubeconfig, self.poll_seconds = template, kubeconfig, poll_seconds
        self.namespace = str(template["metadata"]["namespace"])
        self.selector = f"{LABEL}={label}"
        self._labels = {**template["metadata"].get("labels", {}), LABEL: label}
        self._client = DagsterKubernetesClient.production_client()

    def metadata(self) -> dict[str, Any]:
        """Metadata of a new pod: labelled, and owned by this run's pod, so that it does not outlive it."""
        name, uid = (os.environ.get(variable, "") for variable in OWNER)
        owner = [{"apiVersion": "v1", "kind": "Pod", "name": name, "uid": uid}] if name and uid else []
        return {**self.template["metadata"], "labels": self._labels, "ownerReferences": owner}

    def living(self) -> str:
        """Name of a pod that waits or runs; empty where none does."""
        for pod in self._list():
            if pod.status.phase in ("Pending", "Running") and not pod.metadata.deletion_timestamp:
                return str(pod.metadata.name)
        return ""

    def wait(self, name: str) -> Ended:
        """Wait for the end of a pod that somebody else started."""
        from dagster_k8s.client import DagsterK8sError, WaitForPodState

        try:
            self._client.wait_for_pod(
                name,
                self.namespace,
                wait_for_state=WaitForPodState.Terminated,
                pod_launch_timeout=0,
                wait_timeout=0,
                wait_time_between_attempts=self.poll_seconds,
            )
        except DagsterK8sError:
            return self.ended()
        return Ended(code=0)

    def ended(self) -> Ended:
        """How the newest pod ended."""
        found = sorted(self._list(), key=lambda pod: pod.metadata.creation_timestamp)
        if not found:
            return Ended(gone=True)
        pod = found[-1]
        states = [status.state.terminated for status in pod.status.container_statuses or []]
        state = next((one for one in states if one is not None), None)
        if (
            state is None or pod.status.reason
        ):  # evicted, preempted, past its deadline: the pod's reason is the true one
            return Ended(reason=": ".join(filter(None, [pod.status.reason, pod.status.message])))
        output = self._client.retrieve_pod_logs(pod.metadata.name, self.namespace, tail_lines=100)
        return Ended(code=state.exit_code, reason=state.reason or "", output=output)

    def remove(self) -> None:
        """Delete them all; one that runs gets its signal and may save."""
        from kubernetes.client import ApiException

        for pod in self._list():
            try:
                self._client.core_api.delete_namespaced_pod(pod.metadata.name, self.namespace)
            except ApiException as error:
                if error.status != 404:  # gone by itself
                    raise

    def _list(self) -> list[Any]:
        found: Any = self._client.core_api.list_namespaced_pod(self.namespace, label_selector=self.selector)
        return list(found.items)
