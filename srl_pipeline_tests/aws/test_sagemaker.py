"""The emulated SageMaker through boto3: jobs run as processes, end, are stopped, interrupted and refused as at AWS."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from srl_pipeline_tests.aws.moto_server import MotoServer, inject, moto_server
from srl_pipeline_tests.aws.sagemaker import LOG_GROUP
from srl_pipeline_tests.aws.sagemaker_control import TrainingJobs
from srl_pipeline_tests.aws.sagemaker_faults import denied, no_quota, throttled
from srl_pipeline_tests.aws.sagemaker_requests import request
from srl_pipeline_tests.infra.emulator import emulated_aws

__all__ = ["moto_server"]
pytestmark = pytest.mark.chain

SLEEP = "import time; print('up', flush=True); time.sleep(300)"
DEAF = "import signal, time; signal.signal(15, signal.SIG_IGN); print('up', flush=True); time.sleep(300)"
POLITE = (
    "import signal as s, time, sys; s.signal(15, lambda *_: (print('saved'), sys.exit(0))); "
    "print('up', flush=True); time.sleep(300)"
)
TELL = "import json, os, sys; print(json.dumps([dict(os.environ), sys.argv[1:]]))"


@pytest.fixture
def jobs(moto_server: MotoServer) -> TrainingJobs:
    return moto_server.training_jobs


def create(name: str, script: str, *arguments: str, spot: bool = False, **more: Any) -> None:
    boto3.client("sagemaker").create_training_job(**request(name, script, *arguments, spot=spot, **more))


def described(name: str) -> dict[str, Any]:
    return boto3.client("sagemaker").describe_training_job(TrainingJobName=name)


def statuses(name: str) -> list[str]:
    return [transition["Status"] for transition in described(name)["SecondaryStatusTransitions"]]


def streams(name: str) -> list[list[str]]:
    """The lines of each of a job's log streams; there is none before the first line."""
    client = boto3.client("logs")
    try:
        found = client.describe_log_streams(logGroupName=LOG_GROUP, logStreamNamePrefix=f"{name}/algo-1-")
    except client.exceptions.ResourceNotFoundException:
        return []
    names = sorted(stream["logStreamName"] for stream in found["logStreams"])
    events = [client.get_log_events(logGroupName=LOG_GROUP, logStreamName=n, startFromHead=True) for n in names]
    return [[event["message"] for event in page["events"]] for page in events]


def logged(name: str, lines: int = 1) -> list[str]:
    """All that a job has written once these are ``lines`` lines: its program is up."""
    for _ in range(600):
        if len(told := [line for stream in streams(name) for line in stream]) >= lines:
            return told
        time.sleep(0.05)
    raise AssertionError(f"{name} has not written {lines} lines")


def refused(code: str, message: str) -> Any:
    return pytest.raises(ClientError, match=rf"\({code}\).*{message}")


def test_a_job_runs_its_command_to_completion(jobs: TrainingJobs) -> None:
    create("a", "print('trained')")
    jobs.wait("a", "Completed")
    told = described("a")
    assert (told["TrainingJobStatus"], told["SecondaryStatus"]) == ("Completed", "Completed")
    assert told["TrainingStartTime"] <= told["TrainingEndTime"] == told["LastModifiedTime"]
    assert told["TrainingTimeInSeconds"] == told["BillableTimeInSeconds"] >= 1
    assert statuses("a") == ["Starting", "Downloading", "Training", "Uploading", "Completed"]
    assert all("EndTime" in transition for transition in told["SecondaryStatusTransitions"])


