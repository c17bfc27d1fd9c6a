"""The SageMaker launcher within real runs, against jobs that run as processes on the emulated AWS."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from pathlib import Path

import boto3
import pytest

from srl_pipeline.errors import ChildKilled, TrainingError
from srl_pipeline.launchers.sagemaker import client
from srl_pipeline.launchers.sagemaker.request import job_base, training_job
from srl_pipeline_tests.aws.moto_server import MotoServer, moto_server
from srl_pipeline_tests.aws.sagemaker_control import Seen
from srl_pipeline_tests.aws.sagemaker_faults import denied, no_quota, throttled
from srl_pipeline_tests.launchers.sagemaker.workshop import (
    BUCKET,
    ROOT,
    Launch,
    launch,
    request,
    run_script,
    spec,
    write_spec,
)

__all__ = ["moto_server"]
pytestmark = pytest.mark.chain
REPOSITORY = Path(__file__).parents[3]
BASE = job_base(spec(), request())
HEAD = """
    import os, signal, sys, time
    from srl_pipeline.errors import TrainingError
    from srl_pipeline.launchers.sagemaker.container import open_pipes, read_request, tell_failure
    from srl_pipeline.registry import Outcome, build_or_reuse
    from srl_pipeline.registry.places import store_at

    request = read_request(sys.argv[1])
    store = store_at(request.root)
    names = (request.stage, request.model_type, request.data_version)

    def commit(make=lambda work: (work / "adapter.txt").write_text("a")):
        build_or_reuse(store, *names[:2], inputs={}, config={}, code="", data_version=names[2],
                       make=lambda work: make(work) and None or Outcome(metrics={"loss": 1.5}, gates=[]))
"""
GOOD = """
    with open_pipes() as pipes:
        pipes.log.info("step 1 of 2")
        commit()
"""
WAITS_FOR = """
    with open_pipes() as pipes:
        pipes.log.info("waiting")
        while not os.path.exists({gate!r}):
            time.sleep(0.05)
        commit()
"""
SPOT = """
    def make(work):
        steps = work / "steps.txt"
        done = steps.read_text() if steps.exists() else ""
        pipes.log.info(f"begins with [{done}]")
        steps.write_text(done + "x")
        store.save_work(*names)
        if not done:
            time.sleep(300)

    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with open_pipes() as pipes:
        commit(make)
