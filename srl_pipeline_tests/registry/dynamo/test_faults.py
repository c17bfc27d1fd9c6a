"""What goes wrong on the way to DynamoDB: retried where it passes, else told with a remedy, and never applied twice."""

from __future__ import annotations

import socket
from collections.abc import Callable
from pathlib import Path

import boto3
import pytest

from srl_pipeline.errors import PipelineError
from srl_pipeline.registry import Account, Balance, Caps, Conflict, Decision, Entry, Hold
from srl_pipeline.registry.dynamo import table as dynamo_table
from srl_pipeline.registry.places import open_decisions, open_history, open_ledger
from srl_pipeline.tuning.job_store import open_jobs_store
from srl_pipeline_tests.aws.moto_server import VARIABLES, Fault, MotoServer
from srl_pipeline_tests.tuning.examples import job

pytestmark = pytest.mark.chain

HOME = Path("/nowhere")
ACCOUNT = Account(run="r", model_type="trees", vendor="openai")
WRITE, HTTP_500 = "TransactWriteItems", 500


def hold(amount: int = 30, cap: int = 100) -> Hold:
    return open_ledger(HOME).hold("c", ACCOUNT, amount, Caps(month=cap), seconds=600)


def spent() -> Balance:
    return open_ledger(HOME).spent_by_run("r")


def cancelled(*reasons: str) -> Fault:
    told = [{"Code": reason, "Message": reason} for reason in reasons]
    return Fault(WRITE, "TransactionCanceledException", more=(("CancellationReasons", told),))


def decision(**changes: str) -> Decision:
    fields = {"at": "2026-11-28T12:00:00+00:00", "model_type": "trees", "kind": "promotion", "verdict": "change"}
    more = {"subject": "v1", "before": "", "after": "v1", "reasons": ["It is better."]}
    return Decision.model_validate(fields | more | changes)


def entry(version: str) -> Entry:
    return Entry(
        at="2026-11-28T12:00:00+00:00",
        asset="eval_report",
        model_type="trees",
        data_version=version,
        inputs={},
        metrics={},
        failed_gates=[],
        seconds=1,
        cost_usd=0,
    )


# What passes by itself


@pytest.mark.parametrize(
    "fault",
    [
        Fault(WRITE, "ProvisionedThroughputExceededException"),
        Fault(WRITE, "ThrottlingException"),
        Fault(WRITE, "InternalServerError", status=HTTP_500),
        Fault(WRITE, "TransactionInProgressException"),
        cancelled("None", "None", "TransactionConflict", "None"),
        cancelled("ThrottlingError", "None", "TransactionConflict"),
    ],
    ids=lambda fault: fault.code + str(len(fault.more)),
)
def test_overload_and_conflicts_are_tried_again(dynamo: MotoServer, fault: Fault) -> None:
    dynamo.faults += [fault, fault]
    hold()
    assert spent() == Balance(committed=0, held=30)
    assert not dynamo.faults


def test_what_stays_overloaded_is_told_after_a_while(dynamo: MotoServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dynamo_table, "PATIENCE_SECONDS", 0.2)
    dynamo.faults += [cancelled("None", "TransactionConflict")] * 50
    with pytest.raises(PipelineError, match=r"many write the same item \(TransactionConflict\)"):
        hold()


# Answers that are lost


def lost(operation: str = WRITE) -> Fault:
    return Fault(operation, "InternalServerError", status=HTTP_500, after=True)


def test_a_hold_whose_answer_was_lost_counts_once(dynamo: MotoServer) -> None:
    dynamo.faults.append(lost())
    held = hold(60, cap=100)
    assert spent() == Balance(committed=0, held=60)
    assert open_ledger(HOME).open_holds("r") == [held]


def test_a_hold_that_took_the_last_of_a_cap_is_no_refusal_when_its_answer_was_lost(dynamo: MotoServer) -> None:
    dynamo.faults.append(lost())
    hold(100, cap=100)
    assert spent().held == 100


def test_a_commit_whose_answer_was_lost_counts_once(dynamo: MotoServer) -> None:
    held = hold(60)
    dynamo.faults.append(lost())
    open_ledger(HOME).commit(held, 45)
    assert spent() == Balance(committed=45, held=0)


