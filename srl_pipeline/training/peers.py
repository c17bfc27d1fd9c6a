"""The processes that train one stage together (``accelerate launch``, ``torchrun``); one process is alone.

Every process holds the whole model and the same counts; it samples its share of the prompts and trains its share of
the groups. Rollouts are gathered and gradients averaged here. `DistributedDataParallel` is of no use: it synchronises
only what goes through its own forward, and the packed computation calls the decoder directly.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from srl_pipeline.contracts import Json
from srl_pipeline.launchers.child import PARENT

_Item = TypeVar("_Item")


@dataclass(frozen=True)
class Peers:
    """This process among those that train together."""

    rank: int = 0
    count: int = 1

    @property
    def first(self) -> bool:
        """Whether this process writes files and speaks for all."""
        return self.rank == 0

    def mine(self, items: Sequence[_Item]) -> list[_Item]:
        """This process's share: neighbours stay together, because their prompts may begin one another."""
        return list(items[self.start(len(items)) : self.start(len(items), self.rank + 1)])

    def start(self, total: int, rank: int | None = None) -> int:
        """Where the share of a process begins among ``total`` items."""
        return (self.rank if rank is None else rank) * total // self.count

    def together(self, mine: Sequence[Json]) -> list[Json]:
        """All shares (JSON values) in the order that `mine` took them from; the same in every process.

        As JSON and not with the library's own gathering of objects, which unpickles what it receives.
        """
        if self.count == 1:
            return list(mine)
        import torch
        import torch.distributed as dist

        text = json.dumps(list(mine)).encode()
        sizes = [torch.zeros(1, dtype=torch.long) for _ in range(self.count)]
        dist.all_gather(sizes, torch.tensor([len(text)]))
        longest = max(int(size) for size in sizes)
        shares = [torch.zeros(longest, dtype=torch.uint8) for _ in range(self.count)]
        dist.all_gather(shares, torch.tensor(list(text.ljust(longest)), dtype=torch.uint8))
        texts = (bytes(share.tolist())[: int(size)] for share, size in zip(shares, sizes, strict=True))
        return [item for text in texts for item in json.loads(text)]

    def average(self, parameters: Iterable[Any]) -> None:
        """Replace the gradients of trained parameters by their mean over all processes."""
        if self.count == 1:
            return
        import torch
        import torch.distributed as dist

        trained = [p for p in parameters if p.requires_grad]
        for parameter in trained:
            if parameter.grad is None:
                parameter.grad = torch.zeros_like(parameter)
        flat = torch.cat([p.grad.flatten() for p in trained])
        dist.all_reduce(flat)
        flat /= self.count
        for parameter, part in zip(trained, flat.split([p.numel() for p in trained]), strict=True):
            parameter.grad.copy_(part.view_as(parameter))

    def wait(self) -> None:
        """Until all processes have come here."""
        if self.count > 1:
            import torch.distributed as dist

            dist.barrier()

    def told(self, value: Json) -> Json:
        """What the first process says (a JSON value)."""
        return self.together([value] if self.first else [])[0]


ALONE = Peers()


def peers() -> Peers:
    """The processes of this group, or alone."""
    import torch.distributed as dist

    if not (dist.is_available() and dist.is_initialized()):
        return ALONE
    return Peers(dist.get_rank(), dist.get_world_size())


def join_peers() -> Peers:
    """Join the group that the environment names (RANK, WORLD_SIZE, MASTER_ADDR); without one, stay alone."""
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        return ALONE
    import torch
    import torch.distributed as dist

    if not dist.is_initialized():
        if torch.cuda.is_available():
            torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", "0")))
        # what is no tensor travels by gloo, gradients on a GPU by nccl
        dist.init_process_group("cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo")
    return peers()


def start_peers(count: int, command: Sequence[str]) -> list[subprocess.Popen[bytes]]:
    """Become the first of ``count`` processes on this machine and start the others; they die with this one.

    Nothing is done where the environment names a group already (``accelerate launch``, ``torchrun``).
    """
    if count == 1 or "WORLD_SIZE" in os.environ:
        return []
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    os.environ |= {"WORLD_SIZE": str(count), "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    os.environ |= {"RANK": "0", "LOCAL_RANK": "0"}
    return [
        subprocess.Popen(
            list(command),
            env=os.environ | {"RANK": str(rank), "LOCAL_RANK": str(rank), PARENT: str(os.getpid())},
            stdin=subprocess.DEVNULL,
        )
        for rank in range(1, count)
    ]
