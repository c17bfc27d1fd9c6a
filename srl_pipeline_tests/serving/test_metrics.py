"""What a scrape of a server reads."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator

import pytest
from prometheus_client.parser import text_string_to_metric_families

from srl_pipeline.clock import now_iso
from srl_pipeline.serving import LiveRequest, ShadowRequest
from srl_pipeline.serving.metrics import Counters

from .world import MODEL


def row(**changes: object) -> LiveRequest:
    values: dict[str, object] = {
        "at": now_iso(),
        "model_type": MODEL,
        "alias": "current",
        "version": "v1",
        "axes": "",
        "verified": None,
        "hard_violation": None,
        "error": "",
        "latency_seconds": 0.5,
        "tokens": 7,
        "since": 1,
    }
    values |= changes
    return (ShadowRequest if "pair" in changes else LiveRequest).model_validate(values)


@pytest.fixture
def text() -> str:
    """Of a server that counted everything once."""
    counters = Counters()
    counters.request(row(verified=True))
    counters.request(row(error="MemoryError", tokens=0, latency_seconds=0.25))
    counters.request(
        row(pair=1, live_version="v1", live_verified=True, verified=False, version="v2", alias="candidate")
    )
    counters.add("shadows_dropped_total", {"why": "queue"})
    counters.add("alarms_total", {"act": "rollback", "model_type": MODEL})
    info = {"model_type": MODEL, "alias": "current", "version": "v1"}
    return counters.text([("waiting", {}, 2.0), ("degraded", {}, 0.0), ("model_info", info, 1.0)])


def samples(text: str) -> Iterator[tuple[str, dict[str, str], float]]:
    for family in text_string_to_metric_families(text):
        yield from ((s.name.removeprefix("srl_serving_"), s.labels, s.value) for s in family.samples)


def test_each_metric_has_its_name_its_labels_and_its_value(text: str) -> None:
    live = {"model_type": MODEL, "role": "live", "version": "v1"}
    shadow = {"model_type": MODEL, "role": "shadow", "version": "v2"}
    expected = [
        ("requests_total", live, 2),
        ("requests_total", shadow, 1),
        ("errors_total", live | {"kind": "MemoryError"}, 1),
        ("verified_total", live | {"correct": "true"}, 1),
        ("verified_total", shadow | {"correct": "false"}, 1),
        ("tokens_total", live, 7),
        ("tokens_total", shadow, 7),
        ("refused_total", {}, 0),
        ("shadows_dropped_total", {"why": "queue"}, 1),
        ("alarms_total", {"act": "rollback", "model_type": MODEL}, 1),
        ("latency_seconds_count", live, 2),
        ("latency_seconds_sum", live, 0.75),
        ("latency_seconds_count", shadow, 1),
        ("latency_seconds_sum", shadow, 0.5),
        ("waiting", {}, 2),
        ("degraded", {}, 0),
        ("model_info", {"model_type": MODEL, "alias": "current", "version": "v1"}, 1),
    ]
    assert list(samples(text)) == expected


def test_two_servers_in_one_process_count_apart(text: str) -> None:
    assert [name for name, _, _ in samples(Counters().text([]))] == ["refused_total"]


def test_label_values_are_escaped() -> None:
    counters = Counters()
    counters.add("shadows_dropped_total", {"why": 'a "b"\\\n'})
    assert 'srl_serving_shadows_dropped_total{why="a \\"b\\"\\\\\\n"} 1' in counters.text([])


def test_the_package_is_imported_without_what_only_a_server_needs() -> None:
    code = "import sys, srl_pipeline.serving; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"torch", "starlette", "uvicorn", "prometheus_client"} & set(done.stdout.split())


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not on PATH")
def test_promtool_finds_nothing_to_complain_of(text: str) -> None:
    done = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
