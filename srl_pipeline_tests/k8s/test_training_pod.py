"""The pod launcher with a real control plane, as the account of a run: training, outages, evictions, lost nodes."""

from __future__ import annotations

import sys
import textwrap
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import yaml

from srl_pipeline.contracts import StageRequest
from srl_pipeline.errors import ChildKilled, PipelineError, TrainingError
from srl_pipeline.launchers import pods as pods_module
from srl_pipeline.launchers.kubernetes import run_in_pod
from srl_pipeline.registry import Built
from srl_pipeline_tests.infra.rendered import NAMESPACE, RELEASE, data, render
from srl_pipeline_tests.k8s.control_plane import ControlPlane
from srl_pipeline_tests.k8s.installed import CLAIM, apply, pods_of, until
from srl_pipeline_tests.k8s.kubelet import Kubelet, Running, start_node

pytestmark = [pytest.mark.k8s, pytest.mark.timeout(300)]

TRAIN = """
import pathlib, sys, time
from dagster_pipes import open_dagster_pipes
from srl_pipeline.contracts import StageRequest
from srl_pipeline.registry import ArtifactStore, Outcome, build_or_reuse

with open_dagster_pipes() as pipes:
    request = StageRequest.model_validate(pipes.extras["request"])
    root = pathlib.Path(request.root)

    def make(work):
        for step in range(request.config["steps"]):
            pipes.log.info(f"step {step}")
            time.sleep(0.1)
        while request.config["gated"] and not (root.parent / "go on").exists():
            time.sleep(0.1)
        pipes.log.info("last step")
        (work / "adapter.txt").write_text("weights")
        return Outcome(metrics={"loss": 1.5}, gates=[])

    build_or_reuse(ArtifactStore(root), request.stage, request.model_type, inputs={}, config={}, code="",
                   make=make, data_version=request.data_version)
"""
REFUSE = textwrap.dedent(
    """
    import sys
    from dagster_pipes import open_dagster_pipes
    with open_dagster_pipes() as pipes:
        pipes.report_custom_message({"error": {"what": "Too few steps.", "where": "srl", "mend": "More."}})
    sys.exit(1)
    """
)


@dataclass
class Launch:
    """What came of a launch: an artifact or an error, and what the run's log says."""

    built: Built | None = None
    error: PipelineError | None = None
    log: str = ""


@dataclass
class Cluster:
    """A control plane with a node, and a folder that the launcher and its pods both see."""

    plane: ControlPlane
    node: Kubelet
    folder: Path
    grace: int = 2

    def launch(self, request: StageRequest, script: str, during: Callable[[], None] = lambda: None) -> Launch:
        """Run the stage within a real asset step; its pod runs ``script``; ``during`` happens meanwhile."""
        outcome, file = Launch(), self._template(script)
        account = str(self.plane.account(NAMESPACE, f"{RELEASE}-run"))

        @dg.asset
        def stage(context) -> dg.MaterializeResult:  # type: ignore[no-untyped-def]
            try:
                outcome.built = run_in_pod(context, request, file, account, poll_seconds=0.3)
            except PipelineError as error:
                outcome.error = error
            return dg.MaterializeResult()

        meanwhile = threading.Thread(target=during)
        meanwhile.start()
        with dg.DagsterInstance.ephemeral() as instance:
            result = dg.materialize([stage], instance=instance)
            outcome.log = "\n".join(e.user_message for e in instance.all_logs(result.run_id))
        meanwhile.join()
        return outcome

    def training(self) -> Running:
        """The pod, as soon as it trains."""

        def look() -> Running | None:
            found = [pod for pod in self.node.pods.values() if "step 0" in pod.log.text()]
            return found[-1] if found else None

        return until(look, 60, "pod that trains")

    def _template(self, script: str) -> Path:
        """The chart's pod with another command, and the claim where the launcher has the same folder."""
        objects = render({"store": "", "state": "", "home": {"claim": CLAIM}, "training": {"ownPod": True, "gpus": 1}})
        template: Any = data(objects, "files", "training-pod.yaml")
        container = template["spec"]["containers"][0]
        container["command"] = [sys.executable, "-c", script]
        next(one for one in container["volumeMounts"] if one["name"] == "home")["mountPath"] = str(self.folder)
        template["spec"]["terminationGracePeriodSeconds"] = self.grace
        file = self.plane.folder / "training-pod.yaml"
        file.write_text(yaml.safe_dump(template))
        return file


@pytest.fixture
def cluster(plane: ControlPlane, kubelet: Kubelet) -> Iterator[Cluster]:
    objects = render({"store": "", "state": "", "home": {"claim": CLAIM}, "training": {"ownPod": True}})
    apply(plane, [one for one in objects if one["kind"] in ("ServiceAccount", "Role", "RoleBinding", "ConfigMap")])
    yield Cluster(plane, kubelet, plane.folder / "home")


def asked(cluster: Cluster, version: str, steps: int = 3, gated: bool = False) -> StageRequest:
    (cluster.folder / "go on").unlink(missing_ok=True)
    return StageRequest(
        stage="srl_checkpoint",
        root=str(cluster.folder / "artifacts"),
        model_type="inns",
        data_version=version,
        inputs={},
        config={"steps": steps, "gated": gated},
        code_version="c",
    )


