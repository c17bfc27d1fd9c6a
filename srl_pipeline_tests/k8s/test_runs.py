"""The whole chart in a control plane: a run that the webserver takes, the daemon starts as a Job, trains in pods."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from dagster_graphql import DagsterGraphQLClient, DagsterGraphQLClientError

from srl_pipeline.registry import ArtifactStore
from srl_pipeline_tests.infra.rendered import NAMESPACE, render
from srl_pipeline_tests.k8s.control_plane import ControlPlane
from srl_pipeline_tests.k8s.installed import (
    CLAIM,
    apply,
    for_this_version,
    pods_of,
    until,
    with_files_for_dagster,
)
from srl_pipeline_tests.k8s.kubelet import Kubelet, Running

pytestmark = [pytest.mark.k8s, pytest.mark.timeout(1500)]
VALUES = {
    "store": "",
    "state": "",
    "home": {"claim": CLAIM},
    "preset": "smoke",
    "webserver": {"replicas": 1},
    "training": {"ownPod": True, "gpus": 1, "nodeSelector": {"pool": "gpu"}, "graceSeconds": 30},
}


@dataclass
class Release:
    """The chart, installed and running."""

    plane: ControlPlane
    node: Kubelet
    dagster: DagsterGraphQLClient
    trained: set[str] = field(default_factory=set)

    @property
    def store(self) -> ArtifactStore:
        return ArtifactStore(self.plane.folder / "home" / "artifacts")

    def start(self, model_type: str) -> str:
        """Ask the webserver for the whole chain of a model type; the run's id."""

        def ask() -> str:
            try:
                return self.dagster.submit_job_execution(
                    "regenerate",
                    repository_location_name="srl_pipeline",
                    repository_name="__repository__",
                    tags={"dagster/partition": model_type},
                )
            except DagsterGraphQLClientError as error:
                if "NotFound" not in str(error):  # the code location still begins
                    raise
                return ""

        return until(ask, 180, "code location", self.printed)

    def jobs(self) -> list[Any]:
        return list(self.plane.api("BatchV1Api").list_namespaced_job(NAMESPACE).items)

    def status(self, run: str) -> str:
        self.trained |= {pod.metadata.name for pod in pods_of(self.plane, "training")}
        return str(self.dagster.get_run_status(run).value)

    def wait(self, run: str, *wanted: str) -> str:
        """The run's status, as soon as it is one of these or final."""
        final = {*wanted, "SUCCESS", "FAILURE", "CANCELED"}
        return until(lambda: found if (found := self.status(run)) in final else "", 900, f"{wanted} run")

    def training(self, run: str) -> Running:
        """The pod of the run that trains, as soon as it does."""

        def look() -> Running | None:
            assert self.status(run) in ("QUEUED", "STARTING", "STARTED", "NOT_STARTED"), self.printed()
            found = [pod for pod in list(self.node.pods.values()) if pod.container == "training"]
            return next((pod for pod in found if pod.process.poll() is None and pod.log.text()), None)

        return until(look, 600, "training")

    def printed(self) -> str:
        """The ends of all logs: what a failing test shows."""
        return printed(self.node)


@pytest.fixture
def release(plane: ControlPlane, kubelet: Kubelet) -> Iterator[Release]:
    objects, port = with_files_for_dagster(for_this_version(render(VALUES)))
    apply(plane, objects)
    dagster = until(lambda: reached(port), 180, "webserver", lambda: printed(kubelet))
    yield Release(plane, kubelet, dagster)
    plane.api("AppsV1Api").delete_collection_namespaced_deployment(NAMESPACE)
    plane.api("BatchV1Api").delete_collection_namespaced_job(NAMESPACE)


def printed(node: Kubelet) -> str:
    """The ends of the logs of all pods."""
    return "\n".join(f"--- {pod.name}\n{pod.log.text()[-2000:]}" for pod in node.pods.values())


def reached(port: int) -> DagsterGraphQLClient | None:
    try:
        return DagsterGraphQLClient("127.0.0.1", port_number=port)
    except DagsterGraphQLClientError:
        return None


def test_a_run_is_started_by_the_daemon_and_trains_in_pods_of_its_own(release: Release) -> None:
    run = release.start("sounds")
    assert release.wait(run) == "SUCCESS", release.printed()
    (job,) = until(lambda: [job for job in release.jobs() if job.status.succeeded], 60, "Job that succeeded")
    assert job.metadata.labels["dagster/run-id"] == run
    for stage in ("srl_checkpoint", "rlvr_checkpoint"):
        assert release.store.versions(stage, "sounds"), stage
    assert len(release.trained) >= 2 and not pods_of(release.plane, "training")


def test_a_run_outlives_a_restart_of_the_api_server_and_starts_no_second_training(release: Release) -> None:
    run = release.start("plants")
    pod = release.training(run)
    release.plane.kill_api_server()
    time.sleep(5)
    release.plane.start_api_server()
    assert [one.metadata.name for one in pods_of(release.plane, "training")] in ([pod.name], [])
    assert release.wait(run) == "SUCCESS", release.printed()
    stages = [name.rsplit("-", 1)[0] for name in release.trained]
    assert len(stages) == len(set(stages)), f"one pod for each stage: {release.trained}"


def test_a_cancelled_run_takes_its_training_with_it(release: Release) -> None:
    run = release.start("trees")
    pod = release.training(run)
    release.dagster.terminate_run(run)
    assert release.wait(run) == "CANCELED", release.printed()
    until(lambda: not pods_of(release.plane, "training"), 60, "end of the training's pod")
    pod.process.wait(40)
    assert not any(job.status.active for job in release.jobs())
    assert not release.store.versions("rlvr_checkpoint", "trees")
