"""Who may reach whom: the chart's NetworkPolicies, applied to every pod as a network plug-in would."""

from __future__ import annotations

import ipaddress
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from srl_pipeline_tests.infra.rendered import MATRIX, RELEASE, Object, of_kind, pods, render, write_kubeconfig

DATABASE, METADATA, INTERNET = "10.4.4.4", "169.254.169.254", "52.1.2.3"
OWN, RUN = "gpus in pods of their own", "gpus in the run"


@cache
def policies_of(shape: str) -> list[Object]:
    return list(of_kind(render(MATRIX[shape]), "NetworkPolicy").values())


@cache
def labels_of(shape: str) -> dict[str, dict[str, str]]:
    with TemporaryDirectory() as folder:
        config = write_kubeconfig(Path(folder) / "config", "http://127.0.0.1:9")
        return {pod.component: pod.labels for pod in pods(render(MATRIX[shape]), config)}


@pytest.mark.parametrize("shape", MATRIX)
def test_a_policy_denies_every_pod_both_directions_by_default(shape: str) -> None:
    for labels in labels_of(shape).values():
        selecting = [policy for policy in policies_of(shape) if _selects(policy["spec"]["podSelector"], labels)]
        assert any(policy["metadata"]["name"] == f"{RELEASE}-default" for policy in selecting)
        assert all(policy["spec"]["policyTypes"] == ["Ingress", "Egress"] for policy in selecting)
        assert len(selecting) == 2


@pytest.mark.parametrize(
    ("shape", "sender", "receivers"),
    [
        (OWN, "webserver", {"code-location"}),
        (OWN, "daemon", {"code-location"}),
        (OWN, "code-location", set()),
        (OWN, "run", set()),
        (OWN, "training", set()),
    ],
)
def test_inside_the_release_only_the_control_plane_asks_the_code_location(
    shape: str, sender: str, receivers: set[str]
) -> None:
    ports = {"code-location": 4000, "webserver": 3000}
    labels = labels_of(shape)
    reached = {
        name
        for name in labels
        if _allowed(shape, "egress", labels[sender], labels[name], ports.get(name, 4000))
        and _allowed(shape, "ingress", labels[name], labels[sender], ports.get(name, 4000))
    }
    assert reached == receivers


@pytest.mark.parametrize(
    ("shape", "port", "address", "who"),
    [
        (OWN, 5432, DATABASE, {"webserver", "daemon", "code-location", "run"}),
        (OWN, 6443, DATABASE, {"webserver", "daemon", "run"}),
        (RUN, 6443, DATABASE, {"webserver", "daemon"}),
        (OWN, 443, INTERNET, {"code-location", "run", "training"}),
        ("keys, logs, teachers", 443, INTERNET, {"webserver", "code-location", "run", "training"}),
        (OWN, 80, INTERNET, set()),
        (OWN, 443, METADATA, set()),
        (OWN, 80, METADATA, set()),
    ],
)
def test_outside_each_component_reaches_what_it_needs(shape: str, port: int, address: str, who: set[str]) -> None:
    assert {
        name for name, labels in labels_of(shape).items() if _allowed(shape, "egress", labels, address, port)
    } == who


def test_nobody_opens_the_webserver_until_a_peer_is_named() -> None:
    stranger = {"app": "ingress"}
    closed, opened = "minimal", "open to an ingress"
    assert not _allowed(closed, "ingress", labels_of(closed)["webserver"], stranger, 3000)
    policy = next(found for found in policies_of(opened) if found["metadata"]["name"] == f"{RELEASE}-webserver")
    assert policy["spec"]["ingress"] == [
        {
            "from": [{"namespaceSelector": {"matchLabels": {"name": "ingress"}}}],
            "ports": [{"protocol": "TCP", "port": 3000}],
        }
    ]


def _selects(selector: Object, labels: dict[str, str]) -> bool:
    assert selector.keys() <= {"matchLabels"}
    return selector.get("matchLabels", {}).items() <= labels.items()


def _allowed(shape: str, direction: str, subject: dict[str, str], other: dict[str, str] | str, port: int) -> bool:
    """Whether a policy that selects ``subject`` allows traffic with ``other``: labels of a pod, or an address."""
    side = {"egress": "to", "ingress": "from"}[direction]
    return any(
        any(allowed["port"] == port and allowed["protocol"] == "TCP" for allowed in rule["ports"])
        and any(_is(peer, other) for peer in rule[side])
        for policy in policies_of(shape)
        if _selects(policy["spec"]["podSelector"], subject)
        for rule in policy["spec"][direction]
    )


def _is(peer: Object, other: dict[str, str] | str) -> bool:
    if isinstance(other, str):
        block = peer.get("ipBlock")
        address = ipaddress.ip_address(other)
        return (
            block is not None
            and address in ipaddress.ip_network(block["cidr"])
            and not any(address in ipaddress.ip_network(hole) for hole in block.get("except", []))
        )
    return "podSelector" in peer and "namespaceSelector" not in peer and _selects(peer["podSelector"], other)
