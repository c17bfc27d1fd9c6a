"""Bedrock's adapter through boto3, against S3 and Bedrock on this machine."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest

from srl_pipeline.errors import TuningError
from srl_pipeline.teachers.calls.records import CallError, Message, PermanentError, RateLimitError, TransientError
from srl_pipeline.teachers.catalog import Price, TeacherEntry
from srl_pipeline.teachers.catalog.spec import Terms
from srl_pipeline.tuning.provider import FileGone, JobGone, TuningProvider
from srl_pipeline.tuning.providers.bedrock import BedrockTuning
from srl_pipeline.tuning.records import GraderItem, JobSpec, Method, Split, TuningExample
from srl_pipeline.tuning.spec import Tuner
from srl_pipeline_tests.vendors.bedrock_jobs import Script
from srl_pipeline_tests.vendors.bedrock_server import BUCKET, REGION, BedrockServer

pytestmark = pytest.mark.chain

NOVA = "amazon.nova-lite-v1:0:300k"
CREATE, GET = "CreateModelCustomizationJob", "GetModelCustomizationJob"
LAMBDA = "arn:aws:lambda:us-east-1:123456789012:function:srl-reward"


@pytest.fixture(scope="session")
def started() -> Iterator[tuple[BedrockServer, BedrockTuning]]:
    with BedrockServer() as server:
        with pytest.MonkeyPatch.context() as patches:
            at_home(server, patches)
            adapter = adapter_of()
        yield server, adapter
        adapter.close()


@pytest.fixture
def server(started: tuple[BedrockServer, BedrockTuning], monkeypatch: pytest.MonkeyPatch) -> Iterator[BedrockServer]:
    server, _ = started
    server.reset()
    at_home(server, monkeypatch)
    yield server
    assert server.invalid == []


@pytest.fixture
def bedrock(server: BedrockServer, started: tuple[BedrockServer, BedrockTuning]) -> BedrockTuning:
    return started[1]


def at_home(server: BedrockServer, patches: pytest.MonkeyPatch) -> None:
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_DEFAULT_REGION", "AWS_REGION"):
        patches.delenv(name, raising=False)
    for name, value in server.environment.items():
        patches.setenv(name, value)


def adapter_of(**changes: Any) -> BedrockTuning:
    settings: dict[str, Any] = {
        "provider": "bedrock",
        "teacher": "nova",
        "method": "supervised",
        "region": REGION,
        "bucket": BUCKET,
        "role": "arn:aws:iam::123456789012:role/srl-tuning",
        "reward_function": LAMBDA,
    }
    day = date(2026, 11, 1)
    entry = TeacherEntry(
        kind="openai",
        vendor="bedrock",
        model=NOVA,
        endpoint="https://bedrock-runtime.us-east-1.amazonaws.com/openai/v1",
        price=Price(input=1, output=1, as_of=day),
        terms=Terms(training_allowed=True, source="test", as_of=day),
    )
    return BedrockTuning(entry, Tuner(**(settings | changes)))


def examples(count: int = 3) -> list[TuningExample]:
    return [
        TuningExample(
            id=str(number),
            trajectory=str(number),
            split="train" if number else "validation",
            system="You lay out gardens.",
            messages=[Message(role="user", content=f"Step {number}\u2028please")],
            answer=f'{{"size": {number}}}',
            rejected=None,
            item=GraderItem(axes={"sun": "low", "area": 3.5}, facts={"sun": {"hours": 2}}, before={"a": [1]}, step=0),
        )
        for number in range(count)
    ]


def spec(method: Method = "supervised", **changes: Any) -> JobSpec:
    settings: dict[str, Any] = {"key": "srl-0123456789abcdef", "model": NOVA, "method": method, "name": "gardens-01"}
    settings |= {"seed": 1, "epochs": 2} | changes
    return JobSpec(**settings)


def uploaded(bedrock: BedrockTuning, job: JobSpec) -> dict[Split, str]:
    return {file.split: bedrock.upload(file) for file in bedrock.files(examples(), job)}


def begun(bedrock: BedrockTuning, job: JobSpec) -> str:
    return bedrock.submit(job, uploaded(bedrock, job))


def rows(bedrock: BedrockTuning, job: JobSpec) -> list[dict[str, Any]]:
    (train,) = [file for file in bedrock.files(examples(), job) if file.split == "train"]
    return [json.loads(line) for line in train.content.decode().splitlines()]


def test_supervised_rows_are_conversations_that_end_with_the_verified_answer(bedrock: BedrockTuning) -> None:
    assert rows(bedrock, spec())[0] == {
        "schemaVersion": "bedrock-conversation-2024",
        "system": [{"text": "You lay out gardens."}],
        "messages": [
            {"role": "user", "content": [{"text": "Step 1\u2028please"}]},
            {"role": "assistant", "content": [{"text": '{"size": 1}'}]},
        ],
    }


def test_reinforcement_rows_hold_the_prompt_and_the_task_for_the_grader(bedrock: BedrockTuning) -> None:
    row = rows(bedrock, spec("reinforcement"))[0]
    assert [message["role"] for message in row["messages"]] == ["system", "user"]
    assert GraderItem.model_validate(row["reference_answer"]["task"]) == examples()[1].item


def test_supervised_tuning_of_nova_2_has_no_validation_file(bedrock: BedrockTuning) -> None:
    nova_2 = "amazon.nova-2-lite-v1:0:256k"
    assert [file.split for file in bedrock.files(examples(), spec(model=nova_2))] == ["train"]
    assert len(bedrock.files(examples(), spec("reinforcement", model=nova_2))) == 2


def test_equal_examples_make_equal_files(bedrock: BedrockTuning) -> None:
    assert bedrock.files(examples(), spec()) == bedrock.files(examples(), spec())
    names = {file.name for count in (3, 4) for file in bedrock.files(examples(count), spec())}
    assert len(names) == 3  # the validation file is the same


def test_preference_is_refused(bedrock: BedrockTuning) -> None:
    with pytest.raises(PermanentError, match="does not offer method 'preference'"):
        bedrock.files(examples(), spec("preference"))


def test_a_learning_rate_whose_default_is_unknown_is_refused(bedrock: BedrockTuning) -> None:
    with pytest.raises(PermanentError, match="is not documented"):
        bedrock.files(examples(), spec("reinforcement", learning_rate_multiplier=2.0))


def test_nothing_to_train_on_is_refused(bedrock: BedrockTuning) -> None:
    with pytest.raises(PermanentError, match="no example to train on"):
        bedrock.files(examples(1), spec())


def test_a_supervised_job_lives_until_its_model_is_deployed(server: BedrockServer, bedrock: BedrockTuning) -> None:
    provider: TuningProvider = bedrock
    assert provider.vendor == "bedrock"
    assert bedrock.find(spec().key) is None
    job = begun(bedrock, spec(learning_rate_multiplier=2.0))
    states = [bedrock.look(job) for _ in range(4)]
    assert [state.state for state in states] == ["queued", "queued", "running", "succeeded"]
    assert "training InProgress" in states[2].note
    assert (states[3].trained_tokens, states[3].trained_seconds) == (None, 3600.0)
    with pytest.raises(TransientError, match="Creating"):
        bedrock.serve(states[3].model, spec().key)
    with pytest.raises(TransientError, match="Creating"):
        bedrock.serve(states[3].model, spec().key)
    assert ":custom-model-deployment/" in bedrock.serve(states[3].model, spec().key)
    (known,) = server.jobs.values()
    assert known.request["hyperParameters"] == {"epochCount": "2", "learningRate": "2e-05"}
    assert known.request["validationDataConfig"]["validators"][0]["s3Uri"].startswith(f"s3://{BUCKET}/srl-tuning/")
    assert server.bill == {spec().key: 3600}
    assert len(server.deployments) == 1


def test_a_reinforcement_job_names_the_reward_function(server: BedrockServer) -> None:
    bedrock = adapter_of(method="reinforcement")
    job = begun(bedrock, spec("reinforcement", batch_size=16))
    known = server.jobs[spec().key].answer()
    assert known["customizationType"] == "REINFORCEMENT_FINE_TUNING"
    rft = known["customizationConfig"]["rftConfig"]
    assert rft["graderConfig"] == {"lambdaGrader": {"lambdaArn": LAMBDA}}
    assert rft["hyperParameters"] == {"epochCount": 2, "batchSize": 16}
    assert [bedrock.look(job).state for _ in range(4)][-1] == "succeeded"


def test_a_file_that_is_there_is_not_written_again(server: BedrockServer, bedrock: BedrockTuning) -> None:
    file = bedrock.files(examples(), spec())[0]
    assert bedrock.upload(file) == bedrock.upload(file)


def test_a_file_of_that_name_with_another_content_is_refused(server: BedrockServer, bedrock: BedrockTuning) -> None:
    file = bedrock.files(examples(), spec())[0]
    bedrock.upload(file)
    other = file.model_copy(update={"content": file.content + b"\n", "digest": "0" * 64})
    with pytest.raises(PermanentError, match="with another content"):
        bedrock.upload(other)


@pytest.mark.parametrize(
    ("operation", "cut", "creates"),
    [
        ("HeadBucket", "before", 1),
        ("PutObject", "before", 1),
        ("PutObject", "after", 1),
        (GET, "before", 1),
        ("HeadObject", "before", 1),
        (CREATE, "before", 2),
        (CREATE, "after", 1),
    ],
)
def test_a_cut_network_leaves_one_job(
    server: BedrockServer, bedrock: BedrockTuning, operation: str, cut: Any, creates: int
) -> None:
    server.cut[operation] = [cut]
    with pytest.raises(TransientError) as caught:
        begun(bedrock, spec())
    assert caught.value.billed == ("unknown" if operation == CREATE else "no")
    assert begun(bedrock, spec()) == bedrock.find(spec().key)
    assert (len(server.jobs), server.requests.count(CREATE)) == (1, creates)


@pytest.mark.parametrize("cut", ["before", "after"])
def test_a_cut_network_leaves_one_deployment(server: BedrockServer, bedrock: BedrockTuning, cut: Any) -> None:
    server.reset(Script(gets=1, deploy_gets=1))
    model = bedrock.look(begun(bedrock, spec())).model
    server.cut["CreateCustomModelDeployment"] = [cut]
    with pytest.raises(TransientError) as caught:
        bedrock.serve(model, spec().key)
    assert caught.value.billed == "unknown"
    if cut == "before":
        with pytest.raises(TransientError, match="not ready"):
            bedrock.serve(model, spec().key)
    assert bedrock.serve(model, spec().key) == bedrock.serve(model, spec().key)
    assert len(server.deployments) == 1


def test_a_name_that_somebody_was_faster_to_take_is_the_job(server: BedrockServer, bedrock: BedrockTuning) -> None:
    files = uploaded(bedrock, spec())
    first = bedrock.submit(spec(), files)
    server.errors[GET] = [(404, "ResourceNotFoundException", "not yet visible")]
    assert bedrock.submit(spec(epochs=1), files) == first
    assert len(server.jobs) == 1


def test_a_file_that_was_deleted_is_told_before_anything_is_begun(
    server: BedrockServer, bedrock: BedrockTuning
) -> None:
    files = uploaded(bedrock, spec())
    with pytest.raises(FileGone):
        bedrock.submit(spec(), {"train": files["train"] + "x"})
    assert CREATE not in server.requests


def test_a_job_that_aws_forgot_is_gone(server: BedrockServer, bedrock: BedrockTuning) -> None:
    server.reset(Script(lost_after=1))
    job = begun(bedrock, spec())
    bedrock.look(job)
    with pytest.raises(JobGone):
        bedrock.look(job)
    with pytest.raises(JobGone):
        bedrock.cancel(job)


def test_a_job_is_stopped_once(server: BedrockServer, bedrock: BedrockTuning) -> None:
    job = begun(bedrock, spec())
    assert [bedrock.look(job).state for _ in range(3)][-1] == "running"
    bedrock.cancel(job)
    bedrock.cancel(job)
    stopped = bedrock.look(job)
    assert (stopped.state, stopped.trained_seconds) == ("cancelled", float(server.bill[spec().key]))
    bedrock.cancel(job)


def test_a_job_that_is_stopped_before_its_training_costs_nothing(bedrock: BedrockTuning) -> None:
    job = begun(bedrock, spec())
    bedrock.cancel(job)
    stopped = bedrock.look(job)
    assert (stopped.state, stopped.trained_tokens, stopped.trained_seconds) == ("cancelled", 0, 0.0)


def test_a_failure_is_told_in_awss_words(server: BedrockServer, bedrock: BedrockTuning) -> None:
    server.reset(Script(ends="Failed", gets=1))
    state = bedrock.look(begun(bedrock, spec()))
    assert (state.state, state.problem) == ("failed", "Training diverged: the loss is not a number.")


def test_too_few_rows_fail_the_job_without_a_cost(server: BedrockServer, bedrock: BedrockTuning) -> None:
    server.reset(Script(minimum=100))
    state = bedrock.look(begun(bedrock, spec()))
    assert (state.state, state.trained_tokens) == ("failed", 0)
    assert "too few" in state.problem


def test_a_deployment_that_failed_is_told(server: BedrockServer, bedrock: BedrockTuning) -> None:
    server.reset(Script(gets=1, deploy_gets=1, deploy_ends="Failed"))
    model = bedrock.look(begun(bedrock, spec())).model
    with pytest.raises(TransientError):
        bedrock.serve(model, spec().key)
    with pytest.raises(PermanentError, match="No capacity"):
        bedrock.serve(model, spec().key)


def test_a_missing_bucket_is_named(server: BedrockServer) -> None:
    bedrock = adapter_of(bucket="srl-not-there")
    with pytest.raises(PermanentError, match="no bucket srl-not-there"):
        uploaded(bedrock, spec())


def test_a_bucket_of_another_region_is_refused(server: BedrockServer, bedrock: BedrockTuning) -> None:
    server.reset(bucket_region="eu-west-1")
    with pytest.raises(PermanentError, match="is in eu-west-1, the tuner in us-east-1"):
        uploaded(bedrock, spec())
    assert "PutObject" not in server.requests


@pytest.mark.parametrize(
    ("operation", "action"), [("PutObject", "s3:PutObject"), (CREATE, "bedrock:CreateModelCustomizationJob")]
)
def test_denied_access_names_the_action(
    server: BedrockServer, bedrock: BedrockTuning, operation: str, action: str
) -> None:
    server.errors[operation] = [(403, "AccessDeniedException", "not authorized")]
    with pytest.raises(PermanentError, match=action) as caught:
        begun(bedrock, spec())
    assert caught.value.mend.startswith(f"Allow {action}")


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (429, "ThrottlingException", RateLimitError),
        (503, "SlowDown", RateLimitError),
        (400, "ServiceQuotaExceededException", TransientError),
        (500, "InternalServerException", TransientError),
        (400, "ValidationException", PermanentError),
        (403, "ExpiredTokenException", PermanentError),
    ],
)
def test_refusals_become_call_errors(
    server: BedrockServer, bedrock: BedrockTuning, status: int, code: str, kind: type[CallError]
) -> None:
    files = uploaded(bedrock, spec())
    server.errors[CREATE] = [(status, code, "no")]
    with pytest.raises(CallError, match=code) as caught:
        bedrock.submit(spec(), files)
    assert type(caught.value) is kind or (kind is PermanentError and isinstance(caught.value, kind))
    assert caught.value.billed == ("unknown" if status == 500 else "no")
    assert server.requests.count(CREATE) == 1  # boto3 does not try again


def test_no_message_holds_a_credential(server: BedrockServer, bedrock: BedrockTuning) -> None:
    key, secret = server.environment["AWS_ACCESS_KEY_ID"], server.environment["AWS_SECRET_ACCESS_KEY"]
    echo = f"Credential={key}/20261128/us-east-1 Signature=abcdef0123 {secret}"
    server.errors[GET] = [(403, "SignatureDoesNotMatch", echo)]
    with pytest.raises(PermanentError) as caught:
        bedrock.find(spec().key)
    told = f"{caught.value} {caught.value.mend} {caught.value.__cause__}"
    assert "[key]" in told
    assert not any(word in told for word in (key, secret, "abcdef0123"))


def test_without_credentials_nothing_is_sent(server: BedrockServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/dev/null")
    with pytest.raises(PermanentError, match="no AWS credentials"):
        adapter_of().find(spec().key)
    assert server.requests == []


def test_an_unknown_profile_is_told_at_once(server: BedrockServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    with pytest.raises(TuningError, match="nobody"):
        adapter_of()


def test_an_address_in_the_clear_is_refused(server: BedrockServer) -> None:
    with pytest.raises(TuningError, match="in the clear"):
        adapter_of(endpoint="http://bedrock.example.com")


def test_nobody_at_the_address_is_not_on_the_bill(server: BedrockServer) -> None:
    bedrock = adapter_of(endpoint="http://127.0.0.1:1")
    with pytest.raises(TransientError, match="cannot be reached") as caught:
        bedrock.find(spec().key)
    assert caught.value.billed == "no"
