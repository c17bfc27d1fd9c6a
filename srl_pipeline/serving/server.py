"""Bind and serve. Loopback needs no token; any other address does."""

from __future__ import annotations

import ipaddress
import os
import socket

import uvicorn

from srl_pipeline.errors import PipelineError
from srl_pipeline.serving.endpoint import make_app
from srl_pipeline.serving.errors import ServingError
from srl_pipeline.serving.service import Service

LOCAL_NAMES = ("localhost", "127.0.0.1", "::1")
GRACE_SECONDS = 10
"""How long an ending server waits for answers under way."""


def read_token(host: str, variable: str | None) -> str | None:
    """The token of the environment variable ``variable``; raises ServingError where one is needed and missing."""
    if variable is None:
        if is_loopback(host):
            return None
        raise ServingError(
            f"{host} is not a loopback address, so anybody on the network could ask.",
            where="--host",
            mend="Put a token into an environment variable and name it: --token-env SRL_TOKEN.",
        )
    token = os.environ.get(variable, "").strip()
    if not token or not token.isascii():
        raise ServingError(
            f"The environment variable {variable} holds no token.",
            where="--token-env",
            mend="Set it to a long random text of ASCII characters, e.g. of 'openssl rand -hex 32'.",
        )
    return token


def is_loopback(host: str) -> bool:
    """Whether ``host`` can only be reached from this machine."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


class Server:
    """An endpoint on a socket of its own; port 0 takes a free one."""

    def __init__(self, service: Service, host: str, port: int, token: str | None) -> None:
        hosts = LOCAL_NAMES if is_loopback(host) else ()
        app = make_app(service, token, hosts)
        self._socket = _bind(host, port)
        self._host = host
        self._uvicorn = uvicorn.Server(
            uvicorn.Config(
                app,
                log_level="warning",
                access_log=False,
                server_header=False,
                lifespan="off",
                timeout_graceful_shutdown=GRACE_SECONDS,
            )
        )

    @property
    def url(self) -> str:
        """What a client's base URL is."""
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"http://{host}:{self._socket.getsockname()[1]}/v1"

    @property
    def started(self) -> bool:
        return self._uvicorn.started

    def run(self) -> None:
        """Serve until `stop`, SIGINT or SIGTERM."""
        self._uvicorn.run(sockets=[self._socket])

    def stop(self) -> None:
        """End `run`, from another thread."""
        self._uvicorn.should_exit = True


def _bind(host: str, port: int) -> socket.socket:
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        found = socket.socket(family, kind, protocol)
        found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        found.bind(address)
        found.listen(128)
    except OSError as error:
        raise PipelineError(
            f"{host}:{port} cannot be bound: {error.strerror}.",
            where="--host and --port",
            mend="Stop what listens there, or choose another port; 0 takes a free one.",
        ) from error
    return found