def test_a_decision_whose_answer_was_lost_is_kept_once(dynamo: MotoServer) -> None:
    decisions = open_decisions(HOME)
    dynamo.faults.append(lost())
    assert decisions.record(decision(), aliases={"current": "v1"}, expected={"current": None}).id == 1
    assert [d.id for d in decisions.decisions()] == [1]


def test_a_decision_that_lost_against_another_is_still_a_conflict(dynamo: MotoServer) -> None:
    open_decisions(HOME).record(decision(), aliases={"current": "v1"})
    with pytest.raises(Conflict):
        open_decisions(HOME).record(decision(), aliases={"current": "v2"}, expected={"current": None})


def test_an_entry_whose_answer_was_lost_is_in_the_history_once(dynamo: MotoServer) -> None:
    history = open_history(HOME)
    dynamo.faults.append(lost())
    assert history.append(entry("v1")).seq == 1
    assert [e.seq for e in history.all_entries("trees")] == [1]


def test_a_job_whose_answer_was_lost_is_kept_and_no_conflict(dynamo: MotoServer) -> None:
    jobs = open_jobs_store(HOME)
    dynamo.faults.append(lost())
    first = jobs.put(job())
    dynamo.faults.append(lost())
    assert jobs.put(first.model_copy(update={"phase": "reserved"})).revision == 2
    assert [j.phase for j in jobs.jobs()] == ["reserved"]


# What a person must mend


@pytest.mark.parametrize(
    ("fault", "what", "mend"),
    [
        (
            Fault(
                "GetItem",
                "AccessDeniedException",
                "User: arn:aws:sts::1:assumed-role/x is not authorized to perform: dynamodb:GetItem on resource: y",
            ),
            "The action dynamodb:GetItem is not allowed",
            "Grant dynamodb:GetItem",
        ),
        (Fault("GetItem", "AccessDeniedException", ""), "The action dynamodb:GetItem is not allowed", "Grant"),
        (Fault("GetItem", "ExpiredTokenException"), "credentials have expired", "aws sso login"),
        (Fault("GetItem", "UnrecognizedClientException"), "does not accept the credentials", "Renew"),
        (
            Fault("GetItem", "InvalidSignatureException", "Signature expired: 20261128T1 is now earlier than 2"),
            "clock is wrong",
            "Set the clock",
        ),
        (Fault("GetItem", "ResourceNotFoundException"), "There is no such table", "srl-pipeline state create"),
        (Fault("GetItem", "ValidationException", "odd"), r"refused GetItem \(ValidationException: odd\)", "See AWS"),
    ],
    ids=lambda value: value.code if isinstance(value, Fault) else "",
)
def test_a_refusal_is_told_with_its_remedy_and_without_a_key(
    dynamo: MotoServer, fault: Fault, what: str, mend: str
) -> None:
    decisions = open_decisions(HOME)
    dynamo.faults.append(fault)
    with pytest.raises(PipelineError, match=what) as error:
        decisions.aliases("trees")
    assert mend in error.value.mend
    assert "DynamoDB table srl-state" in error.value.where
    assert all(secret not in str(error.value) for secret in (VARIABLES["AWS_SECRET_ACCESS_KEY"],))


def without_region(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_DEFAULT_REGION")


def without_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)  # it keeps what it found
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)


def without_table(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SRL_STATE", "dynamodb://another")


def without_endpoint(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dynamo_table, "PATIENCE_SECONDS", 0.1)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{free.getsockname()[1]}")


@pytest.mark.parametrize(
    ("spoil", "what", "mend"),
    [
        (without_region, "No AWS region is set", "AWS_REGION"),
        (without_credentials, "no complete AWS credentials", "AWS_PROFILE"),
        (without_table, "There is no such table", "srl-pipeline state create"),
        (without_endpoint, "cannot be reached", "AWS_ENDPOINT_URL"),
    ],
)
def test_what_is_missing_is_told_when_state_is_opened(
    dynamo: MotoServer,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    spoil: Callable[[pytest.MonkeyPatch], None],
    what: str,
    mend: str,
) -> None:
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))
    spoil(monkeypatch)
    with pytest.raises(PipelineError, match=what) as error:
        open_ledger(HOME)
    assert mend in error.value.mend


@pytest.mark.parametrize("address", ["s3://bucket", "dynamodb://", "dynamodb://a b", "table"])
def test_an_address_that_names_no_table_is_an_error(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    monkeypatch.setenv("SRL_STATE", address)
    with pytest.raises(PipelineError, match="names no place for state"):
        open_history(HOME)
