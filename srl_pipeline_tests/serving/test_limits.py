"""What is refused, in OpenAI's shape, and what a client's bad manners do not break."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from typing import Any

import openai
import pytest

from srl_pipeline.serving import ServingError
from srl_pipeline.serving.server import is_loopback, read_token
from srl_pipeline.serving.wire import FIELDS, ChatRequest

from .conftest import Versions
from .world import ANSWER, MODEL, SOLVED, Served, World, wait

TOKEN = "a-long-random-text"
ASKED: dict[str, Any] = {"model": MODEL, "messages": [], "scenario": SOLVED}
SAID: dict[str, Any] = {"model": MODEL, "messages": [{"role": "user", "content": "Rain."}]}


@pytest.fixture(scope="module")
def served(made: tuple[World, Versions], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    from .world import copy_world

    world = copy_world(made[0], tmp_path_factory.mktemp("limits"))
    world.point(current=made[1].good)
    with world.serve(token=TOKEN, max_messages=3, max_body_kb=4) as server:
        yield server
    world.decisions.close()


def refused(served: Served, status: int, **options: Any) -> dict[str, Any]:
    found = served.post(**options)
    assert found.status_code == status, found.text
    error = found.json()["error"]
    assert set(error) == {"message", "type", "param", "code"} and error["message"]
    return error


@pytest.mark.parametrize(
    ("body", "param", "words"),
    [
        (ASKED | {"scenario": {"region": "moss_vale"}}, "scenario", "'trade' is missing or unknown"),
        (ASKED | {"scenario": SOLVED | {"era": "old"}}, "scenario", "'era' is missing or unknown"),
        (ASKED | {"scenario": SOLVED | {"trade": "king"}}, "scenario", "Mend: Use one of baker, smith"),
        (ASKED | {"scenario": SOLVED | {"trade": 3}}, "scenario", "no value 3"),
        (ASKED | {"scenario": SOLVED | {"trade": ["smith"]}}, "scenario", "scenario.trade"),
        (ASKED | {"scenario": "moss_vale"}, "scenario", "object"),
        (ASKED | SAID, "messages", "both given"),
        (SAID | {"messages": []}, "messages", "empty"),
        (SAID | {"messages": SAID["messages"] * 4}, "messages", "4 messages are more than 3"),
        (SAID | {"messages": [{"role": "tool", "content": "x"}]}, "messages", "messages.0.role"),
        (SAID | {"messages": [{"role": "user", "content": 5}]}, "messages", "messages.0.content"),
        (SAID | {"max_tokens": 65}, "max_tokens", "at most 64"),
        (SAID | {"max_tokens": 0}, "max_tokens", "greater than or equal to 1"),
        (SAID | {"max_tokens": "8"}, "max_tokens", "integer"),
        (SAID | {"temperature": 3}, "temperature", "less than or equal to 2"),
        (SAID | {"n": 2}, "n", "1"),
        (SAID | {"stop": ["x"]}, "stop", "not supported"),
        (SAID | {"messages": [{"role": "user", "content": "rain " * 600}]}, "messages", "context of 512"),
    ],
)
def test_what_cannot_be_answered_is_refused_with_its_field(
    served: Served, body: dict[str, Any], param: str, words: str
) -> None:
    error = refused(served, 400, body=body)
    assert error["param"] == param and words in error["message"] and error["type"] == "invalid_request_error"


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b'{"model": NaN}', b"\xff\xfe", b'{"model": "\\ud800"}', b"[" * 3000, b'{"a":' * 700],
    ids=["empty", "cut", "a list", "no number", "no text", "half a character", "deep lists", "deep objects"],
)
def test_a_body_that_is_no_request_is_refused(served: Served, content: bytes) -> None:
    refused(served, 400, content=content, headers={"content-type": "application/json"})


def test_infinity_is_no_axis_value(served: Served) -> None:
    text = '{"model": "houses", "messages": [], "scenario": {"region": 1e999, "trade": "smith"}}'
    refused(served, 400, content=text, headers={"content-type": "application/json"})


def test_a_body_that_is_too_large_is_refused(served: Served) -> None:
    error = refused(served, 413, body=SAID | {"user": "x" * 5000})
    assert "4096 bytes" in error["message"]


def test_another_content_type_is_refused_for_web_pages_may_send_it(served: Served) -> None:
    refused(served, 415, content=b"{}", headers={"content-type": "text/plain"})


def test_another_host_name_is_refused(served: Served) -> None:
    refused(served, 400, body=SAID, headers={"host": "rebound.example"})


def test_another_model_does_not_exist(served: Served) -> None:
    with pytest.raises(openai.NotFoundError) as caught:
        served.client.chat.completions.create(model="castles", messages=[])
    assert caught.value.code == "model_not_found" and "'houses'" in str(caught.value)


@pytest.mark.parametrize("header", ["", f"Bearer {TOKEN}x", f"Basic {TOKEN}", TOKEN, "Bearer", "Bearer \xe9"])
def test_without_the_token_nothing_is_answered(served: Served, header: str) -> None:
    error = refused(served, 401, body=ASKED, headers={"authorization": header.encode("latin-1")})
    assert error["type"] == "authentication_error" and TOKEN not in error["message"]
    for path in ("/v1/models", "/metrics"):
        assert served.get(path).status_code == 401


def test_a_probe_without_token_learns_that_it_serves_and_nothing_else(served: Served) -> None:
    assert served.get("/healthz").json() == {"status": "ok"}
    known = served.get("/healthz", authorization=f"Bearer {TOKEN}").json()
    assert known["model_type"] == MODEL and known["problems"] == []


def test_the_token_is_in_no_log(served: Served, caplog: pytest.LogCaptureFixture) -> None:
    served.post(ASKED)
    served.post(ASKED, headers={"authorization": f"Bearer {TOKEN}y"})
    assert TOKEN not in caplog.text


def test_another_address_needs_a_token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_TOKEN", raising=False)
    monkeypatch.setenv("SOME_TOKEN", TOKEN)
    assert [is_loopback(h) for h in ("127.0.0.1", "::1", "localhost", "0.0.0.0", "::", "example.org")] == [
        True,
        True,
        True,
        False,
        False,
        False,
    ]
    assert read_token("127.0.0.1", None) is None and read_token("0.0.0.0", "SOME_TOKEN") == TOKEN
    for host, variable in (("0.0.0.0", None), ("0.0.0.0", "NO_TOKEN"), ("127.0.0.1", "NO_TOKEN")):
        with pytest.raises(ServingError):
            read_token(host, variable)


def test_the_supported_fields_that_are_told_are_those_that_there_are() -> None:
    formal = {"n", "top_p", "frequency_penalty", "presence_penalty", "logprobs", "user"}
    assert set(FIELDS.split(", ")) == set(ChatRequest.model_fields) - formal


class Gated:
    """The real model behind a gate: each answer waits until it is opened. Named double."""

    def __init__(self, model: Any) -> None:
        self._model, self.open, self.entered = model, threading.Event(), threading.Semaphore(0)
        self.version = model.version

    def ask(self, question: Any, heard: Any) -> Any:
        self.entered.release()
        assert self.open.wait(20)
        return self._model.ask(question, heard)


def gated(world: World, versions: Versions) -> Any:
    from srl_pipeline.config import ServingConfig
    from srl_pipeline.serving.loading import load_model

    return Gated(load_model(world.store, MODEL, versions.good, ServingConfig(), "cpu"))


def test_more_than_the_queue_holds_is_refused_at_once_and_told_when_to_come_back(
    world: World, versions: Versions
) -> None:
    world.point(current=versions.good)
    model = gated(world, versions)
    with world.serve(queue=1, load=lambda _: model) as served:
        clients = [threading.Thread(target=served.ask) for _ in range(2)]
        for client in clients:
            client.start()
        wait(lambda: served.count("srl_serving_waiting") == 2, "one is asked and one waits")
        found = served.post(ASKED)
        assert found.status_code == 503 and int(found.headers["retry-after"]) >= 1
        assert found.json()["error"]["code"] == "overloaded"
        model.open.set()
        for client in clients:
            client.join()
        assert served.count("srl_serving_refused_total") == 1
        assert served.ask().choices[0].message.content == ANSWER


def test_a_client_that_leaves_ends_its_answer_and_is_nobodys_failure(world: World, versions: Versions) -> None:
    world.point(current=versions.good)
    model = gated(world, versions)
    with world.serve(load=lambda _: model) as served:
        host, port = served.origin.removeprefix("http://").split(":")
        body = b'{"model": "houses", "messages": [], "scenario": {"region": "moss_vale", "trade": "smith"}}'
        head = b"POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n"
        with socket.create_connection((host, int(port))) as client:
            client.sendall(head + f"content-length: {len(body)}\r\n\r\n".encode() + body)
            assert model.entered.acquire(timeout=20)
        wait(lambda: served.get("/healthz").status_code == 200, "the loop has seen the client leave")
        model.open.set()
        wait(served.live, "its row is written")
        [row] = served.live()
        assert (row.error, row.verified, row.failed) == ("client_left", None, False)
        assert served.ask().srl["correct"] is True


class Failing:
    """A model that raises. Named double of one whose memory ran out."""

    def __init__(self, version: str) -> None:
        self.version = version

    def ask(self, question: Any, heard: Any) -> Any:
        raise RuntimeError("the request said: my secret")


def test_a_model_that_fails_is_a_server_error_whose_text_stays_inside(
    world: World, versions: Versions, caplog: pytest.LogCaptureFixture
) -> None:
    world.point(current=versions.good)
    with world.serve(load=lambda version: Failing(version)) as served:
        error = refused(served, 500, body=ASKED)
        assert error["code"] == "model_failed" and "RuntimeError" in error["message"]
        streamed = refused(served, 500, body=ASKED | {"stream": True})  # nothing was sent yet
        assert "secret" not in error["message"] + streamed["message"] + caplog.text
        assert [(r.error, r.verified) for r in served.live()] == [("RuntimeError", None)] * 2
        of = f'model_type="{MODEL}",role="live",version="{versions.good}"'
        assert served.count(f'srl_serving_errors_total{{kind="RuntimeError",{of}}}') == 2
