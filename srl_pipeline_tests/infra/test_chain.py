"""The training chain of Step Functions: its shape, and its budget check run for real up to the first job.

Jobs themselves (createTrainingJob.sync) are not what is tested here.
"""

from __future__ import annotations

import json
import time
import urllib.request
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from moto.stepfunctions.parser.asl.parse.asl_parser import AmazonStateLanguageParser

from srl_pipeline.registry.dynamo.create import create_table
from srl_pipeline.registry.dynamo.ledger import DynamoLedger
from srl_pipeline.registry.dynamo.table import connect
from srl_pipeline.registry.ledger import NANOS, Account, Caps
from srl_pipeline_tests.infra.chain import TABLE, TOPIC, TRAINING_ROLE, machines, next_states, rendered
from srl_pipeline_tests.infra.emulator import emulated_aws

ROLE = "arn:aws:iam::123456789012:role/srl-dev-step-functions"
STAGES = ("srl_checkpoint", "rlvr_checkpoint", "eval_report")


def test_it_is_amazon_states_language() -> None:
    AmazonStateLanguageParser.parse(json.dumps(rendered()))


def test_every_state_is_reached_and_every_name_is_a_state() -> None:
    for machine in machines(rendered()):
        seen: set[str] = set()
        waiting = {machine["StartAt"]}
        while waiting:
            name = waiting.pop()
            seen.add(name)
            waiting |= next_states(machine["States"][name]) - seen
        assert seen == set(machine["States"])


def test_every_state_goes_on_or_ends() -> None:
    for machine in machines(rendered()):
        for name, state in machine["States"].items():
            assert next_states(state) or state.get("End") or state["Type"] in ("Succeed", "Fail"), name


def test_whatever_fails_is_caught_once_and_told() -> None:
    outer, inner = machines(rendered())
    for name, state in outer["States"].items():
        if state["Type"] in ("Task", "Map"):
            assert state["Catch"][-1]["ErrorEquals"] == ["States.ALL"], name
            assert "ResultPath" in state["Catch"][-1], f"{name}: the input, which says whose run it is, would be lost"
    assert outer["States"]["Chain"]["Catch"][-1]["Next"] == "TellOfFailure"
    assert not any("Catch" in state for state in inner["States"].values()), "the Map's own Catch must hear of it"


def test_every_task_is_tried_again() -> None:
    tasks = [s for m in machines(rendered()) for s in m["States"].values() if s["Type"] == "Task"]
    assert len(tasks) == 3
    assert all(task["Retry"] for task in tasks)


def test_a_job_that_is_tried_again_has_another_name_and_the_same_request() -> None:
    _, inner = machines(rendered())
    parameters = inner["States"]["Train"]["Parameters"]
    assert "$$.State.RetryCount" in parameters["TrainingJobName.$"]
    fields = {name.removesuffix(".$"): path for name, path in parameters.items() if name != "TrainingJobName.$"}
    assert fields.pop("RoleArn") == TRAINING_ROLE
    assert fields == {name: f"$.request.{name}" for name in fields}


def test_the_longest_name_of_a_request_leaves_room_for_every_attempt() -> None:
    _, inner = machines(rendered())
    attempts = sum(rule["MaxAttempts"] for rule in inner["States"]["Train"]["Retry"])
    assert len("n" * 60 + f"-{attempts}") <= 63, "SageMaker takes no longer name"


def test_one_stage_after_the_other_in_the_machines_own_order() -> None:
    outer = rendered()["States"]
    assert outer["Chain"]["MaxConcurrency"] == 1
    wanted = ", ".join(f"$.requests.{stage}" for stage in STAGES)
    assert outer["Order"]["Parameters"]["stages.$"] == f"States.Array({wanted})"


