"""Test-only: what a kubelet makes of a pod's specification: environment, files and mounts of its container."""

from __future__ import annotations

import base64
import os
from pathlib import Path
from typing import Any

from srl_pipeline_tests.k8s.container import Container, Mount

ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount"


class Inputs:
    """Reads ConfigMaps, Secrets and claims of a cluster for the containers of its pods."""

    def __init__(self, core: Any, server: tuple[str, int]) -> None:
        self._core, self._server = core, server

    def container(self, pod: Any, folder: Path) -> Container:
        """The pod's only container, its volumes below ``folder``; raises ApiException for what does not exist."""
        spec = pod.spec
        (given,) = spec.containers
        security = spec.security_context
        volumes = {volume.name: self._volume(pod, volume, folder / volume.name) for volume in spec.volumes or []}
        for path in volumes.values():
            if path is not None and security and security.fs_group:
                os.chown(path, -1, security.fs_group)
                path.chmod(0o2775)
        return Container(
            command=[*(given.command or []), *(given.args or [])],
            environment=self._environment(pod, given),
            mounts=[
                Mount(one.mount_path, _below(volumes[one.name], one.sub_path), bool(one.read_only))
                for one in given.volume_mounts or []
            ],
            user=security.run_as_user if security else 0,
            group=security.run_as_group if security else 0,
            read_only=bool(given.security_context and given.security_context.read_only_root_filesystem),
            hosts=self._services(pod.metadata.namespace),
        )

    def _environment(self, pod: Any, given: Any) -> dict[str, str]:
        space = pod.metadata.namespace
        found = {"KUBERNETES_SERVICE_HOST": self._server[0], "KUBERNETES_SERVICE_PORT": str(self._server[1])}
        for source in given.env_from or []:
            if source.config_map_ref:
                found |= self._core.read_namespaced_config_map(source.config_map_ref.name, space).data or {}
            if source.secret_ref:
                found |= {name: text.decode() for name, text in self._secret(source.secret_ref.name, space).items()}
        for variable in given.env or []:
            found[variable.name] = self._value(pod, variable)
        return found

    def _value(self, pod: Any, variable: Any) -> str:
        source = variable.value_from
        if source is None:
            return str(variable.value or "")
        if source.secret_key_ref:
            return self._secret(source.secret_key_ref.name, pod.metadata.namespace)[source.secret_key_ref.key].decode()
        fields = {"metadata.name": pod.metadata.name, "metadata.uid": pod.metadata.uid}
        return str(fields[source.field_ref.field_path])

    def _volume(self, pod: Any, volume: Any, folder: Path) -> Path | None:
        """The volume's folder on this machine; None for one in memory."""
        space = pod.metadata.namespace
        if volume.empty_dir is not None and volume.empty_dir.medium == "Memory":
            return None
        if volume.persistent_volume_claim:
            claim = self._core.read_namespaced_persistent_volume_claim(volume.persistent_volume_claim.claim_name, space)
            return Path(self._core.read_persistent_volume(claim.spec.volume_name).spec.host_path.path)
        files: dict[str, bytes] = {}
        if volume.config_map:
            found = self._core.read_namespaced_config_map(volume.config_map.name, space).data or {}
            files = {name: text.encode() for name, text in found.items()}
        elif volume.secret:
            files = self._secret(volume.secret.secret_name, space)
        elif volume.empty_dir is None:
            raise NotImplementedError(f"volume {volume.name}")
        folder.mkdir(parents=True)
        for name, content in files.items():
            (folder / name).write_bytes(content)
        return folder

    def _secret(self, name: str, namespace: str) -> dict[str, bytes]:
        found = self._core.read_namespaced_secret(name, namespace).data or {}
        return {key: base64.b64decode(value) for key, value in found.items()}

    def _services(self, namespace: str) -> dict[str, str]:
        """Every pod has the machine's network: all names lead there."""
        return {service.metadata.name: "127.0.0.1" for service in self._core.list_namespaced_service(namespace).items}


def _below(volume: Path | None, sub_path: str | None) -> Path | None:
    return volume / sub_path if volume and sub_path else volume
