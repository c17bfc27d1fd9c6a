"""The pods of one artifact: found, waited for, read and removed, also while the cluster's API server is away."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

LABEL = "srl/artifact"
"""Label of a pod: which artifact it makes. There is one pod for an artifact at a time."""
OWNER = ("SRL_POD_NAME", "SRL_POD_UID")
"""Environment variables by which a run's pod knows itself; absent outside a cluster."""
OUTAGE_CONNECTS = 60
"""Attempts to reach the API server, at most ten seconds apart: ten minutes, as long as an upgrade takes."""
LOST_AFTER_SECONDS = 60.0
"""A pod that Kubernetes should have ended so long ago is on a node that does not answer."""
QUIET_SECONDS = 300
"""A log that says nothing for so long is asked for again: its connection may have died without a word."""
LAST_READS = 10
"""Attempts to read the log of a pod that has ended; its node may go with it."""
PLACEMENT_SECONDS = 86400.0
"""How long a pod may wait for a node."""
_OVERLAP_SECONDS = 300
"""A log is read again from so long before its last line, by clocks that may differ."""


@dataclass(frozen=True)
class Ended:
    """How a pod ended: exit code and reason of Kubernetes, the end of its log.

    ``gone``: it was removed; ``lost``: its node does not answer, it may still run there.
    """

    code: int | None = None
    reason: str = ""
    output: str = ""
    gone: bool = False
    lost: bool = False


def connect(kubeconfig: str | None) -> None:
    """Load the cluster's configuration; None: the cluster that this is in. Requests outlast an outage of its server."""
    import kubernetes
    from dagster_k8s.utils import load_kubernetes_config
    from urllib3 import Retry

    load_kubernetes_config(load_incluster_config=kubeconfig is None, kubeconfig_file=kubeconfig)
    configuration: Any = kubernetes.client.Configuration.get_default_copy()
    configuration.retries = Retry(
        total=None,
        connect=OUTAGE_CONNECTS,
        read=5,
        status=5,
        status_forcelist=(429, 500, 502, 503, 504),
        raise_on_status=False,
        backoff_factor=0.5,
        backoff_max=10,
    )
    kubernetes.client.Configuration.set_default(configuration)


