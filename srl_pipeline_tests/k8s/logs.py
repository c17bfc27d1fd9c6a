"""Test-only: the log of a container, and the part of a kubelet's API that shows it."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import IO, Any
from urllib.parse import parse_qs, urlsplit


class Log:
    """Lines with the time at which they came; followed until `close`."""

    def __init__(self) -> None:
        self._lines: list[tuple[datetime, bytes]] = []
        self._closed = False
        self._changed = threading.Condition()

    def collect(self, output: IO[bytes]) -> None:
        """Read ``output`` to its end."""
        for line in output:
            with self._changed:
                self._lines.append((datetime.now(UTC), line if line.endswith(b"\n") else line + b"\n"))
                self._changed.notify_all()

    def close(self) -> None:
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def wait_closed(self, seconds: float) -> None:
        with self._changed:
            self._changed.wait_for(lambda: self._closed, seconds)

    def text(self) -> str:
        return b"".join(line for _, line in list(self._lines)).decode(errors="replace")

    def read(self, follow: bool, stamps: bool, tail: int | None, since_seconds: int | None) -> Iterator[bytes]:
        """Lines as Kubernetes gives them; with ``follow`` until the log is closed."""
        start = max(0, len(self._lines) - tail) if tail is not None else 0
        oldest = datetime.now(UTC) - timedelta(seconds=since_seconds) if since_seconds else None
        while True:
            with self._changed:
                found, start, closed = self._lines[start:], len(self._lines), self._closed
                if not found and follow and not closed:
                    self._changed.wait(1)
                    continue
            for time, line in found:
                if oldest is None or time >= oldest:
                    yield time.strftime("%Y-%m-%dT%H:%M:%S.%f000Z ").encode() + line if stamps else line
            if closed or not follow:
                return


class LogServer:
    """Serves ``/containerLogs/NAMESPACE/POD/CONTAINER`` over TLS on 127.0.0.1 until `close`."""

    def __init__(self, certificate: Path, key: Path, find: Callable[[str, str], Log | None]) -> None:
        handler = type("Handler", (_Handler,), {"find": staticmethod(find)})
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._http.daemon_threads = True
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        self._http.socket = context.wrap_socket(self._http.socket, server_side=True)
        self.port = self._http.server_port
        threading.Thread(target=self._http.serve_forever, args=(0.05,), daemon=True).start()

    def close(self) -> None:
        self._http.shutdown()
        self._http.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    find: Callable[[str, str], Log | None]

    def log_message(self, format: str, *args: Any) -> None: ...

    def do_GET(self) -> None:
        address = urlsplit(self.path)
        asked = {name: values[0] for name, values in parse_qs(address.query).items()}
        parts = address.path.strip("/").split("/")
        log = self.find(parts[1], parts[2]) if len(parts) == 4 and parts[0] == "containerLogs" else None
        if log is None:
            return self.send_error(404)
        self.send_response(200)
        self.send_header("Content-Type", "text/plain")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        tail, since = (int(asked[name]) if name in asked else None for name in ("tailLines", "sinceSeconds"))
        follow, stamps = (asked.get(name) == "true" for name in ("follow", "timestamps"))
        try:
            for line in log.read(follow, stamps, tail, since):
                self.wfile.write(b"%x\r\n%s\r\n" % (len(line), line))
                self.wfile.flush()
            self.wfile.write(b"0\r\n\r\n")
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True  # the API server went, or nobody listens any more
