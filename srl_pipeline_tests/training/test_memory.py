"""Memory: what is counted is what autograd keeps, and what is free is the least of several bounds."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from srl_pipeline.training.kernels.shared_prefix import completion_logps
from srl_pipeline.training.memory import (
    MB,
    MemoryEstimate,
    available_bytes,
    kept_for_backward,
    least_activations,
    optimizer_bytes,
    rollout_cache,
)
from srl_pipeline.training.students.student import Student

from .world import adapted

CPU = torch.device("cpu")


def test_what_a_backward_pass_keeps_is_counted_once_and_weights_not_at_all() -> None:
    layer = torch.nn.Linear(8, 4, bias=False)
    x = torch.ones(10, 8, requires_grad=True)
    with kept_for_backward(layer) as kept:
        layer(x).sum().backward()
    assert kept == [10 * 8 * 4]  # the input; the weight is there anyway
    with kept_for_backward(layer) as kept:
        (layer(x).sum() + layer(x).sum()).backward()
    assert kept == [10 * 8 * 4]


def test_more_tokens_keep_more(student: Student) -> None:
    model = adapted(student)

    def kept(tokens: int) -> int:
        with kept_for_backward(model) as found:
            logps = completion_logps(model, [([1] * 8, [[2] * tokens])], temperature=1.0)
        logps[0].sum().backward()
        return found[0]

    assert 1.8 < (kept(208) - kept(8)) / (kept(108) - kept(8)) < 2.2


def test_no_less_is_kept_than_the_inputs_of_the_linear_layers(student: Student) -> None:
    model = adapted(student)
    with kept_for_backward(model) as kept:
        completion_logps(model, [([1] * 50, [[2] * 50])], temperature=1.0)
    assert kept[0] > 100 * least_activations(student.model.config, 4, 1.0) > 0


def test_a_trained_weight_costs_its_gradient_and_two_moments(student: Student) -> None:
    model = adapted(student)
    trained = sum(p.numel() for p in model.parameters() if p.requires_grad)
    assert optimizer_bytes(model) == 12 * trained
    assert 0 < trained < sum(p.numel() for p in model.parameters())


def test_the_cache_of_a_token_is_a_key_and_a_value_in_every_layer(student: Student) -> None:
    past = student.model(input_ids=torch.tensor([[1, 2, 3]]), use_cache=True).past_key_values
    held = sum(t.numel() * t.element_size() for layer in past.layers for t in (layer.keys, layer.values))
    assert rollout_cache(student.model.config, 4, 3) == held


def test_sampling_and_learning_are_never_at_once() -> None:
    assert MemoryEstimate(optimizer=10, micro_batch=5, sampling=7, available=0).needed == 17


def machine(folder: Path, **files: Any) -> Path:
    """A root folder with these files; ``__`` is a slash."""
    for name, text in files.items():
        file = folder / name.replace("__", "/")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return folder


def test_free_memory_is_what_the_system_says(tmp_path: Path) -> None:
    root = machine(tmp_path, proc__meminfo="MemTotal: 900 kB\nMemAvailable:  500 kB\n")
    assert available_bytes(CPU, root) == 500 * 1024


@pytest.mark.parametrize("version", [1, 2])
def test_a_container_s_limit_counts_but_for_cached_files(tmp_path: Path, version: int) -> None:
    root = machine(tmp_path, proc__meminfo="MemAvailable:  500 kB\n")
    group = tmp_path / ("sys/fs/cgroup" if version == 2 else "sys/fs/cgroup/memory")
    group.mkdir(parents=True)
    limit, usage, cache = {
        1: ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
        2: ("memory.max", "memory.current", "inactive_file"),
    }[version]
    (group / limit).write_text("1000\n")
    (group / usage).write_text("700\n")
    (group / "memory.stat").write_text(f"anon 600\n{cache} 50\n")
    assert available_bytes(CPU, root) == 350


def test_a_container_without_a_limit_does_not_count(tmp_path: Path) -> None:
    root = machine(tmp_path, proc__meminfo="MemAvailable:  500 kB\n")
    group = tmp_path / "sys/fs/cgroup"
    group.mkdir(parents=True)
    for name, text in (("memory.max", "max\n"), ("memory.current", "700\n"), ("memory.stat", "")):
        (group / name).write_text(text)
    assert available_bytes(CPU, root) == 500 * 1024


def test_without_a_proc_file_system_what_is_built_in_counts(tmp_path: Path) -> None:
    assert available_bytes(CPU, tmp_path) > 0


def test_a_child_of_a_large_process_reports_its_own_peak() -> None:
    block = bytearray(b"x") * (600 * MB)
    script = "from srl_pipeline.training.memory import peak_memory_mb; print(peak_memory_mb())"
    printed = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
    del block
    assert 1 < float(printed) < 600
