"""One control plane with one node for all tests of this folder; each module has the chart installed as it needs it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from srl_pipeline_tests.infra.rendered import NAMESPACE
from srl_pipeline_tests.k8s.control_plane import ControlPlane, missing
from srl_pipeline_tests.k8s.installed import prepare
from srl_pipeline_tests.k8s.kubelet import Kubelet, start_node


@pytest.fixture(scope="session")
def plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    if why := missing():
        pytest.skip(why)
    running = ControlPlane(tmp_path_factory.mktemp("control-plane"))
    prepare(running, running.folder / "home")
    yield running
    running.close()


@pytest.fixture
def kubelet(plane: ControlPlane) -> Iterator[Kubelet]:
    """A node; with it go its pods."""
    node = start_node(plane)
    yield node
    node.close()
    core = plane.api("CoreV1Api")
    core.delete_collection_node()
    core.delete_collection_namespaced_pod(NAMESPACE, grace_period_seconds=0)
