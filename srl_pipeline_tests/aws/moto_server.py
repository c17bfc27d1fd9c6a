"""Test-only: moto's emulation of AWS over HTTP on this machine, one a process, with faults on demand.

moto undoes a failed DynamoDB transaction by putting a copy of the whole table back, and locks nothing: requests to
DynamoDB are let in one at a time here, or it would lose what others wrote meanwhile.
"""

from __future__ import annotations

import json
import logging
import threading
import urllib.request
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from typing import Any

import pytest

REGION = "eu-central-1"
VARIABLES = {
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing-secret",
    "AWS_DEFAULT_REGION": REGION,
    "AWS_EC2_METADATA_DISABLED": "true",
}


@dataclass(frozen=True)
class Fault:
    """What happens to the next request of an operation.

    Attributes:
        target: End of the header ``X-Amz-Target``, such as ``TransactWriteItems``; empty for any request.
        code: The error that is answered.
        after: Whether the request is carried out before, so that only its answer is lost.
        more: Further fields of the answer.
    """

    target: str
    code: str
    message: str = "by the test"
    status: int = 400
    after: bool = False
    more: tuple[tuple[str, Any], ...] = ()


class MotoServer:
    """A running server.

    Attributes:
        faults: What happens to coming requests; each happens once, the first that fits first.
        seen: The last thousand operations, by the end of ``X-Amz-Target``.
    """

    def __init__(self) -> None:
        from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
        from werkzeug.serving import make_server

        logging.getLogger("werkzeug").setLevel(logging.ERROR)
        self.faults: deque[Fault] = deque()
        self.seen: deque[str] = deque(maxlen=1000)
        self._moto: Callable[..., Iterable[bytes]] = DomainDispatcherApplication(create_backend_app)
        self._one_at_a_time = threading.Lock()
        server = make_server("127.0.0.1", 0, self._answer, threaded=True, request_handler=MotoRequestHandler)
        self.url = f"http://127.0.0.1:{server.server_port}"
        threading.Thread(target=server.serve_forever, daemon=True).start()

    def reset(self) -> None:
        """Forget everything that was kept, and the faults."""
        self.faults.clear()
        self.seen.clear()
        request = urllib.request.Request(f"{self.url}/moto-api/reset", method="POST")
        urllib.request.urlopen(request, timeout=30).close()

    def _answer(self, environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        target = str(environ.get("HTTP_X_AMZ_TARGET", ""))
        self.seen.append(target.rpartition(".")[2])
        fault = self._fault(target)
        if fault is not None and fault.after:
            b"".join(self._carry_out(target, environ, lambda *_: None))
        if fault is None:
            return self._carry_out(target, environ, start)
        kind = f"com.amazonaws.dynamodb.v20120810#{fault.code}"
        body = json.dumps({"__type": kind, "message": fault.message, **dict(fault.more)}).encode()
        start(f"{fault.status} ERROR", [("Content-Type", "application/x-amz-json-1.0")])
        return [body]

    def _fault(self, target: str) -> Fault | None:
        fault = next((f for f in list(self.faults) if target.endswith(f.target)), None)
        if fault is not None:
            self.faults.remove(fault)
        return fault

    def _carry_out(self, target: str, environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        conditional = {"HTTP_IF_NONE_MATCH", "HTTP_IF_MATCH"} & environ.keys()  # S3: moto looks, then writes
        if not target.startswith("DynamoDB") and not conditional:
            return self._moto(environ, start)
        with self._one_at_a_time:
            return [b"".join(self._moto(environ, start))]


@cache
def running() -> MotoServer:
    """The server of this process, started when it is first asked for."""
    return MotoServer()


def emulated_aws(monkeypatch: pytest.MonkeyPatch) -> MotoServer:
    """An empty AWS that every client in this process, and in processes that it starts, finds by its environment."""
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_REGION"):
        monkeypatch.delenv(name, raising=False)
    server = running()
    for name, value in {**VARIABLES, "AWS_ENDPOINT_URL": server.url}.items():
        monkeypatch.setenv(name, value)
    server.reset()
    return server


@pytest.fixture
def moto_server(monkeypatch: pytest.MonkeyPatch) -> MotoServer:
    """`emulated_aws` for one test."""
    return emulated_aws(monkeypatch)
