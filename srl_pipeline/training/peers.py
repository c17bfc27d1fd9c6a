"""The processes that train one stage together (``accelerate launch``, ``torchrun``); one process is alone.

Every process holds the whole model and the same counts; it samples its share of the prompts and trains its share of
the groups. Rollouts are gathered and gradients averaged here. `DistributedDataParallel` is of no use: it synchronises
only what goes through its own forward, and the packed computation calls the decoder directly.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

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
        """This process's share: every count-th item from its rank on."""
        return list(items[self.rank :: self.count])

    def together(self, mine: Sequence[_Item]) -> list[_Item]:
        """All shares put back into the order that `mine` took them from; the same in every process."""
        if self.count == 1:
            return list(mine)
        import torch.distributed as dist

        shares: list[Any] = [None] * self.count
        dist.all_gather_object(shares, list(mine))
        longest = max(len(share) for share in shares)
        return [share[i] for i in range(longest) for share in shares if i < len(share)]

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

    def told(self, value: _Item) -> _Item:
        """What the first process says."""
        if self.count == 1:
            return value
        import torch.distributed as dist

        said: list[Any] = [value]
        dist.broadcast_object_list(said, src=0)
        return said[0]


ALONE = Peers()


def peers() -> Peers:
    """The processes of this group, or alone."""
    import torch.distributed as dist

    if not (dist.is_available() and dist.is_initialized()):
        return ALONE
    return Peers(dist.get_rank(), dist.get_world_size())


def join_peers(device: str) -> Peers:
    """Join the group that the environment names (RANK, WORLD_SIZE, MASTER_ADDR); without one, stay alone.

    ``device`` is cpu (gloo) or cuda (nccl; gloo beside it for what is no tensor).
    """
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        return ALONE
    import torch
    import torch.distributed as dist

    if not dist.is_initialized():
        if device == "cuda":
            torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", "0")))
        dist.init_process_group("cpu:gloo,cuda:nccl" if device == "cuda" else "gloo")
    return peers()
