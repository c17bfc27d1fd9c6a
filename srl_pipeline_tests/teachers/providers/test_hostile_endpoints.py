"""An endpoint that means harm: answers that fill the memory, addresses that are not what they look like."""

from __future__ import annotations

import gzip
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from srl_pipeline.errors import TeacherError
from srl_pipeline.teachers.calls.records import TransientError
from srl_pipeline.teachers.providers import connections, make_backend
from srl_pipeline_tests.teachers.providers.cases import entry, model_call


@contextmanager
def answering(body: bytes, asked: list[str], encoding: str | None = None) -> Iterator[str]:
    """A server that sends the same body to everyone and notes which encodings it was asked for."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            asked.append(self.headers.get("accept-encoding", ""))
            self.send_response(200)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            if encoding:
                self.send_header("content-encoding", encoding)
            self.end_headers()
            try:
                self.wfile.write(body)
            except OSError:  # the client has hung up, as it should
                self.close_connection = True

        def log_message(self, format: str, *args: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


def error_of(kind: str, url: str) -> TransientError:
    backend = make_backend(entry(kind, url))
    with pytest.raises(TransientError) as caught:
        backend.complete(model_call(), timeout=10, idempotency_key="k")
    backend.close()
    return caught.value


def test_a_compressed_answer_is_refused_before_it_grows(kind: str) -> None:
    asked: list[str] = []
    with answering(gzip.compress(b"0" * 10_000_000), asked, encoding="gzip") as url:
        error = error_of(kind, url)
    assert "compressed" in str(error) and error.billed == "unknown"
    assert set(asked) == {"identity"}


def test_an_answer_without_end_is_cut_off(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "_MOST_BYTES", 100_000)
    with answering(b" " * 1_000_000, []) as url:
        error = error_of(kind, url)
    assert "more than 100,000 bytes" in str(error) and error.billed == "unknown"


@pytest.mark.parametrize(
    "host",
    ["134744072", "0x8080808", "8.526344", "[::ffff:8.8.8.8]", "169.254.169.254", "[fe80::1]"],
    ids=["one number", "hexadecimal", "two numbers", "mapped", "metadata service", "link-local"],
)
def test_no_form_of_an_address_makes_a_public_or_link_local_host_a_private_one(host: str) -> None:
    with pytest.raises(TeacherError, match="in the clear"):
        make_backend(entry("openai", f"http://{host}/v1"))