def test_a_stage_is_trained_in_a_pod_by_the_account_of_a_run(cluster: Cluster) -> None:
    outcome = cluster.launch(asked(cluster, "trained"), TRAIN)
    assert outcome.built and not outcome.built.reused and outcome.built.artifact.manifest.metrics["loss"] == 1.5
    assert "step 0" in outcome.log and "last step" in outcome.log
    assert not pods_of(cluster.plane, "training"), "no pod is left"


def test_the_pod_runs_without_root_and_may_write_nowhere_but_to_its_volumes(cluster: Cluster) -> None:
    look = "import os, pathlib; print(f'user {os.getuid()}'); pathlib.Path('/opt/x').write_text('')"
    outcome = cluster.launch(asked(cluster, "sealed"), look)
    assert outcome.error and "Read-only file system" in outcome.error.what and "user 10001" in outcome.error.what


def test_an_error_that_the_training_reports_is_the_error_of_the_step(cluster: Cluster) -> None:
    outcome = cluster.launch(asked(cluster, "refused"), REFUSE)
    assert isinstance(outcome.error, TrainingError) and not isinstance(outcome.error, ChildKilled)
    assert (outcome.error.what, outcome.error.mend) == ("Too few steps.", "More.")


def test_an_api_server_that_is_killed_and_comes_back_costs_neither_the_pod_nor_a_line(cluster: Cluster) -> None:
    started: list[str] = []

    def restart() -> None:
        pod = cluster.training()
        for _ in range(2):
            cluster.plane.kill_api_server()
            threading.Event().wait(4)
            assert pod.process.poll() is None, "the pod goes on"
            cluster.plane.start_api_server()
        started.extend(one.metadata.name for one in pods_of(cluster.plane, "training"))
        (cluster.folder / "go on").touch()

    outcome = cluster.launch(asked(cluster, "outage", steps=60, gated=True), TRAIN, restart)
    assert outcome.built and not outcome.built.reused, outcome.error
    assert len(started) == 1, "one pod, the first"
    assert [outcome.log.count(f"step {step}\n") for step in range(60)] == [1] * 60, "every line once"
    assert "last step" in outcome.log and not pods_of(cluster.plane, "training")


def test_a_pod_that_ends_while_the_api_server_is_away_is_found_when_it_is_back(cluster: Cluster) -> None:
    def restart() -> None:
        pod = cluster.training()
        cluster.plane.kill_api_server()
        (cluster.folder / "go on").touch()
        pod.process.wait(30)
        cluster.plane.start_api_server()

    outcome = cluster.launch(asked(cluster, "ended", gated=True), TRAIN, restart)
    assert outcome.built and not outcome.built.reused and "last step" in outcome.log


def test_an_evicted_pod_fails_the_step_with_the_reason_of_the_node(cluster: Cluster) -> None:
    def evict() -> None:
        cluster.node.evict(cluster.training().name, "The node was low on resource: ephemeral-storage.")

    outcome = cluster.launch(asked(cluster, "evicted", gated=True), TRAIN, evict)
    assert isinstance(outcome.error, ChildKilled)
    assert "Evicted: The node was low on resource: ephemeral-storage." in outcome.error.what


def test_a_pod_that_the_eviction_api_takes_away_fails_the_step(cluster: Cluster) -> None:
    def drain() -> None:
        core = cluster.plane.api("CoreV1Api")
        name = cluster.training().name
        evict = {"apiVersion": "policy/v1beta1", "kind": "Eviction", "metadata": {"name": name}}
        core.create_namespaced_pod_eviction(name, NAMESPACE, evict)

    outcome = cluster.launch(asked(cluster, "drained", gated=True), TRAIN, drain)
    assert isinstance(outcome.error, ChildKilled), outcome.error


def test_a_node_that_does_not_answer_fails_the_step(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pods_module, "LOST_AFTER_SECONDS", 5.0)
    others: list[Kubelet] = []

    def lose() -> None:
        cluster.training()
        others.append(start_node(cluster.plane))  # where all nodes are silent, Kubernetes doubts itself and waits
        cluster.node.close()

    outcome = cluster.launch(asked(cluster, "lost", gated=True), TRAIN, lose)
    others[0].close()
    assert isinstance(outcome.error, ChildKilled)
    assert f"does not answer any more: {cluster.node.node}" in outcome.error.what


def test_a_node_that_is_removed_takes_its_pod_with_it_and_fails_the_step(cluster: Cluster) -> None:
    def remove() -> None:
        cluster.training()
        cluster.node.close()
        cluster.plane.api("CoreV1Api").delete_node(cluster.node.node)

    outcome = cluster.launch(asked(cluster, "removed", gated=True), TRAIN, remove)
    assert isinstance(outcome.error, ChildKilled) and "its node went" in outcome.error.what


def test_the_log_of_a_pod_is_read_through_the_api_server(cluster: Cluster) -> None:
    read: list[str] = []

    def look() -> None:
        pod = cluster.training()
        core = cluster.plane.api("CoreV1Api")
        read.append(core.read_namespaced_pod_log(pod.name, NAMESPACE))
        (cluster.folder / "go on").touch()

    outcome = cluster.launch(asked(cluster, "read", gated=True), TRAIN, look)
    assert outcome.built and "step 0" in read[0]
