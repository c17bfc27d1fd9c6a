"""Test-only: moto's emulation of AWS over HTTP on this machine, one a process, with faults on demand.

moto undoes a failed DynamoDB transaction by putting a copy of the whole table back, and locks nothing: requests to
DynamoDB are let in one at a time here, or it would lose what others wrote meanwhile.
"""

from __future__ import annotations

import atexit
import json
import logging
import os
import threading
import urllib.request
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from functools import cache
from typing import Any

import pytest

from srl_pipeline_tests.aws.sagemaker import CONTROL, install, stop_executions
from srl_pipeline_tests.aws.sagemaker_control import TrainingJobs

REGION = "eu-central-1"
FAULTS = "/_srl/faults"
Application = Callable[..., Iterable[bytes]]
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
    """A running server; training jobs and state machines run on this machine.

    Attributes:
        faults: What happens to coming requests; each happens once, the first that fits first.
        seen: The last thousand operations, by the end of ``X-Amz-Target``.
        training_jobs: SageMaker's.
    """

    def __init__(self, wrapped: Callable[[Application], Application] = lambda moto: moto) -> None:
        """``wrapped``: what is put around moto."""
        from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
        from werkzeug.serving import make_server

        logging.getLogger("werkzeug").setLevel(logging.ERROR)
        self.faults: deque[Fault] = deque()
        self.seen: deque[str] = deque(maxlen=1000)
        self._moto = wrapped(DomainDispatcherApplication(create_backend_app))
        self._one_at_a_time = threading.Lock()
        server = make_server("127.0.0.1", 0, self._answer, threaded=True, request_handler=MotoRequestHandler)
        self.url = f"http://127.0.0.1:{server.server_port}"
        os.environ["MOTO_PORT"] = str(server.server_port)  # by it a state machine finds the services that it calls
        self._sagemaker = install({**VARIABLES, "AWS_ENDPOINT_URL": self.url})
        self.training_jobs = TrainingJobs(self.url)
        atexit.register(self.stop)
        threading.Thread(target=server.serve_forever, daemon=True).start()

    def reset(self) -> None:
        """Forget everything that was kept, and the faults; kill what runs."""
        post(f"{self.url}/moto-api/reset")

    def stop(self) -> None:
        """Kill what runs."""
        stop_executions()
        self._sagemaker.forget()

    def _answer(self, environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        path, target = environ["PATH_INFO"], str(environ.get("HTTP_X_AMZ_TARGET", ""))
        if path.startswith((CONTROL, FAULTS)):
            return self._control(path, environ, start)
        if path == "/moto-api/reset":
            self.stop()
            self.faults.clear()
            self.seen.clear()
            return self._moto(environ, start)
        self.seen.append(target.rpartition(".")[2])
        fault = self._fault(target)
        if fault is not None and fault.after:
            b"".join(self._carry_out(target, environ, lambda *_: None))
        if fault is None:
            return self._carry_out(target, environ, start)
        kind = f"com.amazonaws.dynamodb.v20120810#{fault.code}" if target.startswith("DynamoDB") else fault.code
        body = json.dumps({"__type": kind, "message": fault.message, **dict(fault.more)}).encode()
        start(f"{fault.status} ERROR", [("Content-Type", "application/x-amz-json-1.0")])
        return [body]

    def _control(self, path: str, environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        status, told = 200, None
        if path == FAULTS:
            body = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
            self.faults += [Fault(**fault) for fault in json.loads(body)]
        else:
            status, told = self._sagemaker.control(path.removeprefix(CONTROL), environ["QUERY_STRING"])
        start(f"{status} CONTROL", [("Content-Type", "application/json")])
        return [json.dumps(told).encode()]

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


def post(url: str, body: Any = None) -> None:
    """Send ``body`` as JSON."""
    request = urllib.request.Request(url, json.dumps(body).encode(), method="POST")
    urllib.request.urlopen(request, timeout=60).close()


def inject(url: str, *faults: Fault) -> None:
    """Add to `MotoServer.faults` of the server at ``url``, whichever process it is in."""
    post(f"{url}{FAULTS}", [asdict(fault) for fault in faults])


def execute_state_machines(url: str) -> None:
    """Have executions of Step Functions run, until the next reset; without, moto only keeps them."""
    post(f"{url}/moto-api/config", {"stepfunctions": {"execute_state_machine": True}})


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