class Pods:
    """The pods of one artifact: there should be one, or none. ``template``: metadata and spec of a new one."""

    def __init__(self, template: dict[str, Any], label: str, kubeconfig: str | None, poll_seconds: float) -> None:
        from dagster_k8s.client import DagsterKubernetesClient

        connect(kubeconfig)
        self.template, self.kubeconfig, self.poll_seconds = template, kubeconfig, poll_seconds
        self.namespace = str(template["metadata"]["namespace"])
        self.selector = f"{LABEL}={label}"
        self._labels = {**template["metadata"].get("labels", {}), LABEL: label}
        self._client = DagsterKubernetesClient.production_client()

    def metadata(self) -> dict[str, Any]:
        """Metadata of a new pod: labelled, and owned by this run's pod, so that it does not outlive it."""
        name, uid = (os.environ.get(variable, "") for variable in OWNER)
        owner = [{"apiVersion": "v1", "kind": "Pod", "name": name, "uid": uid}] if name and uid else []
        return {**self.template["metadata"], "labels": self._labels, "ownerReferences": owner}

    def living(self) -> str:
        """Name of a pod that waits or runs; empty where none does."""
        for pod in self._list():
            if pod.status.phase in ("Pending", "Running") and not pod.metadata.deletion_timestamp:
                return str(pod.metadata.name)
        return ""

    def wait_for_place(self, name: str) -> bool:
        """Wait until a node has taken the pod; false where it failed, went, or got none within a day."""
        until = time.monotonic() + PLACEMENT_SECONDS
        while time.monotonic() < until:
            pod = self._named(name)
            if pod is None or pod.status.phase == "Failed":
                return False
            if pod.status.container_statuses:
                return True
            time.sleep(self.poll_seconds)
        return False

    def wait(self, name: str) -> Ended:
        """Wait for the end of a pod that somebody else started."""
        while not self._is_over(self._named(name)):
            time.sleep(self.poll_seconds)
        return self.ended()

    def succeeded(self, name: str) -> bool:
        """Whether the pod is there and ended well."""
        pod = self._named(name)
        return pod is not None and pod.status.phase == "Succeeded"

    def follow(self, name: str) -> Iterator[bytes]:
        """The pod's log from the first line to the last, each with its time, over every broken connection.

        Raises ApiException where the log may not be read.
        """
        from kubernetes.client import ApiException
        from urllib3.exceptions import HTTPError

        seen, failures = b"", 0
        while True:
            pod = self._named(name)
            known, over = seen, self._is_over(pod)
            try:
                for line in self._log(name, seen, follow=not over):
                    if not (over or line.endswith(b"\n")):
                        break  # cut off: it comes again
                    stamp = line.partition(b" ")[0]
                    if stamp > known:
                        yield line
                        seen = max(seen, stamp)
                read = True
            except HTTPError:
                read = False  # the API server went, the pod did not
            except ApiException as error:
                if error.status in (401, 403):
                    raise
                read = False
            failures = 0 if read else failures + 1
            if over and (read or failures == LAST_READS or not _has_ended(pod)):
                return
            time.sleep(self.poll_seconds)

    def ended(self) -> Ended:
        """How the newest pod ended."""
        found = sorted(self._list(), key=lambda pod: pod.metadata.creation_timestamp)
        if not found:
            return Ended(gone=True)
        pod = found[-1]
        states = [status.state.terminated for status in pod.status.container_statuses or []]
        state = next((one for one in states if one is not None), None)
        if state is None or pod.status.reason:
            # evicted, preempted, past its deadline: the pod's reason is the true one
            reason = ": ".join(filter(None, [pod.status.reason, pod.status.message]))
            lost = _is_overdue(pod)
            return Ended(reason=reason or (str(pod.spec.node_name) if lost else ""), lost=lost)
        output = self._client.retrieve_pod_logs(pod.metadata.name, self.namespace, tail_lines=100)
        return Ended(code=state.exit_code, reason=state.reason or "", output=output)

    def remove(self) -> None:
        """Delete them all; one that runs gets its signal and may save."""
        from kubernetes.client import ApiException

        for pod in self._list():
            try:
                self._client.core_api.delete_namespaced_pod(pod.metadata.name, self.namespace)
            except ApiException as error:
                if error.status != 404:  # gone by itself
                    raise

    def _is_over(self, pod: Any) -> bool:
        return pod is None or _has_ended(pod) or _is_overdue(pod)

    def _log(self, name: str, seen: bytes, follow: bool) -> Any:
        since: dict[str, int] = {}
        if seen:
            then = datetime.fromisoformat(f"{seen[:19].decode()}+00:00")
            since = {"since_seconds": int(max(0.0, (datetime.now(UTC) - then).total_seconds())) + _OVERLAP_SECONDS}
        return self._client.core_api.read_namespaced_pod_log(
            name,
            self.namespace,
            follow=follow,
            timestamps=True,
            _preload_content=False,
            _request_timeout=(10, QUIET_SECONDS),
            **since,
        )

    def _named(self, name: str) -> Any:
        found: Any = self._client.core_api.list_namespaced_pod(self.namespace, field_selector=f"metadata.name={name}")
        return found.items[0] if found.items else None

    def _list(self) -> list[Any]:
        found: Any = self._client.core_api.list_namespaced_pod(self.namespace, label_selector=self.selector)
        return list(found.items)


def _has_ended(pod: Any) -> bool:
    return pod is not None and pod.status.phase in ("Succeeded", "Failed")


def _is_overdue(pod: Any) -> bool:
    """Whether Kubernetes should long have ended the pod; its deletion timestamp includes the time that it had."""
    due = pod.metadata.deletion_timestamp
    return due is not None and (datetime.now(UTC) - due).total_seconds() > LOST_AFTER_SECONDS
