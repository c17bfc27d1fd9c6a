"""The whole chain of one type with its artifacts on S3, its state in DynamoDB and its trainings on SageMaker.

All of AWS is emulated; the command line, Dagster, the containers' processes and the trainings are real.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import boto3
import pytest

from srl_pipeline.model_types import new_pack
from srl_pipeline.registry.s3_store import S3ArtifactStore
from srl_pipeline_tests.aws.moto_server import MotoServer
from srl_pipeline_tests.aws.sagemaker_control import Seen
from srl_pipeline_tests.aws.state import dynamo_state
from srl_pipeline_tests.launchers.sagemaker.workshop import BUCKET, ROOT, write_spec
from srl_pipeline_tests.whole_chain import MODEL, STAGES, Home, finished, outcome_of, result_of

pytestmark = [pytest.mark.chain, pytest.mark.timeout(1800)]
PATIENCE = 600.0
"""Seconds for one run: five processes begin anew for a job each."""
INTERRUPTED = {"srl_checkpoint": 20.0, "rlvr_checkpoint": 0.0}
"""Stage -> seconds of warning before its machine is taken away."""


@dataclass
class Done:
    """What one run on the emulated AWS left, with two of its machines reclaimed.

    Attributes:
        jobs: SageMaker's, in the order in which they were made.
        local: What the same run gives on one machine.
    """

    aws: MotoServer
    home: Home
    told: dict[str, Any]
    jobs: list[Seen]
    local: dict[str, Any]

    @property
    def store(self) -> S3ArtifactStore:
        return S3ArtifactStore(ROOT, self.home.folder)


def interrupt_once_saved(server: MotoServer, stage: str, grace: float, process: Any) -> None:
    """Take the machine of a stage away when its second save is in the bucket."""
    bucket, saves, until = boto3.client("s3"), set[str](), time.monotonic() + 300
    while len(saves) < 2:
        assert process.poll() is None and time.monotonic() < until, f"{stage} never saved twice: {outcome_of(process)}"
        found = bucket.list_objects_v2(Bucket=BUCKET, Prefix=f"models/_saved/{stage}/").get("Contents", [])
        saves |= {o["ETag"] for o in found if o["Key"].endswith("index.json")}
        time.sleep(0.05)
    running = [job for job in server.training_jobs.jobs() if job.status == "InProgress"]
    server.training_jobs.interrupt(running[-1].name, grace=grace)


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Done]:
    """The chain, once on one machine and once on the emulated AWS."""
    packs = tmp_path_factory.mktemp("packs")
    new_pack(MODEL, packs)
    alone = Home(tmp_path_factory.mktemp("alone"), packs)
    finished(alone.start_chain(), PATIENCE)
    with pytest.MonkeyPatch.context() as patch:
        server = dynamo_state(patch)
        where = {"LocationConstraint": "eu-central-1"}
        boto3.client("s3").create_bucket(Bucket=BUCKET, CreateBucketConfiguration=where)
        spec = write_spec(tmp_path_factory.mktemp("spec"), environment={"OMP_NUM_THREADS": "1"})
        home = Home(tmp_path_factory.mktemp("aws"), packs, {"SRL_STORE": ROOT, "SRL_SAGEMAKER": str(spec)})
        process = home.start_chain()
        for stage, grace in INTERRUPTED.items():
            interrupt_once_saved(server, stage, grace, process)
        told = finished(process, PATIENCE)
        yield Done(server, home, told, server.training_jobs.jobs(), alone.result())


def test_the_weights_and_every_answer_are_those_of_a_run_on_one_machine(done: Done) -> None:
    assert result_of(done.store) == done.local


def test_a_reclaimed_machine_was_replaced_within_its_job(done: Done) -> None:
    stages = {"srl_checkpoint": "-srl-", "rlvr_checkpoint": "-rlvr-"}
    starts = {stage: [job.starts for job in done.jobs if name in job.name] for stage, name in stages.items()}
    assert starts == {"srl_checkpoint": [2], "rlvr_checkpoint": [2]}
    assert {job.status for job in done.jobs} == {"Completed"}


def test_no_step_was_trained_twice_or_left_out(done: Done) -> None:
    for stage, steps in (("srl", 20), ("rlvr", 5)):
        [made] = done.store.versions(f"{stage}_checkpoint", MODEL)
        rows = (made.path / f"metrics_{stage}.jsonl").read_text().splitlines()
        assert [json.loads(row)["step"] for row in rows] == list(range(1, steps + 1))


def test_nothing_is_left_to_go_on_from(done: Done) -> None:
    for stage in STAGES:
        keys = list(done.store.bucket.keys(f"models/_saved/{stage}/{MODEL}/"))
        [index] = [key for key in keys if key.endswith("index.json")]
        found = done.store.bucket.read(index)
        assert found is not None and json.loads(found.data)["files"] == {}


def test_nothing_is_kept_in_files_but_dagsters_own_history_and_copies(done: Done) -> None:
    kept = {p.name for p in done.home.folder.iterdir()}
    assert not {"ledger.sqlite", "history.sqlite", "decisions.sqlite", "artifacts"} & kept, kept
    rows: Any = finished(done.home.start("history", MODEL, "--json"))
    assert {row["asset"] for row in rows} >= set(STAGES)


def test_run_again_all_is_found_and_no_job_begins(done: Done) -> None:
    again = finished(done.home.start_chain(), PATIENCE)
    assert {name for name, asset in again["assets"].items() if not asset["reused"]} == {"status_page"}
    assert len(done.aws.training_jobs.jobs()) == len(done.jobs)
