"""Test-only: a small kubelet. Its node is this machine, pods of its node are processes with mounts of their own.

Not here: images, probes, several containers in a pod, resource limits, networks of pods.
"""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
import threading
import time
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import kubernetes
from kubernetes.client import ApiException
from urllib3.exceptions import HTTPError

from srl_pipeline_tests.k8s.container import start
from srl_pipeline_tests.k8s.control_plane import ControlPlane
from srl_pipeline_tests.k8s.logs import Log, LogServer
from srl_pipeline_tests.k8s.volumes import Inputs

CAPACITY = {"cpu": "64", "memory": "256Gi", "ephemeral-storage": "500Gi", "pods": "50", "nvidia.com/gpu": "4"}
Object = dict[str, Any]


@dataclass
class Running:
    """A pod that was started here."""

    name: str
    namespace: str
    uid: str
    container: str
    image: str
    process: subprocess.Popen[bytes]
    log: Log
    began: str
    always: bool
    forced: Object = field(default_factory=dict)
    said: Object = field(default_factory=dict)
    kill_at: float | None = None

    def stop(self, number: int, everything: bool = False) -> None:
        """Send a signal to the container's process, or to all that it started, too."""
        try:
            (os.killpg if everything else os.kill)(self.process.pid, number)
        except ProcessLookupError:
            return  # it has ended


