"""The pod launcher against an API server that enforces the chart's Role and runs the chart's pod as a process."""

from __future__ import annotations

import os
import signal
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dagster as dg
import kubernetes
import pytest
import yaml
from dagster._core.errors import DagsterExecutionInterruptedError

from srl_pipeline.contracts import StageRequest
from srl_pipeline.errors import ChildKilled, PipelineError, TrainingError
from srl_pipeline.launchers.kubernetes import explain_end, read_template, run_in_pod
from srl_pipeline.launchers.pods import LABEL, Ended
from srl_pipeline.registry import Built
from srl_pipeline_tests.infra.apiserver import ApiServer
from srl_pipeline_tests.infra.rendered import NAMESPACE, RELEASE, data, of_kind, render, write_kubeconfig

pytestmark = pytest.mark.chain
MAKE = """
import pathlib, time
from srl_pipeline.contracts import StageRequest
from srl_pipeline.registry import ArtifactStore, Outcome, build_or_reuse

def commit(request):
    def make(work):
        (work / "adapter.txt").write_text("weights")
        return Outcome(metrics={"loss": 1.5}, gates=[])
    build_or_reuse(
        ArtifactStore(pathlib.Path(request.root)), request.stage, request.model_type,
        inputs={}, config={}, code="", make=make, data_version=request.data_version,
    )
"""
COMMIT = MAKE + textwrap.dedent(
    """
    from dagster_pipes import open_dagster_pipes
    with open_dagster_pipes() as pipes:
        pipes.log.info("step 1 of 2")
        commit(StageRequest.model_validate(pipes.extras["request"]))
    """
)
ORPHAN = MAKE.replace("{", "{{").replace("}", "}}") + textwrap.dedent(
    """
    while not pathlib.Path({gate!r}).exists():
        time.sleep(0.05)
    commit(StageRequest.model_validate_json({request!r}))
    """
)
REFUSE = textwrap.dedent(
    """
    import sys
    from dagster_pipes import open_dagster_pipes
    with open_dagster_pipes() as pipes:
        pipes.report_custom_message({"error": {"what": "Too few steps.", "where": "srl", "mend": "More."}})
    sys.exit(1)
    """
)
WAIT = "import time; print('training', flush=True); time.sleep(60)"


@dataclass
class Launch:
    """What came of a launch: an artifact or an error, and what the run's log says."""

    built: Built | None = None
    error: PipelineError | None = None
    log: str = ""


@dataclass
class Cluster:
    """An API server, the chart's template of a training's pod, and a kubeconfig."""

    api: ApiServer
    template: dict[str, Any]
    folder: Path

    def launch(self, request: StageRequest, script: str, during: Callable[[], None] = lambda: None) -> Launch:
        """Run the stage within a real asset step; its pod runs ``script``; ``during`` happens meanwhile."""
        outcome = Launch()
        file = self.write_template(script)

        @dg.asset
        def stage(context) -> dg.MaterializeResult:  # type: ignore[no-untyped-def]
            try:
                outcome.built = run_in_pod(context, request, file, str(self.folder / "kubeconfig"), poll_seconds=0.1)
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

    def write_template(self, script: str) -> Path:
        """The chart's pod with another command: there is no image here."""
        self.template["spec"]["containers"][0]["command"] = [sys.executable, "-c", script]
        file = self.folder / "training-pod.yaml"
        file.write_text(yaml.safe_dump(self.template))
        return file

    def lose_pod(self) -> None:
        self.api.delete("pods", self.running())

    def running(self) -> str:
        """Name of the pod, as soon as it has printed something."""
        for _ in range(200):
            for (kind, name), _pod in list(self.api.objects.items()):
                if kind == "pods" and self.api.output.get(name):
                    return name
            time.sleep(0.05)
        raise AssertionError("no pod runs")


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    objects = render({"training": {"ownPod": True, "gpus": 1}})
    api = ApiServer(NAMESPACE, of_kind(objects, "Role")[f"{RELEASE}-run"]["rules"])
    write_kubeconfig(tmp_path / "kubeconfig", api.url)
    yield Cluster(api, data(objects, "files", "training-pod.yaml"), tmp_path)
    api.close()


def asked(folder: Path) -> StageRequest:
    return StageRequest(
        stage="srl_checkpoint",
        root=str(folder / "artifacts"),
        model_type="inns",
        data_version="v1",
        inputs={},
        config={},
        code_version="c",
    )


def test_a_stage_is_made_in_a_pod_and_its_progress_is_in_the_log_of_the_run(cluster: Cluster, tmp_path: Path) -> None:
    outcome = cluster.launch(asked(tmp_path), COMMIT)
    assert outcome.built and not outcome.built.reused and outcome.built.artifact.manifest.metrics["loss"] == 1.5
    assert "step 1 of 2" in outcome.log
    assert not cluster.api.refused, "the chart's Role must allow all that the launcher does"
    assert not cluster.api.objects, "no pod is left"
    again = cluster.launch(asked(tmp_path), "raise SystemExit(3)")
    assert again.built and again.built.reused and len(cluster.api.created) == 1, "what is there starts no pod"


