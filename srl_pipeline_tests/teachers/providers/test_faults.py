"""Everything that can go wrong with a call, as the error that says whether to try again and whether it was paid for."""

from __future__ import annotations

import socket
import threading
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest

from srl_pipeline.clock import StopWatch
from srl_pipeline.teachers.calls.records import CallError, PermanentError, RateLimitError, TransientError
from srl_pipeline.teachers.providers import make_backend
from srl_pipeline_tests.teachers.providers.cases import KEY, KEY_ENV, entry, model_call, server
from srl_pipeline_tests.vendors import Fault, FaultPlan, read_log


def failure(kind: str, url: str, *, timeout: float = 10.0, within: float = 30.0) -> CallError:
    """The error of one call, which comes ``within`` seconds; neither it nor anything chained to it shows the key."""
    backend = make_backend(entry(kind, url))
    watch = StopWatch()
    with pytest.raises(CallError) as caught:
        backend.complete(model_call(), timeout=timeout, idempotency_key="k")
    assert watch.seconds < within
    backend.close()
    error = caught.value
    assert error.__cause__ is None and error.__context__ is None
    assert KEY not in str(error) + repr(error) + "".join(traceback.format_exception(error))
    return error


@contextmanager
def raw_server(answer: bytes, pause: float = 0.0) -> Iterator[str]:
    """Sends the same bytes to everyone, in eight pieces with pauses, and hangs up."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection:
                _read_request(connection)
                step = len(answer) // 8 + 1
                try:
                    for start in range(0, len(answer), step):
                        connection.sendall(answer[start : start + step])
                        time.sleep(pause)
                except OSError:
                    pass

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        listener.close()


def _read_request(connection: socket.socket) -> None:
    """All of it: what is left unread would reset the connection."""
    with connection.makefile("rb") as request:
        size = 0
        while (line := request.readline().strip().lower()) != b"":
            if line.startswith(b"content-length:"):
                size = int(line.partition(b":")[2])
        request.read(size)


def http(status: str, body: bytes, *headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", "Connection: close", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def test_a_rate_limit_carries_the_seconds_to_wait(kind: str, tmp_path: Path) -> None:
    with server(kind, tmp_path, faults=FaultPlan([Fault("rate_limit", retry_after="7")])) as running:
        error = failure(kind, running.url)
    assert isinstance(error, RateLimitError)
    assert error.retry_after == 7.0 and error.billed == "no"
    assert running.invalid == []


def test_a_date_to_wait_for_becomes_seconds(kind: str, tmp_path: Path) -> None:
    moment = format_datetime(datetime.now(UTC) + timedelta(seconds=60), usegmt=True)
    with server(kind, tmp_path, faults=FaultPlan([Fault("rate_limit", retry_after=moment)])) as running:
        error = failure(kind, running.url)
    assert isinstance(error, RateLimitError)
    assert error.retry_after is not None and 50 < error.retry_after <= 60


def test_googles_retry_info_is_read_from_the_body(tmp_path: Path) -> None:
    with server("gemini", tmp_path, faults=FaultPlan([Fault("rate_limit", retry_after="")])) as running:
        error = failure("gemini", running.url)
    assert isinstance(error, RateLimitError) and error.retry_after == 17.0


@pytest.mark.parametrize("fault", ["server_error", "overloaded"])
def test_an_error_of_the_server_is_worth_another_try_and_not_billed(kind: str, fault: str, tmp_path: Path) -> None:
    with server(kind, tmp_path, faults=FaultPlan([Fault(fault)])) as running:  # type: ignore[arg-type]
        error = failure(kind, running.url)
    assert type(error) is TransientError and error.billed == "no"
    assert not read_log(running.log.file)[0].billed and running.invalid == []


def test_a_call_is_sent_once_whatever_happens(kind: str, tmp_path: Path) -> None:
    for fault in ("rate_limit", "server_error", "overloaded", "truncated", "malformed_json"):
        folder = tmp_path / fault
        with server(kind, folder, faults=FaultPlan([Fault(fault)])) as running:  # type: ignore[arg-type]
            failure(kind, running.url)
        assert len(read_log(running.log.file)) == 1, f"the SDK tried again after {fault}"


def test_a_slow_answer_is_a_time_out_that_may_be_on_the_bill(kind: str, tmp_path: Path) -> None:
    with server(kind, tmp_path, faults=FaultPlan([Fault("slow", seconds=2.5)])) as running:
        error = failure(kind, running.url, timeout=0.3, within=2.4)
    assert type(error) is TransientError and error.billed == "unknown"
    assert [e.billed for e in read_log(running.log.file)] == [True]


@pytest.mark.parametrize("fault", ["truncated", "malformed_json"])
def test_a_broken_answer_may_be_on_the_bill(kind: str, fault: str, tmp_path: Path) -> None:
    with server(kind, tmp_path, faults=FaultPlan([Fault(fault)])) as running:  # type: ignore[arg-type]
        error = failure(kind, running.url)
    assert type(error) is TransientError and error.billed == "unknown"
    assert [e.billed for e in read_log(running.log.file)] == [True]


def test_an_answer_that_trickles_in_ends_with_the_calls_time(kind: str) -> None:
    with raw_server(http("200 OK", b" " * 800, "Content-Type: application/json"), pause=0.2) as url:
        error = failure(kind, url, timeout=0.5, within=1.3)
    assert type(error) is TransientError and error.billed == "unknown"


@pytest.mark.parametrize(
    "body",
    [b"", b"null", b"[]", b"{}", b"<html>proxy</html>", b'{"choices": []}', b'{"usage": 3}', b"[" * 100_000],
)
def test_a_body_that_is_no_answer_is_unreadable(kind: str, body: bytes) -> None:
    with raw_server(http("200 OK", body, "Content-Type: application/json")) as url:
        error = failure(kind, url)
    assert type(error) is TransientError and error.billed == "unknown"
    assert len(str(error)) < 500


def test_a_connection_that_is_cut_before_the_answer_may_be_on_the_bill(kind: str) -> None:
    with raw_server(b"") as url:
        error = failure(kind, url)
    assert type(error) is TransientError and error.billed == "unknown"


def test_a_host_that_is_not_there_costs_nothing(kind: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    error = failure(kind, url)
    assert type(error) is TransientError and error.billed == "no"


def test_a_wrong_key_is_permanent_and_not_repeated(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = "sk-wrong-key-0123456789"
    monkeypatch.setenv(KEY_ENV, wrong)
    with server(kind, tmp_path) as running:
        error = failure(kind, running.url)
    assert isinstance(error, PermanentError)
    assert "Incorrect API key provided: [key]" in str(error) and wrong not in "".join(traceback.format_exception(error))
    assert KEY_ENV in error.mend


@pytest.mark.parametrize(
    ("status", "mend"),
    [
        ("400 Bad Request", "settings"),
        ("402 Payment Required", "billing"),
        ("403 Forbidden", KEY_ENV),
        ("404 Not Found", "model-1"),
        ("413 Too Large", "token_budget"),
        ("307 Temporary Redirect", "redirects"),
    ],
)
def test_what_would_fail_again_says_what_to_do(kind: str, status: str, mend: str) -> None:
    answer = http(status, b'{"error": {"message": "no"}}', "Content-Type: application/json", "Location: http://x/")
    with raw_server(answer) as url:
        error = failure(kind, url)
    assert isinstance(error, PermanentError) and mend in error.mend


@pytest.mark.parametrize(("status", "billed"), [("503 Unavailable", "no"), ("504 Gateway Timeout", "unknown")])
def test_a_gateway_that_gave_up_waiting_may_be_on_the_bill(kind: str, status: str, billed: str) -> None:
    answer = http(status, b"<html>", "Content-Type: text/html", "Retry-After-Ms: 1500")
    with raw_server(answer) as url:
        error = failure(kind, url)
    assert type(error) is TransientError and error.billed == billed and error.retry_after == 1.5


def test_an_account_without_credit_is_no_rate_limit() -> None:
    body = b'{"error": {"message": "You exceeded your current quota", "code": "insufficient_quota"}}'
    with raw_server(http("429 Too Many Requests", body, "Content-Type: application/json")) as url:
        error = failure("openai", url)
    assert isinstance(error, PermanentError) and "credit" in error.mend


@pytest.mark.parametrize("value", ["soon", "-3", "nan", "inf", "Mon, 99 Foo"])
def test_an_odd_time_to_wait_is_none(value: str) -> None:
    with raw_server(http("429 Too Many Requests", b"{}", f"Retry-After: {value}")) as url:
        error = failure("openai", url)
    assert isinstance(error, RateLimitError) and error.retry_after is None