@pytest.fixture(scope="module")
def cloud() -> Iterator[str]:
    """An AWS that runs state machines, with the state table and the topic."""
    with emulated_aws() as url, pytest.MonkeyPatch.context() as patch:
        for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_REGION"):
            patch.delenv(name, raising=False)
        patch.setenv("AWS_ENDPOINT_URL", url)
        patch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
        patch.setenv("AWS_ACCESS_KEY_ID", "test")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "test")
        patch.setenv("AWS_EC2_METADATA_DISABLED", "true")
        config = json.dumps({"stepfunctions": {"execute_state_machine": True}}).encode()
        urllib.request.urlopen(urllib.request.Request(f"{url}/moto-api/config", config), timeout=10).close()
        create_table(TABLE)
        boto3.client("sns").create_topic(Name=TOPIC.rpartition(":")[2])
        for status in ("Completed", "Stopped"):
            boto3.client("stepfunctions").create_state_machine(
                name=status, definition=json.dumps(without_jobs(status)), roleArn=ROLE
            )
        yield url


def without_jobs(status: str) -> dict[str, Any]:
    """The machine with a state that only tells how a job ended in the place of the one that runs it."""
    machine = rendered()
    inner = machine["States"]["Chain"]["ItemProcessor"]["States"]
    told = {"name.$": "$.request.TrainingJobName", "status": status}
    inner["Train"] = {"Type": "Pass", "Parameters": told, "Next": inner["Train"]["Next"]}
    return machine


def executed(name: str, cap_nanos: int, status: str = "Completed") -> tuple[dict[str, Any], list[str]]:
    """How an execution ended whose jobs end with ``status``, and the states that it entered."""
    client = boto3.client("stepfunctions")
    machines = client.list_state_machines()["stateMachines"]
    machine = next(m["stateMachineArn"] for m in machines if m["name"] == status)
    requests = {stage: {"TrainingJobName": f"srl-dev-7-{stage}"} for stage in STAGES}
    asked = json.dumps({"run": "7", "model_type": "buildings", "cap_nanos": cap_nanos, "requests": requests})
    arn = client.start_execution(stateMachineArn=machine, name=name, input=asked)["executionArn"]
    for _ in range(300):
        if (found := client.describe_execution(executionArn=arn))["status"] != "RUNNING":
            history = client.get_execution_history(executionArn=arn, maxResults=1000)["events"]
            return found, [e["stateEnteredEventDetails"]["name"] for e in history if "stateEnteredEventDetails" in e]
        time.sleep(0.1)
    raise AssertionError("the execution did not end")


@pytest.mark.chain
def test_the_chain_stops_where_committed_and_held_money_reach_the_cap(cloud: str) -> None:
    ledger = DynamoLedger(connect(TABLE))
    account = Account(run="7", model_type="buildings", vendor="sagemaker")
    first = ledger.hold("a", account, 3 * NANOS, Caps(month=100 * NANOS), seconds=3600)
    ledger.commit(first, 2 * NANOS)
    ledger.hold("b", account, 5 * NANOS, Caps(month=100 * NANOS), seconds=3600)
    ledger.close()

    ended, states = executed("at-the-cap", 7 * NANOS)
    assert (ended["status"], ended["error"]) == ("FAILED", "TrainingChainFailed")
    assert ended["cause"].startswith("CapReached: ")
    assert states[-3:] == ["CapReached", "TellOfFailure", "Failed"]

    ended, states = executed("below-the-cap", 7 * NANOS + 1)
    assert ended["status"] == "SUCCEEDED"
    assert [job["name"] for job in json.loads(ended["output"])["jobs"]] == [f"srl-dev-7-{stage}" for stage in STAGES]
    assert states.count("ReadSpending") == 3, "the budget is checked before each stage"
    assert len(states) == 27, "docs/aws.md says what a chain costs"


@pytest.mark.chain
def test_a_job_that_was_stopped_or_ran_out_of_time_ends_the_chain(cloud: str) -> None:
    ended, states = executed("stopped", 1000 * NANOS, "Stopped")
    assert (ended["status"], ended["error"]) == ("FAILED", "TrainingChainFailed")
    assert ended["cause"].startswith("JobStopped: ")
    assert states.count("ReadSpending") == 1 and states[-3:] == ["JobStopped", "TellOfFailure", "Failed"]
