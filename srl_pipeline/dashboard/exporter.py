"""Metrics over HTTP for Prometheus. With a token, whoever does not send it is told nothing."""

from __future__ import annotations

import hmac
import socket
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, TypeAlias
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from prometheus_client.exposition import ThreadingWSGIServer, make_wsgi_app

if TYPE_CHECKING:
    from prometheus_client.registry import Collector

App: TypeAlias = Callable[..., Iterable[bytes]]


def exporter(registry: Collector, host: str, port: int, token: str | None) -> WSGIServer:
    """A server that listens, and answers once `serve_forever` runs; port 0 takes a free one. Raises OSError."""
    app: App = make_wsgi_app(registry)
    kind = _Server6 if ":" in host else ThreadingWSGIServer
    return make_server(host, port, guarded(app, token) if token else app, kind, handler_class=_Quiet)


def guarded(app: App, token: str) -> App:
    """``app`` for those who send ``Authorization: Bearer`` with the token, compared in constant time."""
    wanted = f"Bearer {token}".encode("latin-1")

    def answer(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        sent = str(environ.get("HTTP_AUTHORIZATION", "")).encode("latin-1", "replace")
        if hmac.compare_digest(sent, wanted):
            return app(environ, start_response)
        start_response("401 Unauthorized", [("WWW-Authenticate", "Bearer"), ("Content-Length", "0")])
        return [b""]

    return answer


class _Server6(ThreadingWSGIServer):
    address_family = socket.AF_INET6


class _Quiet(WSGIRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        """A scrape every few seconds is worth no line."""