def test_the_pod_is_the_one_that_the_chart_describes(
    cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SRL_POD_NAME", "dagster-run-1")
    monkeypatch.setenv("SRL_POD_UID", "uid-1")
    cluster.launch(asked(tmp_path), "pass")
    (pod,) = cluster.api.created
    container = pod["spec"]["containers"][0]
    assert pod["spec"]["serviceAccountName"] == f"{RELEASE}-training"
    assert pod["metadata"]["labels"]["app.kubernetes.io/instance"] == RELEASE, "network policies select by it"
    assert container["securityContext"]["readOnlyRootFilesystem"] is True
    assert container["resources"]["limits"]["nvidia.com/gpu"] == "1"
    assert pod["metadata"]["ownerReferences"] == [
        {"apiVersion": "v1", "kind": "Pod", "name": "dagster-run-1", "uid": "uid-1"}
    ]


def test_an_error_that_the_training_reports_is_the_error_of_the_step(cluster: Cluster, tmp_path: Path) -> None:
    outcome = cluster.launch(asked(tmp_path), REFUSE)
    assert isinstance(outcome.error, TrainingError) and not isinstance(outcome.error, ChildKilled)
    assert (outcome.error.what, outcome.error.mend) == ("Too few steps.", "More.")
    assert not cluster.api.objects


def test_a_crash_shows_the_end_of_the_log(cluster: Cluster, tmp_path: Path) -> None:
    outcome = cluster.launch(asked(tmp_path), "print('half way'); raise SystemExit(7)")
    assert isinstance(outcome.error, ChildKilled)
    assert "code 7" in outcome.error.what and "half way" in outcome.error.what


@pytest.mark.parametrize(
    ("status", "told"),
    [
        ({"terminated": {"reason": "OOMKilled", "exitCode": 137}}, "more memory than its limit"),
        (
            {"reason": "Evicted", "message": "The node was low on disk.", "containerStatuses": []},
            "Evicted: The node was low on disk.",
        ),
    ],
)
def test_a_pod_that_kubernetes_ends_says_why(cluster: Cluster, tmp_path: Path, status: Any, told: str) -> None:
    outcome = cluster.launch(asked(tmp_path), WAIT, lambda: cluster.api.end(cluster.running(), status))
    assert isinstance(outcome.error, ChildKilled) and told in outcome.error.what


def test_a_log_that_breaks_off_is_read_on_and_every_line_is_told_once(cluster: Cluster, tmp_path: Path) -> None:
    cluster.api.cuts = 7  # more than the client itself would bear
    outcome = cluster.launch(asked(tmp_path), COMMIT.replace("step 1 of 2", "step 1 of 2\\n\\nstep 2 of 2"))
    assert outcome.built and cluster.api.cuts == 0
    assert outcome.log.count("step 1 of 2") == 1 and outcome.log.count("step 2 of 2") == 1


def test_a_pod_that_goes_with_its_node_is_told_so(cluster: Cluster, tmp_path: Path) -> None:
    outcome = cluster.launch(asked(tmp_path), WAIT, cluster.lose_pod)
    assert isinstance(outcome.error, ChildKilled) and "removed while it ran" in outcome.error.what


def test_a_pod_that_outlived_its_run_is_waited_for_and_not_started_again(cluster: Cluster, tmp_path: Path) -> None:
    gate = tmp_path / "go on"
    request = asked(tmp_path)
    cluster.launch(request, "pass")
    earlier = cluster.api.created.pop()
    script = ORPHAN.format(gate=str(gate), request=request.model_dump_json())
    earlier["spec"]["containers"][0]["command"] = [sys.executable, "-c", script]
    cluster.api.create("pods", earlier)
    looked = cluster.api.selections

    def let_it_end() -> None:
        while cluster.api.selections == looked:  # until the run has looked for a pod
            time.sleep(0.05)
        gate.touch()

    outcome = cluster.launch(request, "raise SystemExit(9)", let_it_end)
    assert outcome.built and "since an earlier run" in outcome.log
    assert len(cluster.api.created) == 1 and not cluster.api.objects


def test_a_missing_right_is_an_error_that_names_it(cluster: Cluster, tmp_path: Path) -> None:
    cluster.api.rules = [rule for rule in cluster.api.rules if "create" not in rule["verbs"]]
    with pytest.raises(kubernetes.client.ApiException, match="may not create pods"):
        cluster.launch(asked(tmp_path), COMMIT)


def test_an_artifact_that_is_in_another_store_is_no_success(cluster: Cluster, tmp_path: Path) -> None:
    outcome = cluster.launch(asked(tmp_path), "print('done')")
    assert isinstance(outcome.error, ChildKilled) and "same store" in outcome.error.mend


@pytest.mark.parametrize("text", ["", "[]", "metadata: {}", "metadata: {namespace: n}\nspec: {}", "{", "a: b: c"])
def test_a_file_that_describes_no_pod_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "pod.yaml").write_text(text)
    with pytest.raises(PipelineError, match="describes no pod"):
        read_template(tmp_path / "pod.yaml")
    with pytest.raises(PipelineError, match="describes no pod"):
        read_template(tmp_path / "nowhere.yaml")


def test_a_pod_without_any_state_is_explained_too() -> None:
    assert "no reason given" in explain_end(Ended())
    assert "printed nothing" in explain_end(Ended(code=1))
    assert "asked to end" in explain_end(Ended(code=143))
    assert "does not answer any more: NodeLost" in explain_end(Ended(reason="NodeLost", lost=True))


def test_artifacts_have_labels_of_their_own(cluster: Cluster, tmp_path: Path) -> None:
    cluster.launch(asked(tmp_path), "pass")
    cluster.launch(asked(tmp_path).model_copy(update={"data_version": "v2"}), "pass")
    assert len({pod["metadata"]["labels"][LABEL] for pod in cluster.api.created}) == 2


def test_a_cancelled_run_takes_its_pod_with_it(cluster: Cluster, tmp_path: Path) -> None:
    def cancel() -> None:
        cluster.running()
        os.kill(os.getpid(), signal.SIGINT)  # as Dagster's run worker gets it

    with pytest.raises(DagsterExecutionInterruptedError):
        cluster.launch(asked(tmp_path), WAIT, cancel)
    assert not cluster.api.objects
    assert all(process.poll() is not None for process in cluster.api.processes.values())
