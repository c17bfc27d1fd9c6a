"""Run a training stage in a pod of its own.

Dagster's Pipes client starts the pod and carries progress out of its log. What it leaves to us: the pod is written in a
file of the cluster (`TEMPLATE`), it is removed with the pod of the run that started it, one that outlived its run is
waited for and not started a second time, and why it ended is told.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import dagster as dg
import yaml

from srl_pipeline.canonical import digest
from srl_pipeline.contracts import StageRequest
from srl_pipeline.errors import ChildKilled, PipelineError, TrainingError
from srl_pipeline.launchers.child import ASKED_TO_END
from srl_pipeline.launchers.made import label, made_already
from srl_pipeline.launchers.pods import Ended, Pods, connect
from srl_pipeline.registry import ArtifactStore, Built
from srl_pipeline.registry.places import store_at

TEMPLATE = "SRL_TRAINING_POD"
"""Environment variable: a YAML file with ``metadata`` and ``spec`` of a pod; its first container trains."""
TAIL_LINES = 12


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
    if (already := made_already(context, store, request)) is not None:
        return already
    name = label(request)
    pods = Pods(read_template(template), _label(request), kubeconfig, poll_seconds)
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
    if ended.lost:
        return f"The node of the training pod does not answer any more: {ended.reason}."
    if ended.reason == "OOMKilled":
        return "The training pod was killed because it used more memory than its limit."
    if ended.code is None:
        return f"The training pod was ended by Kubernetes: {ended.reason or 'no reason given'}."
    if ended.code == ASKED_TO_END:
        return "The training pod was asked to end (SIGTERM)."
    tail = "\n".join(ended.output.strip().splitlines()[-TAIL_LINES:])
    return f"The training pod failed with code {ended.code}:\n{tail or '(it printed nothing)'}"


def _train(
    context: dg.AssetExecutionContext, request: StageRequest, pods: Pods, store: ArtifactStore, name: str
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


def _client(pods: Pods) -> tuple[Any, Any]:
    """Dagster's client, and a function that gives what the pod reported, also when the client raised.

    Left to itself the client fails after five lost connections, takes a log that a stopping API server closed for all
    that the pod had to say, and waits a day for a pod that ended before it ran, or for one that was removed.
    """
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
            whole: Any = SimpleNamespace(read_namespaced_pod_log=lambda *_, **__: pods.follow(pod_name))
            super().consume_pod_logs(context, whole, pod_name, namespace)
            if not pods.succeeded(pod_name):
                raise DagsterK8sError("ended")

    class Client(PipesK8sClient):
        def _load_k8s_config(self) -> None:
            connect(pods.kubeconfig)

        @contextmanager
        def consume_pod_logs(self, *arguments: Any, pod_name: str, **options: Any) -> Iterator[None]:
            if not pods.wait_for_place(pod_name):
                raise DagsterK8sError("ended")
            with super().consume_pod_logs(*arguments, pod_name=pod_name, **options):
                yield

    client = Client(
        message_reader=Reader(),
        load_incluster_config=pods.kubeconfig is None,
        kubeconfig_file=pods.kubeconfig,
        poll_interval=pods.poll_seconds,
    )
    return client, lambda: [message for handler in handlers for message in handler.get_custom_messages()]