def test_the_container_has_the_requests_environment_and_none_of_ours(
    jobs: TrainingJobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SRL_STATE", "of the test")
    create("a", TELL, Environment={"SRL_HOME": "/tmp/srl", "AWS_REGION": "eu-west-1"})
    jobs.wait("a", "Completed")
    environment, _ = json.loads(streams("a")[0][0])
    assert {name for name in environment if name.startswith("SRL_")} == {"SRL_HOME"}
    assert environment["TRAINING_JOB_NAME"] == "a"
    assert environment["AWS_REGION"] == "eu-west-1"
    assert environment["AWS_ENDPOINT_URL"] == os.environ["AWS_ENDPOINT_URL"]


def test_the_containers_folders_are_a_new_machines(jobs: TrainingJobs) -> None:
    create("a", TELL, "/opt/ml/output/failure", "s3://b/tmp/srl", Environment={"SRL_HOME": "/tmp/srl"})
    jobs.wait("a", "Completed")
    environment, arguments = json.loads(streams("a")[0][0])
    machine = environment["SRL_HOME"].removesuffix("/tmp/srl")
    assert arguments == [f"{machine}/opt/ml/output/failure", "s3://b/tmp/srl"]
    assert machine.startswith("/")
    assert not Path(machine).exists(), "a machine goes with its job"


def test_output_and_errors_are_logged_line_by_line_while_it_runs(jobs: TrainingJobs) -> None:
    create("a", "import sys, time; print('out', flush=True); print('err', file=sys.stderr); time.sleep(300)")
    logged("a", lines=2)
    assert streams("a") == [["out", "err"]]


def test_a_failed_job_tells_what_its_container_wrote(jobs: TrainingJobs) -> None:
    create("a", "import sys; open(sys.argv[1], 'w').write('no such pack'); sys.exit(3)", "/opt/ml/output/failure")
    jobs.wait("a", "Failed")
    assert described("a")["FailureReason"] == "AlgorithmError: no such pack, exit code: 3"


def test_a_killed_job_without_a_failure_file_tells_its_exit_code(jobs: TrainingJobs) -> None:
    create("a", "import os; os.kill(os.getpid(), 9)")
    assert jobs.wait("a", "Failed").reason == "AlgorithmError: , exit code: 137"


def test_a_stopped_job_may_save_before_it_ends(jobs: TrainingJobs) -> None:
    create("a", POLITE)
    logged("a")
    boto3.client("sagemaker").stop_training_job(TrainingJobName="a")
    assert described("a")["TrainingJobStatus"] in ("Stopping", "Stopped")
    jobs.wait("a", "Stopped")
    assert streams("a") == [["up", "saved"]]
    assert statuses("a")[-3:] == ["Stopping", "Uploading", "Stopped"]


def test_a_job_that_does_not_stop_is_killed_after_the_grace(jobs: TrainingJobs) -> None:
    jobs.grace(0.5)
    create("a", DEAF)
    logged("a")
    pid = jobs.wait("a", "Training").pid
    boto3.client("sagemaker").stop_training_job(TrainingJobName="a")
    jobs.wait("a", "Stopped", seconds=15)
    assert pid is not None
    assert not Path(f"/proc/{pid}").exists()


def test_an_interrupted_spot_job_starts_again_on_an_empty_machine(jobs: TrainingJobs) -> None:
    kept = "import os, sys, time; p = sys.argv[1]; print(os.path.exists(p), flush=True); open(p, 'w'); time.sleep(300)"
    create("a", kept, "/opt/ml/kept", spot=True)
    logged("a")
    first = jobs.wait("a", "Training")
    jobs.interrupt("a")
    second = jobs.wait("a", "Training")
    logged("a", lines=2)
    assert (first.starts, second.starts) == (1, 2)
    assert first.machine != second.machine
    assert second.status == "InProgress"
    assert first.machine is not None
    assert not Path(first.machine).exists()
    assert streams("a") == [["False"], ["False"]]
    assert statuses("a") == [*["Starting", "Downloading", "Training", "Interrupted"], *statuses("a")[:3]]


def test_a_spot_machine_may_go_without_a_warning(jobs: TrainingJobs) -> None:
    create("a", POLITE, spot=True)
    logged("a")
    jobs.interrupt("a", grace=0)
    logged("a", lines=2)
    assert streams("a") == [["up"], ["up"]], "nothing was saved"


def test_a_job_on_demand_is_not_interrupted(jobs: TrainingJobs) -> None:
    create("a", SLEEP)
    jobs.wait("a", "Training")
    with pytest.raises(AssertionError, match="not on a spot machine"):
        jobs.interrupt("a")


def test_a_spot_job_may_wait_for_its_next_machine_too_long(jobs: TrainingJobs) -> None:
    create("a", SLEEP, spot=True, StoppingCondition={"MaxRuntimeInSeconds": 2, "MaxWaitTimeInSeconds": 2})
    jobs.wait("a", "Training")
    jobs.interrupt("a", grace=0, away=600)
    assert jobs.wait("a", "Starting").pid is None
    assert jobs.wait("a", "MaxWaitTimeExceeded").status == "Stopped"


def test_a_job_that_runs_too_long_is_stopped(jobs: TrainingJobs) -> None:
    create("a", SLEEP, StoppingCondition={"MaxRuntimeInSeconds": 1})
    assert jobs.wait("a", "MaxRuntimeExceeded").status == "Stopped"
    assert statuses("a")[-3:] == ["Stopping", "Uploading", "MaxRuntimeExceeded"]


def test_a_job_without_a_machine_fails_before_it_starts(jobs: TrainingJobs) -> None:
    jobs.no_capacity()
    create("a", SLEEP)
    create("b", SLEEP)
    assert jobs.wait("a", "Failed").reason == described("a")["FailureReason"]
    assert described("a")["FailureReason"].startswith("CapacityError: ")
    assert "TrainingStartTime" not in described("a")
    jobs.wait("b", "Training")


def test_a_name_is_taken_once(jobs: TrainingJobs) -> None:
    create("a", "pass")
    jobs.wait("a", "Completed")
    with refused("ResourceInUse", "Training job names must be unique"):
        create("a", "pass")


def test_a_request_beyond_the_limits_starts_nothing(jobs: TrainingJobs) -> None:
    with refused("ValidationException", "at 'environment.A.value'"):
        create("a", SLEEP, Environment={"A": "v" * 513})
    assert jobs.jobs() == []


@pytest.mark.parametrize("operation", ["describe_training_job", "stop_training_job"])
def test_an_unknown_job_is_not_found(jobs: TrainingJobs, operation: str) -> None:
    with refused("ValidationException", "Requested resource not found."):
        getattr(boto3.client("sagemaker"), operation)(TrainingJobName="a")
    assert jobs.jobs() == []


def test_an_ended_job_is_not_stopped(jobs: TrainingJobs) -> None:
    create("a", "pass")
    jobs.wait("a", "Completed")
    with refused("ValidationException", "is in status Completed"):
        boto3.client("sagemaker").stop_training_job(TrainingJobName="a")


def test_tags_are_kept(jobs: TrainingJobs) -> None:
    tags = [{"Key": "srl:run", "Value": "7"}]
    create("a", "pass", Tags=tags)
    client = boto3.client("sagemaker")
    assert client.list_tags(ResourceArn=described("a")["TrainingJobArn"])["Tags"] == tags
    assert [job["TrainingJobName"] for job in client.list_training_jobs()["TrainingJobSummaries"]] == ["a"]
    jobs.wait("a", "Completed")


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        (no_quota(), "ResourceLimitExceeded"),
        (throttled("CreateTrainingJob"), "ThrottlingException"),
        (denied("CreateTrainingJob"), "AccessDeniedException"),
    ],
)
def test_a_refusal_on_demand_hits_the_next_request_only(moto_server: MotoServer, fault: Any, code: str) -> None:
    once = boto3.session.Config(retries={"total_max_attempts": 1})  # pyright: ignore[reportAttributeAccessIssue]
    client = boto3.client("sagemaker", config=once)
    inject(moto_server.url, fault)
    with pytest.raises(ClientError, match=code):
        client.create_training_job(**request("a", "pass"))
    assert moto_server.training_jobs.jobs() == []
    client.create_training_job(**request("a", "pass"))
    moto_server.training_jobs.wait("a", "Completed")


