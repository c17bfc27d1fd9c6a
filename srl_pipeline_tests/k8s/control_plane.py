"""Test-only: a Kubernetes control plane on 127.0.0.1 - etcd, API server, controller manager and scheduler, all real."""

from __future__ import annotations

import base64
import os
import shutil
import socket
import subprocess
import time
from pathlib import Path
from typing import Any

import kubernetes
import yaml
from kubernetes.client import ApiException
from urllib3.exceptions import HTTPError

from srl_pipeline_tests.k8s.container import why_not

ADMIN = "admin-token"
_DEFAULT_CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "srl-k8s"


def cache() -> Path:
    """The folder into which build.sh puts the binaries."""
    return Path(os.environ.get("SRL_K8S_CACHE") or _DEFAULT_CACHE)


def missing() -> str:
    """Why no control plane can be started here; empty where one can."""
    binaries = ("kube-apiserver", "kube-controller-manager", "kube-scheduler")
    if not all((cache() / name).is_file() for name in binaries) or not shutil.which("etcd"):
        return f"no control plane in {cache()}: make test-k8s builds it"
    return why_not()


class ControlPlane:
    """Runs from its making to `close`. RBAC decides, accounts have real tokens, PodSecurityPolicy admits pods."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port, self._etcd = free_port(), free_port()
        self.certificate, self.key = folder / "tls.crt", folder / "tls.key"
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        _make_certificate(self.certificate, self.key)
        (folder / "tokens.csv").write_text(f"{ADMIN},admin,1,system:masters\n")
        self.kubeconfig = self.write_kubeconfig("admin", ADMIN)
        try:
            self._start_etcd()
            self.start_api_server()
            self._start("kube-controller-manager", *self._controllers())
            self._start("kube-scheduler", f"--kubeconfig={self.kubeconfig}", *_quiet())
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        for name in reversed(list(self._processes)):
            self._processes[name].kill()
            self._processes[name].wait()

    def client(self) -> Any:
        """A client of the administrator's."""
        return kubernetes.config.new_client_from_config(str(self.kubeconfig))

    def api(self, name: str) -> Any:
        """A part of the API, as the administrator: ``CoreV1Api``."""
        return getattr(kubernetes.client, name)(self.client())

    def kill_api_server(self) -> None:
        """As if its machine lost power: nobody is told."""
        self._processes["kube-apiserver"].kill()
        self._processes["kube-apiserver"].wait()

    def start_api_server(self) -> None:
        """Start it and wait until it is ready."""
        self._start("kube-apiserver", *self._api_server())
        api = self.client()
        for _ in range(240):
            if self._processes["kube-apiserver"].poll() is not None:
                break
            try:
                api.call_api("/readyz", "GET", auth_settings=["BearerToken"], _preload_content=False)
                return
            except (HTTPError, ApiException):
                time.sleep(0.25)
        raise AssertionError("no API server:\n" + (self.folder / "kube-apiserver.log").read_text()[-3000:])

    def account(self, namespace: str, name: str) -> Path:
        """A kubeconfig with the token that Kubernetes made for a service account."""
        core = self.api("CoreV1Api")
        for _ in range(60):
            for secret in core.list_namespaced_secret(namespace).items:
                if (secret.metadata.annotations or {}).get("kubernetes.io/service-account.name") == name:
                    return self.write_kubeconfig(name, base64.b64decode(secret.data["token"]).decode())
            time.sleep(0.25)
        raise AssertionError(f"no token for {name}")

    def write_kubeconfig(self, name: str, token: str) -> Path:
        server = {"server": f"https://127.0.0.1:{self.port}", "certificate-authority": str(self.certificate)}
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "c", "cluster": server}],
            "users": [{"name": "u", "user": {"token": token}}],
            "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],
            "current-context": "x",
        }
        file = self.folder / f"{name}.kubeconfig"
        file.write_text(yaml.safe_dump(config))
        return file

    def _start(self, name: str, *arguments: str, program: Path | None = None) -> None:
        with (self.folder / f"{name}.log").open("ab") as log:
            command = [str(program or cache() / name), *arguments]
            self._processes[name] = subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL)

    def _start_etcd(self) -> None:
        peer = f"http://127.0.0.1:{free_port()}"
        here = f"http://127.0.0.1:{self._etcd}"
        addresses = [f"--listen-client-urls={here}", f"--advertise-client-urls={here}", f"--listen-peer-urls={peer}"]
        cluster = [f"--initial-advertise-peer-urls={peer}", f"--initial-cluster=default={peer}"]
        data = [f"--data-dir={self.folder / 'etcd'}", "--unsafe-no-fsync"]
        self._start("etcd", *addresses, *cluster, *data, program=Path(shutil.which("etcd") or "etcd"))

    def _api_server(self) -> list[str]:
        return [
            f"--etcd-servers=http://127.0.0.1:{self._etcd}",
            "--bind-address=127.0.0.1",
            "--advertise-address=127.0.0.1",
            f"--secure-port={self.port}",
            "--endpoint-reconciler-type=none",
            f"--tls-cert-file={self.certificate}",
            f"--tls-private-key-file={self.key}",
            f"--token-auth-file={self.folder / 'tokens.csv'}",
            "--authorization-mode=RBAC",
            "--enable-admission-plugins=PodSecurityPolicy",
            "--service-account-issuer=https://kubernetes.default.svc",
            f"--service-account-key-file={self.key}",
            f"--service-account-signing-key-file={self.key}",
            "--service-cluster-ip-range=10.0.0.0/24",
            "--default-not-ready-toleration-seconds=1",
            "--default-unreachable-toleration-seconds=1",
        ]

    def _controllers(self) -> list[str]:
        return [
            f"--kubeconfig={self.kubeconfig}",
            f"--service-account-private-key-file={self.key}",
            f"--root-ca-file={self.certificate}",
            "--use-service-account-credentials=true",
            "--node-monitor-period=1s",
            "--node-monitor-grace-period=15s",
            *_quiet(),
        ]


def free_port() -> int:
    """A port of 127.0.0.1 on which nobody listens."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def _quiet() -> list[str]:
    return ["--leader-elect=false", "--port=0", "--bind-address=127.0.0.1", f"--secure-port={free_port()}"]


def _make_certificate(certificate: Path, key: Path) -> None:
    """One pair for all: of the API server, of the kubelet, the root that pods trust, the signer of tokens."""
    names = "subjectAltName=IP:127.0.0.1,DNS:localhost,DNS:kubernetes.default.svc"
    make = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1"]
    command = [*make, "-addext", names, "-keyout", str(key), "-out", str(certificate)]
    subprocess.run(command, check=True, capture_output=True)
