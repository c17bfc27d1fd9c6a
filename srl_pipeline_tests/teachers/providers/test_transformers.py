"""A local model as a teacher: a random one for what holds of any, the default student where the model matters."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from srl_pipeline.errors import TeacherError
from srl_pipeline.teachers.calls.records import Message, ModelCall, PermanentError, TransientError
from srl_pipeline.teachers.catalog.spec import TeacherEntry
from srl_pipeline.teachers.providers import make_backend
from srl_pipeline.teachers.providers.transformers import TransformersBackend
from srl_pipeline_tests.teachers.providers.cases import entry, model_call
from srl_pipeline_tests.training.world import write_student
from srl_pipeline_tests.vendors import read_log
from srl_pipeline_tests.vendors.student_server import StudentServer

TEMPLATE = "{% for m in messages %}{{ m['content'] }}\n{% endfor %}"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random model of two layers with 512 tokens of context, and a chat template."""
    folder = write_student(tmp_path_factory.mktemp("teacher") / "random")
    (folder / "chat_template.jinja").write_text(TEMPLATE, encoding="utf-8")
    return folder


def local_entry(folder: Path | str, structured: str = "none") -> TeacherEntry:
    return entry("transformers", None, model=str(folder), api_key_env=None, structured=structured)


def short_call(**changes: object) -> ModelCall:
    question = Message(role="user", content="In Moss Vale walls are of granite.")
    return model_call(system="", messages=[question], **{"max_tokens": 12, "temperature": 1.0} | changes)


def ask(backend: TransformersBackend, call: ModelCall, timeout: float = 60.0) -> str:
    return backend.complete(call, timeout=timeout, idempotency_key="").text


def test_equal_calls_have_equal_answers_and_samples_differ(folder: Path) -> None:
    first, second = TransformersBackend(local_entry(folder)), TransformersBackend(local_entry(folder))
    answers = [ask(first, short_call(sample=n)) for n in range(4)]
    assert [ask(second, short_call(sample=n)) for n in (2, 0)] == [answers[2], answers[0]]
    assert len(set(answers)) > 1


def test_tokens_and_the_limit_are_counted(folder: Path) -> None:
    reply = TransformersBackend(local_entry(folder)).complete(short_call(max_tokens=3), timeout=60, idempotency_key="")
    assert (reply.stop, reply.usage.output_tokens) == ("length", 3) and reply.usage.input_tokens > 5


def test_an_object_is_begun_for_the_model(folder: Path) -> None:
    backend = TransformersBackend(local_entry(folder, "json_schema"))
    assert ask(backend, short_call()).startswith("{")


def test_other_random_numbers_stay_as_they_are(folder: Path) -> None:
    torch.manual_seed(7)
    expected = torch.rand(3)
    torch.manual_seed(7)
    ask(TransformersBackend(local_entry(folder)), short_call())
    assert torch.equal(torch.rand(3), expected)


def test_a_generation_that_takes_too_long_costs_nothing(folder: Path) -> None:
    backend = TransformersBackend(local_entry(folder, "json_schema"))
    with pytest.raises(TransientError, match="did not answer") as caught:
        ask(backend, short_call(max_tokens=200), timeout=0.0)
    assert caught.value.billed == "no"


def test_a_prompt_that_does_not_fit_is_refused(folder: Path) -> None:
    with pytest.raises(PermanentError, match="do not fit into 512") as caught:
        ask(TransformersBackend(local_entry(folder)), short_call(max_tokens=600))
    assert "token_budget" in caught.value.mend


def test_a_model_without_a_chat_template_takes_no_instructions(tmp_path: Path) -> None:
    plain = write_student(tmp_path / "plain")
    with pytest.raises(PermanentError, match="chat template"):
        ask(TransformersBackend(local_entry(plain)), short_call())


def test_a_model_that_is_not_there_is_never_downloaded(tmp_path: Path) -> None:
    with pytest.raises(PermanentError, match="cannot be loaded") as caught:
        ask(TransformersBackend(local_entry("nobody/no-such-model")), short_call())
    assert "downloaded before" in caught.value.mend
    (tmp_path / "empty").mkdir()
    with pytest.raises(TeacherError, match="no model"):
        make_backend(local_entry(tmp_path / "empty"))


def test_a_closed_backend_loads_its_model_again(folder: Path) -> None:
    backend = TransformersBackend(local_entry(folder))
    before = ask(backend, short_call())
    backend.close()
    assert ask(backend, short_call()) == before


def test_a_local_model_serves_as_a_self_hosted_endpoint(folder: Path, tmp_path: Path) -> None:
    with StudentServer(tmp_path / "log.jsonl", str(folder)) as running:
        backend = make_backend(entry("openai", running.url, api_key_env=None))
        reply = backend.complete(short_call(), timeout=60, idempotency_key="k")
        backend.close()
    assert running.invalid == []
    assert reply.text.startswith("{") and (reply.stop, reply.usage.output_tokens) == ("length", 12)
    assert [e.billed for e in read_log(running.log.file)] == [True]


@pytest.mark.slow
def test_the_default_student_answers_with_one_json_object(tmp_path: Path) -> None:
    text = 'Answer as JSON with the fields "reasoning" and "stone". Walls in Moss Vale are of granite. Choose a stone.'
    question = Message(role="user", content=text)
    call = model_call(system="You answer with one JSON object.", messages=[question], max_tokens=60, temperature=0.0)
    with StudentServer(tmp_path / "log.jsonl", "smollm2-135m") as running:
        backend = make_backend(entry("openai", running.url, api_key_env=None, model="smollm2-135m"))
        reply = backend.complete(call, timeout=280, idempotency_key="k")
        backend.close()
    assert reply.stop == "end" and isinstance(json.loads(reply.text), dict)
