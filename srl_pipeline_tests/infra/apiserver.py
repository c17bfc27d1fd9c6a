"""Test-only: a small Kubernetes API server. Pods run as processes of this machine; roles are enforced.

What it takes must be valid for Kubernetes (strictly), and only what the given rules of a Role allow is answered.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import threading
import uuid
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import kubernetes_validate

Object = dict[str, Any]
_PATH = re.compile(
    r"/(?:api/v1|apis/(?P<group>[^/]+)/v1)/namespaces/(?P<space>[^/]+)"
    r"/(?P<kind>[a-z]+)(?:/(?P<name>[^/]+))?(?:/(?P<sub>[a-z]+))?"
)
_LISTS = {"pods": "PodList", "jobs": "JobList", "events": "EventList"}


class ApiServer:
    """Serves one namespace on 127.0.0.1 until `close`. ``rules``: those of the Role that the caller has."""

    def __init__(self, namespace: str, rules: list[Object]) -> None:
        self.namespace, self.rules = namespace, rules
        self.objects: dict[tuple[str, str], Object] = {}
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self.output: dict[str, bytes] = {}
        self.created: list[Object] = []
        self.refused: list[str] = []
        self.selections = 0
        self.cuts = 0  # so many logs break off in the middle of a line
        self.lock = threading.RLock()
        handler = type("Handler", (_Handler,), {"api": self})
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._http.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._http.server_port}"
        threading.Thread(target=self._http.serve_forever, args=(0.05,), daemon=True).start()

    def close(self) -> None:
        for process in self.processes.values():
            process.kill()
        self._http.shutdown()
        self._http.server_close()

    def allows(self, verb: str, group: str, resource: str) -> bool:
        return any(
            verb in rule["verbs"] and group in rule["apiGroups"] and resource in rule["resources"]
            for rule in self.rules
        )

    def create(self, kind: str, body: Object) -> Object:
        metadata = body["metadata"]
        metadata |= {"uid": str(uuid.uuid4()), "creationTimestamp": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")}
        body["status"] = {"phase": "Pending"} if kind == "pods" else {"active": 1}
        with self.lock:
            self.created.append(json.loads(json.dumps(body)))
            self.objects[kind, metadata["name"]] = body
        if kind == "pods":
            self._start(body)
        return body

    def end(self, name: str, status: Object) -> None:
        """A pod is ended from outside: its process is killed, and Kubernetes says ``status``."""
        with self.lock:
            self.objects["pods", name]["forced"] = status
        self.processes[name].kill()

    def delete(self, kind: str, name: str) -> Object | None:
        with self.lock:
            found = self.objects.get((kind, name))
        if found and kind == "pods" and self.processes[name].poll() is None:
            self.processes[name].send_signal(signal.SIGTERM)
            self.processes[name].wait(10)
        with self.lock:
            return self.objects.pop((kind, name), None)

    def _start(self, pod: Object) -> None:
        name, container = pod["metadata"]["name"], pod["spec"]["containers"][0]
        given = {one["name"]: one["value"] for one in container.get("env", []) if "value" in one}
        process = subprocess.Popen(
            container["command"], env={**os.environ, **given}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        self.processes[name], self.output[name] = process, b""
        self._status(pod, {"running": {}}, "Running")
        threading.Thread(target=self._follow, args=(pod, process), daemon=True).start()

    def _follow(self, pod: Object, process: subprocess.Popen[bytes]) -> None:
        name = pod["metadata"]["name"]
        for line in process.stdout or []:
            stamp = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f000Z").encode()
            self.output[name] += stamp + b" " + line
        code = process.wait()
        ended = {"exitCode": code if code >= 0 else 128 - code, "reason": "Completed" if code == 0 else "Error"}
        with self.lock:
            forced = pod.pop("forced", {})
        self._status(pod, {"terminated": ended | forced.get("terminated", {})}, "Failed" if code else "Succeeded")
        pod["status"] |= {key: value for key, value in forced.items() if key != "terminated"}

    def _status(self, pod: Object, state: Object, phase: str) -> None:
        container = pod["spec"]["containers"][0]
        status = {"name": container["name"], "state": state, "ready": phase == "Running", "restartCount": 0}
        status |= {"image": container["image"], "imageID": ""}
        pod["status"] = {"phase": phase, "containerStatuses": [status]}


class _Handler(BaseHTTPRequestHandler):
    api: ApiServer

    def do_GET(self) -> None:
        self._answer({None: "list"})

    def do_POST(self) -> None:
        self._answer({None: "create"})

    def do_DELETE(self) -> None:
        self._answer({})

    def log_message(self, format: str, *args: Any) -> None: ...

    def _answer(self, without_name: dict[str | None, str]) -> None:
        address = urlsplit(self.path)
        asked = {key: values[0] for key, values in parse_qs(address.query).items()}
        body = json.loads(self.rfile.read(int(self.headers.get("Content-Length") or 0)) or b"{}")
        found = _PATH.fullmatch(address.path)
        if not found or found["space"] != self.api.namespace:
            return self._say(404, {"kind": "Status", "code": 404, "message": self.path})
        kind, name, sub = found["kind"], found["name"], found["sub"]
        named = {"GET": "get", "DELETE": "delete"}
        verb = without_name[None] if name is None else named[self.command]
        resource = f"{kind}/{sub}" if sub else kind
        if not self.api.allows(verb, found["group"] or "", resource):
            self.api.refused.append(f"{verb} {resource}")
            return self._say(403, {"kind": "Status", "code": 403, "message": f"may not {verb} {resource}"})
        if verb == "create":
            return self._create(kind, body)
        if verb == "list":
            return self._say(200, {"kind": _LISTS[kind], "items": self._chosen(kind, asked)})
        return self._one(verb, kind, name or "", sub, asked)

    def _create(self, kind: str, body: Object) -> None:
        whole = {"apiVersion": "v1" if kind == "pods" else "batch/v1", "kind": "Pod" if kind == "pods" else "Job"}
        kubernetes_validate.validate({**whole, **body}, "1.37", strict=True)
        self._say(201, self.api.create(kind, body))

    def _chosen(self, kind: str, asked: dict[str, str]) -> list[Object]:
        wanted = dict(part.split("=", 1) for part in asked.get("labelSelector", "").split(",") if part)
        field = asked.get("fieldSelector", "")
        self.api.selections += bool(wanted)
        with self.api.lock:
            return [
                one
                for (of, name), one in self.api.objects.items()
                if of == kind
                and wanted.items() <= one["metadata"].get("labels", {}).items()
                and (not field or field == f"metadata.name={name}")
            ]

    def _one(self, verb: str, kind: str, name: str, sub: str | None, asked: dict[str, str]) -> None:
        with self.api.lock:
            found = self.api.objects.get((kind, name))
        if found is None:
            return self._say(404, {"kind": "Status", "code": 404, "message": f"no {kind} {name}"})
        if verb == "delete":
            return self._say(200, self.api.delete(kind, name) or {})
        return self._log(name, asked) if sub == "log" else self._say(200, found)

    def _log(self, name: str, asked: dict[str, str]) -> None:
        if "follow" in asked:
            self.api.processes[name].wait()
            threading.Event().wait(0.1)  # the last lines
        lines = self.api.output[name].splitlines(keepends=True)
        if "timestamps" not in asked:
            lines = [line.partition(b" ")[2] for line in lines]
        if self.api.cuts and len(lines) > 2:
            self.api.cuts -= 1
            lines[-2:] = [lines[-2][:20]]
            self.close_connection = True
            self._send(200, b"".join(lines), "text/plain", missing=100)
        else:
            self._send(200, b"".join(lines[-int(asked.get("tailLines", 10_000)) :]), "text/plain")

    def _say(self, code: int, body: Object) -> None:
        self._send(code, json.dumps(body).encode(), "application/json")

    def _send(self, code: int, body: bytes, kind: str, missing: int = 0) -> None:
        self.send_response(code)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body) + missing))
        self.end_headers()
        self.wfile.write(body)
