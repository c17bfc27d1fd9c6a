"""What OpenAI's tuning is sent: files, requests and graders."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from srl_pipeline.teachers.calls.records import (
    Message,
    PermanentError,
)
from srl_pipeline.tuning.providers.openai import OpenAITuning
from srl_pipeline.tuning.providers.openai_request import job_request
from srl_pipeline.tuning.records import JobSpec, Method, Split, TuningExample
from srl_pipeline_tests.teachers.providers.cases import KEY, KEY_ENV
from srl_pipeline_tests.tuning.examples import example
from srl_pipeline_tests.tuning.providers.openai_cases import (
    KEYED,
    begin,
    examples,
    spec,
    tuning,
    until_end,
    vendor,
)
from srl_pipeline_tests.vendors.openai_tuning_data import file_problem


@pytest.fixture(autouse=True)
def _key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(KEY_ENV, KEY)


def rows(adapter: OpenAITuning, method: Method, some: list[TuningExample]) -> list[dict[str, Any]]:
    return [json.loads(line) for file in adapter.files(some, spec(method)) for line in file.content.splitlines()]


def test_files_have_the_form_of_their_method(tmp_path: Path) -> None:
    with vendor(tmp_path) as server:
        adapter = tuning(server)
        (supervised,) = rows(adapter, "supervised", [examples()[0]])
        (preference,) = rows(adapter, "preference", examples()[:2])
        (reinforcement,) = rows(adapter, "reinforcement", [examples()[0]])
    prompt = [{"role": "system", "content": "s" * 20}, {"role": "user", "content": "u" * 40}]
    answer = {"role": "assistant", "content": '{"step": 1, "name": "Mühle 0"}'}
    assert supervised == {"messages": [*prompt, answer]}
    assert preference == {
        "input": {"messages": prompt},
        "preferred_output": [answer],
        "non_preferred_output": [{"role": "assistant", "content": '{"step": 7}'}],
    }
    assert reinforcement["messages"] == prompt and set(reinforcement) == {"messages", "task"}
    assert reinforcement["task"] == {
        "axes": {"slope": 3, "soil": "moor"},
        "facts": {"soil": {"load": 2.5}},
        "before": {},
        "step": 1,
    }


def test_an_answer_that_was_sent_back_is_read_and_not_imitated(tmp_path: Path) -> None:
    turns = [
        Message(role="user", content="Walls."),
        Message(role="assistant", content="No."),
        Message(role="user", content="Sent back."),
    ]
    some = [example(0, messages=turns, system="")]
    with vendor(tmp_path) as server:
        adapter = tuning(server)
        (supervised,) = rows(adapter, "supervised", some)
        (reinforcement,) = rows(adapter, "reinforcement", some)
    assert [m.get("weight") for m in supervised["messages"]] == [None, 0, None, None]
    assert all("weight" not in m for m in reinforcement["messages"])
    assert file_problem(json.dumps(supervised).encode(), "supervised") == (
        "invalid_n_examples",
        "Training file has 1 example(s), but must have at least 10 examples",
    )


def test_files_are_named_by_their_content(tmp_path: Path) -> None:
    with vendor(tmp_path) as server:
        adapter = tuning(server)
        first, second = adapter.files(examples(), spec())
        again, _ = adapter.files(examples(), spec())
        other, _ = adapter.files(examples(13), spec())
    assert first == again and first.name != other.name
    assert re.fullmatch(r"srl-[0-9a-f]{16}-train\.jsonl", first.name)
    assert re.fullmatch(r"srl-[0-9a-f]{16}-validation\.jsonl", second.name)
    assert first.content.endswith(b"\n") and "Mühle".encode() in first.content


def test_a_request_holds_all_that_was_chosen() -> None:
    chosen = spec("preference", batch_size=8, learning_rate_multiplier=0.5, beta=0.2, seed=2**40 + 5)
    files: dict[Split, str] = {"train": "file-1", "validation": "file-2"}
    assert job_request(chosen, files, "") == {
        "model": "gpt-4.1-nano",
        "training_file": "file-1",
        "validation_file": "file-2",
        "method": {
            "type": "dpo",
            "dpo": {"hyperparameters": {"n_epochs": 2, "batch_size": 8, "learning_rate_multiplier": 0.5, "beta": 0.2}},
        },
        "seed": 5,
        "suffix": "houses-012345",
        "metadata": {"srl_key": KEYED},
    }


def test_an_endpoint_that_grades_by_a_function_gets_its_name_and_no_suffix() -> None:
    arn = "arn:aws:lambda:eu-central-1:123456789012:function:grade"
    request = job_request(spec("reinforcement", grader=None), {"train": "file-1"}, arn)
    assert request["method"]["reinforcement"]["grader"] == {"type": "lambda", "lambda": {"function": arn}}
    assert "suffix" not in request and "validation_file" not in request


@pytest.mark.parametrize(
    ("job", "words"),
    [(spec("reinforcement", grader=None), "no grader"), (spec("prompt"), "no method 'prompt'")],
)
def test_what_the_api_has_not_is_never_sent(job: JobSpec, words: str) -> None:
    with pytest.raises(PermanentError, match=words):
        job_request(job, {"train": "file-1"}, "")


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("def grade(sample, item):\n    return item['answer']", "KeyError"),
        ("def grade(sample, item):\n    return 1", "no float"),
        ("def grade(sample, item)", "SyntaxError"),
    ],
)
def test_a_grader_that_cannot_be_used_is_refused_and_nothing_begins(source: str, words: str, tmp_path: Path) -> None:
    with vendor(tmp_path) as server, pytest.raises(PermanentError, match=f"Invalid grader.*{words}") as raised:
        begin(tuning(server, "reinforcement"), spec("reinforcement", grader=source))
    assert server.jobs == [] and "tuning.yaml" in raised.value.mend


def test_too_few_examples_fail_the_job_with_the_vendors_words(tmp_path: Path) -> None:
    with vendor(tmp_path) as server:
        adapter = tuning(server)
        end = until_end(adapter, begin(adapter, spec(), count=6))[-1]
    assert end.state == "failed" and end.trained_tokens is None and server.bill() == 0
    assert end.problem == "invalid_n_examples: Training file has 4 example(s), but must have at least 10 examples"


def test_the_server_turns_away_what_the_specification_does_not_know(tmp_path: Path) -> None:
    with vendor(tmp_path, broken=True) as server:
        adapter = tuning(server, "reinforcement", reward_function="arn:aws:lambda:x:1:function:grade")
        with pytest.raises(PermanentError, match="400"):
            begin(adapter, spec("reinforcement"))
    assert len(server.invalid) == 1 and "lambda" in server.invalid[0] and server.jobs == []