"""


@pytest.fixture
def at_aws(moto_server: MotoServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> MotoServer:
    """An emulated AWS with the installation's bucket; this machine's copies lie in a folder of the test."""
    boto3.client("s3").create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    monkeypatch.setenv("SRL_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(client, "training_job", training_job)  # put back whatever `run_script` puts there
    return moto_server


@pytest.fixture
def container(tmp_path: Path, at_aws: MotoServer) -> Callable[[str], Path]:
    """Says what the containers of coming jobs run."""

    def write(script: str) -> Path:
        file = tmp_path / "container.py"
        file.write_text(textwrap.dedent(HEAD) + textwrap.dedent(script), encoding="utf-8")
        run_script(file)
        return file

    return write


def run(tmp_path: Path) -> Launch:
    return launch(write_spec(tmp_path), request())


def process(tmp_path: Path, script: Path) -> subprocess.Popen[str]:
    """A run in a process of its own."""
    module = "srl_pipeline_tests.launchers.sagemaker.workshop"
    command = [sys.executable, "-m", module, str(write_spec(tmp_path)), str(script)]
    return subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def names(server: MotoServer) -> list[str]:
    return [job.name for job in server.training_jobs.jobs()]


def training(server: MotoServer, name: str = f"{BASE}-0-0") -> Seen:
    """The job once it trains; it may not be there yet."""
    until = time.monotonic() + 60
    while name not in names(server):
        assert time.monotonic() < until, "the job was never made"
        time.sleep(0.05)
    return server.training_jobs.wait(name, "Training")


def test_a_job_makes_the_artifact_and_its_progress_is_in_the_runs_log(
    container: Callable[[str], Path], at_aws: MotoServer, tmp_path: Path
) -> None:
    container(GOOD)
    outcome = run(tmp_path)
    assert outcome.error is None and outcome.built is not None and not outcome.built.reused
    assert (outcome.built.artifact.path / "adapter.txt").read_text() == "a"
    assert names(at_aws) == [f"{BASE}-0-0"]
    for said in ("step 1 of 2", f"{BASE}-0-0 begun", "Training", "Completed"):
        assert said in outcome.log
    tags = boto3.client("sagemaker").list_tags(
        ResourceArn=boto3.client("sagemaker").describe_training_job(TrainingJobName=f"{BASE}-0-0")["TrainingJobArn"]
    )["Tags"]
    assert {"Key": "model_type", "Value": "inns"} in tags


def test_what_is_made_already_costs_no_job(
    container: Callable[[str], Path], at_aws: MotoServer, tmp_path: Path
) -> None:
    container(GOOD)
    run(tmp_path)
    again = run(tmp_path)
    assert again.built is not None and again.built.reused
    assert len(names(at_aws)) == 1 and "nothing recomputed" in again.log


def test_what_the_process_reports_is_the_error_of_the_step(container: Callable[[str], Path], tmp_path: Path) -> None:
    container("""
        tell_failure(TrainingError("The loss is not a number.", where="step 3", mend="Lower it."))
        sys.exit(1)
    """)
    error = run(tmp_path).error
    assert type(error) is TrainingError
    assert (error.what, error.where, error.mend) == ("The loss is not a number.", "step 3", "Lower it.")


def test_a_crash_is_told_with_the_end_of_the_log(container: Callable[[str], Path], tmp_path: Path) -> None:
    container("raise ValueError('deep inside')")
    error = run(tmp_path).error
    assert isinstance(error, ChildKilled)
    assert "ValueError: deep inside" in error.what and f"{BASE}-0-0" in error.where


def test_after_a_failure_the_next_run_is_another_attempt(
    container: Callable[[str], Path], at_aws: MotoServer, tmp_path: Path
) -> None:
    container("sys.exit(7)")
    assert "exit code: 7" in str(run(tmp_path).error)
    container(GOOD)
    assert run(tmp_path).built is not None
    assert names(at_aws) == [f"{BASE}-0-0", f"{BASE}-1-0"]


def test_a_job_that_ends_well_without_the_artifact_is_told(container: Callable[[str], Path], tmp_path: Path) -> None:
    container("print('nothing to do')")
    error = run(tmp_path).error
    assert isinstance(error, ChildKilled) and f"no artifact in {ROOT}" in error.what


def test_a_run_that_was_killed_leaves_its_job_and_the_next_one_waits_for_it(
    container: Callable[[str], Path], at_aws: MotoServer, tmp_path: Path
) -> None:
    gate = tmp_path / "gate"
    first = process(tmp_path, container(WAITS_FOR.format(gate=str(gate))))
    training(at_aws)
    first.kill()
    first.wait()
    second = process(tmp_path, tmp_path / "container.py")
    assert second.stdout is not None
    assert any("makes it since an earlier run" in line for line in second.stdout)
    gate.touch()
    said, _ = second.communicate(timeout=120)
    assert " - waiting" in said, "what the job said before this run came is heard too"
    assert names(at_aws) == [f"{BASE}-0-0"]
    assert client.s3_store(ROOT).find("srl_checkpoint", "inns", "v1") is not None


def test_a_run_that_is_cancelled_stops_its_job(
    container: Callable[[str], Path], at_aws: MotoServer, tmp_path: Path
) -> None:
    cancelled = process(tmp_path, container(WAITS_FOR.format(gate="/nowhere/ever")))
    training(at_aws)
    cancelled.send_signal(signal.SIGINT)
    cancelled.communicate(timeout=120)
    assert at_aws.training_jobs.wait(f"{BASE}-0-0", "Stopped").pid is None


def test_a_spot_machine_that_is_reclaimed_is_replaced_and_goes_on_from_what_was_saved(
    container: Callable[[str], Path], at_aws: MotoServer, tmp_path: Path
) -> None:
    run_ = process(tmp_path, container(SPOT))
    training(at_aws)
    until = time.monotonic() + 60
    while not client.s3_store(ROOT).bucket.read("models/_saved/srl_checkpoint/inns/v1/index.json"):
        assert time.monotonic() < until
        time.sleep(0.1)
    at_aws.training_jobs.interrupt(f"{BASE}-0-0", grace=10)
    said, _ = run_.communicate(timeout=120)
    assert names(at_aws) == [f"{BASE}-0-0"] and at_aws.training_jobs.jobs()[0].starts == 2
    for line in ("begins with []", "begins with [x]", "Completed"):
        assert line in said, said
    found = client.s3_store(ROOT).require("srl_checkpoint", "inns", "v1")
    assert (found.path / "steps.txt").read_text() == "xx"


def test_a_job_that_takes_too_long_is_told_with_its_limit(container: Callable[[str], Path], tmp_path: Path) -> None:
    container("time.sleep(300)")
    outcome = launch(write_spec(tmp_path, max_hours=2 / 3600, spot=False), request())
    assert isinstance(outcome.error, ChildKilled) and "Raise max_hours" in outcome.error.mend


def test_a_job_that_somebody_stopped_is_told(
    container: Callable[[str], Path], at_aws: MotoServer, tmp_path: Path
) -> None:
    run_ = process(tmp_path, container("time.sleep(300)"))
    training(at_aws)
    boto3.client("sagemaker").stop_training_job(TrainingJobName=f"{BASE}-0-0")
    said, _ = run_.communicate(timeout=120)
    assert "stopped by somebody else" in said


def test_no_room_in_the_account_is_told_with_the_quota(
    container: Callable[[str], Path], at_aws: MotoServer, tmp_path: Path
) -> None:
    container(GOOD)
    at_aws.faults.append(no_quota())
    error = run(tmp_path).error
    assert error is not None and "quota" in error.mend and names(at_aws) == []


def test_a_permission_that_is_missing_is_named(
    container: Callable[[str], Path], at_aws: MotoServer, tmp_path: Path
) -> None:
    container(GOOD)
    at_aws.faults.append(denied("CreateTrainingJob"))
    assert "sagemaker:CreateTrainingJob" in str(run(tmp_path).error)


def test_throttling_costs_patience_and_nothing_else(
    container: Callable[[str], Path], at_aws: MotoServer, tmp_path: Path
) -> None:
    container(GOOD)
    at_aws.faults.extend([throttled("DescribeTrainingJob")] * 7)  # the SDK itself gives up after five
    assert run(tmp_path).built is not None and len(names(at_aws)) == 1


def test_a_store_in_a_folder_is_refused_before_anything_begins(at_aws: MotoServer, tmp_path: Path) -> None:
    outcome = launch(write_spec(tmp_path), request(root=str(tmp_path)))
    assert "do not see this folder" in str(outcome.error) and names(at_aws) == []


def test_nothing_of_the_environment_reaches_a_job_but_what_its_request_says(
    container: Callable[[str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test-7391")
    container("print(sorted(os.environ)); commit(); assert 'OPENAI_API_KEY' not in os.environ")
    assert run(tmp_path).built is not None
    described = boto3.client("sagemaker").describe_training_job(TrainingJobName=f"{BASE}-0-0")
    assert "sk-test-7391" not in str(described) and os.environ["OPENAI_API_KEY"] == "sk-test-7391"