def test_a_reset_kills_what_runs_with_all_that_it_started(moto_server: MotoServer) -> None:
    script = "import subprocess as s, time; print(s.Popen(['sleep', '300'], start_new_session=True).pid, flush=True); "
    create("a", f"{script}time.sleep(300)")
    job = moto_server.training_jobs.wait("a", "Training")
    (nested,) = logged("a")
    moto_server.reset()
    assert moto_server.training_jobs.jobs() == []
    assert job.machine is not None
    assert not any(Path(f"/proc/{pid}").exists() for pid in (job.pid, nested))
    assert not Path(job.machine).exists()


def test_nothing_outlives_a_server_that_was_killed(tmp_path: Path) -> None:
    started = tmp_path / "pid"
    script = (
        "import boto3, os, time\n"
        "from srl_pipeline_tests.aws.moto_server import VARIABLES, running\n"
        "from srl_pipeline_tests.aws.sagemaker_requests import request\n"
        "os.environ.update(VARIABLES, AWS_ENDPOINT_URL=running().url)\n"
        f"boto3.client('sagemaker').create_training_job(**request('a', {DEAF!r}))\n"
        "job = running().training_jobs.wait('a', 'Training')\n"
        f"open({str(started)!r}, 'w').write(f'{{job.pid}} {{job.machine}}')\n"
        "time.sleep(300)\n"
    )
    with subprocess.Popen([sys.executable, "-c", script]) as server:
        for _ in range(1200):
            if started.exists() and started.read_text():
                break
            time.sleep(0.05)
        server.send_signal(signal.SIGKILL)
    pid, machine = started.read_text().split()
    for _ in range(200):
        if not Path(f"/proc/{pid}").exists():
            break
        time.sleep(0.05)
    assert not Path(f"/proc/{pid}").exists()
    assert not Path(machine).exists()


def test_the_emulator_in_its_own_process_has_the_same_jobs_and_faults(monkeypatch: pytest.MonkeyPatch) -> None:
    with emulated_aws() as url:
        for name, value in {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("AWS_ENDPOINT_URL", url)
        monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
        inject(url, denied("CreateTrainingJob"))
        with refused("AccessDeniedException", "not authorized to perform: sagemaker:CreateTrainingJob"):
            create("a", SLEEP)
        create("a", SLEEP, spot=True)
        jobs = TrainingJobs(url)
        jobs.wait("a", "Training")
        jobs.interrupt("a", grace=0)
        pid = jobs.wait("a", "Training").pid
    assert not Path(f"/proc/{pid}").exists()
