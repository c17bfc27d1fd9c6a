"""How much memory a stage will need, and how much there is. Bytes everywhere.

Activations are counted, not guessed: what autograd keeps for the backward pass of one real group, in bytes a token
(`kept_for_backward`), times the tokens of a micro-batch. Gradients and Adam's two moments are float32 (4 + 8 bytes a
trained weight). Sampling holds keys and values instead (`rollout_cache`); the two are never needed at once.
"""

from __future__ import annotations

import os
import resource
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from srl_pipeline.contracts import Record

if TYPE_CHECKING:
    import torch

BYTES_A_TRAINED_WEIGHT = 12
MB = 1 << 20
_STATUS = Path("/proc/self/status")


class MemoryEstimate(Record):
    """What a stage needs beyond what is held when it begins (the weights are), and what is free then."""

    optimizer: int
    micro_batch: int
    sampling: int
    available: int

    @property
    def needed(self) -> int:
        return self.optimizer + max(self.micro_batch, self.sampling)


def optimizer_bytes(model: Any) -> int:
    """Gradients and Adam's moments of the trained weights."""
    return BYTES_A_TRAINED_WEIGHT * sum(p.numel() for p in model.parameters() if p.requires_grad)


def least_activations(config: Any, bytes_a_value: int, trained_share: float) -> float:
    """Bytes a token that a backward pass cannot do without: the inputs of the linear layers.

    ``config`` is a transformers configuration; ``trained_share`` the share of its layers that are trained.
    """
    inputs = 3 * config.hidden_size + (getattr(config, "intermediate_size", None) or 0)
    return config.num_hidden_layers * trained_share * inputs * bytes_a_value


def rollout_cache(config: Any, bytes_a_value: int, tokens: int) -> int:
    """Keys and values of ``tokens`` tokens."""
    heads = config.num_attention_heads
    width = getattr(config, "head_dim", None) or config.hidden_size // heads
    return (
        2
        * config.num_hidden_layers
        * (getattr(config, "num_key_value_heads", None) or heads)
        * width
        * (bytes_a_value * tokens)
    )


@contextmanager
def kept_for_backward(model: Any) -> Iterator[list[int]]:
    """Sums, in the one item of the list, the bytes that autograd keeps meanwhile; weights and shared storage once."""
    from torch.autograd.graph import saved_tensors_hooks

    known = {p.untyped_storage().data_ptr() for p in model.parameters()}
    total = [0]

    def pack(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in known:
            known.add(storage.data_ptr())
            total[0] += storage.nbytes()
        return tensor

    with saved_tensors_hooks(pack, lambda tensor: tensor):
        yield total


def available_bytes(device: torch.device, root: Path = Path("/")) -> int:
    """Free memory of the device; on a CPU no more than the control group (a container's limit) leaves."""
    if device.type == "cuda":
        import torch

        free, _ = torch.cuda.mem_get_info(device)
        return free
    return min([_system(root), *_control_groups(root)])


def _system(root: Path) -> int:
    try:
        for line in (root / "proc/meminfo").read_text(encoding="ascii").splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")  # no /proc: what is built in


def _control_groups(root: Path) -> list[int]:
    found: list[int] = []
    for folder, limit, usage, cache in (
        ("sys/fs/cgroup", "memory.max", "memory.current", "inactive_file"),
        ("sys/fs/cgroup/memory", "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
    ):
        try:
            most, used = (int((root / folder / name).read_text(encoding="ascii")) for name in (limit, usage))
            stat = dict(line.split() for line in (root / folder / "memory.stat").read_text("ascii").splitlines())
        except (OSError, ValueError):  # no such group, or its limit is the word "max"
            continue
        found.append(most - used + int(stat.get(cache, 0)))  # pages of files are given back when asked for
    return found


def peak_memory_mb() -> float:
    """The largest resident size so far, in MB (2^20 bytes).

    Linux hands ``ru_maxrss`` down to a child, exec or not: a child of a large process would report its parent's peak.
    ``VmHWM`` begins anew with every program; elsewhere ``ru_maxrss`` is what there is.
    """
    if _STATUS.exists():
        line = next(x for x in _STATUS.read_text().splitlines() if x.startswith("VmHWM:"))
        return int(line.split()[1]) / 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (2**20 if sys.platform == "darwin" else 1024)