class Kubelet:
    """Makes a node and runs its pods until `close`. ``address``: of the API server, for the pods."""

    def __init__(self, api: Any, node: str, address: tuple[str, int], tls: tuple[Path, Path]) -> None:
        self._core: Any = kubernetes.client.CoreV1Api(api)
        self._leases: Any = kubernetes.client.CoordinationV1Api(api)
        self.node, self.pods, self._lock = node, dict[str, Running](), threading.RLock()
        self._folder = tempfile.TemporaryDirectory(prefix="kubelet-", ignore_cleanup_errors=True)
        self._inputs = Inputs(self._core, address)
        self._server = LogServer(*tls, self._find)
        self._over = threading.Event()
        self._register()
        self._thread = threading.Thread(target=self._work, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """The node goes: its processes die, and nothing is heard of it again."""
        self._over.set()
        self._thread.join(20)
        for pod in self.pods.values():
            pod.stop(signal.SIGKILL, everything=True)
            pod.process.wait()
        self._server.close()
        self._folder.cleanup()

    def evict(self, name: str, message: str) -> None:
        """End a pod as a kubelet does whose node is short of something."""
        pod = self.named(name)
        pod.forced = {"reason": "Evicted", "message": message}
        pod.stop(signal.SIGKILL, everything=True)

    def named(self, name: str) -> Running:
        """The pod of this name; raises KeyError."""
        with self._lock:
            return {pod.name: pod for pod in self.pods.values()}[name]

    def _find(self, namespace: str, name: str) -> Log | None:
        with self._lock:
            found = [pod.log for pod in self.pods.values() if (pod.namespace, pod.name) == (namespace, name)]
        return found[-1] if found else None

    def _register(self) -> None:
        status = {
            "capacity": CAPACITY,
            "allocatable": CAPACITY,
            "conditions": [_ready()],
            "addresses": [{"type": "InternalIP", "address": "127.0.0.1"}],
            "daemonEndpoints": {"kubeletEndpoint": {"Port": self._server.port}},
        }
        labels = {"kubernetes.io/hostname": self.node, "kubernetes.io/os": "linux", "pool": "gpu"}
        self._core.create_node({"metadata": {"name": self.node, "labels": labels}, "status": status})
        lease = {"metadata": {"name": self.node}, "spec": {"holderIdentity": self.node, "leaseDurationSeconds": 40}}
        self._leases.create_namespaced_lease("kube-node-lease", lease)

    def _work(self) -> None:
        heard = 0.0
        while not self._over.wait(0.2):
            try:
                if time.monotonic() - heard > 1:
                    renewed = {"spec": {"renewTime": _now(micro=True)}}
                    self._leases.patch_namespaced_lease(self.node, "kube-node-lease", renewed)
                    self._core.patch_node_status(self.node, {"status": {"conditions": [_ready()]}})
                    heard = time.monotonic()
                self._look()
            except (HTTPError, ApiException):
                continue  # no API server, or one that just begins: what runs goes on

    def _look(self) -> None:
        wanted = self._core.list_pod_for_all_namespaces(field_selector=f"spec.nodeName={self.node}").items
        for pod in wanted:
            uid = pod.metadata.uid
            if uid not in self.pods and not pod.metadata.deletion_timestamp and pod.status.phase == "Pending":
                self._start(pod)
            if pod.metadata.deletion_timestamp:
                self._end(pod)
            elif uid in self.pods and self.pods[uid].always and self.pods[uid].process.poll() is not None:
                self._over.wait(1)
                self._start(pod)  # another container
            if uid in self.pods:
                self._tell(self.pods[uid])
        there = {pod.metadata.uid for pod in wanted}
        for uid in self.pods.keys() - there:  # deleted without waiting for this kubelet
            self.pods[uid].stop(signal.SIGKILL, everything=True)
            with self._lock:
                del self.pods[uid]

    def _start(self, pod: Any) -> None:
        (given,) = pod.spec.containers
        folder = Path(self._folder.name) / pod.metadata.uid
        if folder.exists():  # an attempt that found something missing
            folder = Path(tempfile.mkdtemp(dir=self._folder.name))
        (folder / "box").mkdir(parents=True)
        process = start(self._inputs.container(pod, folder), folder / "box")
        log = Log()
        who = (pod.metadata.name, pod.metadata.namespace, pod.metadata.uid, given.name, given.image)
        with self._lock:
            self.pods[pod.metadata.uid] = Running(*who, process, log, _now(), pod.spec.restart_policy == "Always")
        threading.Thread(target=_follow, args=(process, log), daemon=True).start()

    def _end(self, pod: Any) -> None:
        """A pod that is to go: asked, then killed, then its object is removed."""
        running = self.pods.get(pod.metadata.uid)
        if running and running.process.poll() is None:
            if running.kill_at is None:
                running.kill_at = time.monotonic() + (pod.metadata.deletion_grace_period_seconds or 0)
                running.stop(signal.SIGTERM)
            elif time.monotonic() > running.kill_at:
                running.stop(signal.SIGKILL, everything=True)
            return
        if running:
            self._tell(running)
        uid = {"preconditions": {"uid": pod.metadata.uid}, "gracePeriodSeconds": 0}
        self._core.delete_namespaced_pod(pod.metadata.name, pod.metadata.namespace, body=uid)

    def _tell(self, pod: Running) -> None:
        """Say how the pod is, where that has changed."""
        code = pod.process.poll()
        state: Object = {"running": {"startedAt": pod.began}}
        phase = "Running"
        if code is not None:
            pod.stop(signal.SIGKILL, everything=True)  # what its first process leaves goes with the container
            pod.log.wait_closed(5)
            phase = "Failed" if code or pod.forced else "Succeeded"
            reason = "Error" if code else "Completed"
            number = code if code >= 0 else 128 - code
            state = {"terminated": {"exitCode": number, "reason": reason, "startedAt": pod.began, "finishedAt": _now()}}
        if state.keys() == pod.said.keys():
            return
        ready = {"name": pod.container, "image": pod.image, "imageID": "", "restartCount": 0, "ready": code is None}
        status: Object = {"phase": phase, "startTime": pod.began, "podIP": "127.0.0.1", "hostIP": "127.0.0.1"}
        status["containerStatuses"] = [{**ready, "state": state}]
        status["conditions"] = [{"type": kind, "status": str(code is None)} for kind in ("Ready", "ContainersReady")]
        status |= pod.forced
        self._core.patch_namespaced_pod_status(pod.name, pod.namespace, {"status": status})
        pod.said = state


def start_node(plane: ControlPlane) -> Kubelet:
    """A node of the control plane's, with a name of its own."""
    address, tls = ("127.0.0.1", plane.port), (plane.certificate, plane.key)
    return Kubelet(plane.client(), f"node-{uuid.uuid4().hex[:8]}", address, tls)


def _follow(process: subprocess.Popen[bytes], log: Log) -> None:
    assert process.stdout
    log.collect(process.stdout)
    log.close()


def _ready() -> Object:
    said = {"type": "Ready", "status": "True", "reason": "KubeletReady", "message": "it runs"}
    return {**said, "lastHeartbeatTime": _now(), "lastTransitionTime": _now()}


def _now(micro: bool = False) -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ" if micro else "%Y-%m-%dT%H:%M:%SZ")
