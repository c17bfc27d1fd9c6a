from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from srl_pipeline.training.peers import ALONE, Peers, join_peers, peers

ROOT = Path(__file__).parents[2]

SCRIPT = """
import json, torch
from srl_pipeline.training.peers import join_peers, peers
me = join_peers()
assert peers() == me
given = list(range(7))
weight = torch.nn.Parameter(torch.ones(3)); weight.grad = torch.full((3,), float(me.rank + 1))
idle = torch.nn.Parameter(torch.ones(2))
if me.first:
    idle.grad = torch.ones(2)
frozen = torch.nn.Parameter(torch.ones(2), requires_grad=False)
me.average([weight, idle, frozen])
print(json.dumps({
    "mine": me.mine(given),
    "together": me.together([x * 10 for x in me.mine(given)]),
    "weight": weight.grad.tolist(),
    "idle": idle.grad.tolist(),
    "told": me.told(f"from {me.rank}"),
}))
me.wait()
"""


def test_one_process_is_alone() -> None:
    weight = torch.nn.Parameter(torch.ones(1))
    weight.grad = torch.full((1,), 3.0)
    ALONE.average([weight])
    ALONE.wait()
    assert peers() == join_peers() == ALONE and ALONE.first
    assert ALONE.mine([1, 2]) == ALONE.together([1, 2]) == [1, 2]
    assert weight.grad.tolist() == [3.0] and ALONE.told("x") == "x"


def test_shares_are_disjoint_and_complete() -> None:
    shares = [Peers(rank, 3).mine(range(8)) for rank in range(3)]
    assert sorted(x for share in shares for x in share) == list(range(8)) and max(map(len, shares)) == 3


@pytest.fixture(scope="module")
def two() -> list[dict[str, object]]:
    """What two real processes say."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    group = {"WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "PYTHONPATH": str(ROOT)}
    children = [
        subprocess.Popen(
            [sys.executable, "-c", SCRIPT], env=os.environ | group | {"RANK": str(rank)}, stdout=subprocess.PIPE
        )
        for rank in range(2)
    ]
    return [json.loads(child.communicate(timeout=120)[0]) for child in children]


def test_two_processes_put_their_shares_back_in_order(two: list[dict[str, object]]) -> None:
    assert [said["mine"] for said in two] == [[0, 1, 2], [3, 4, 5, 6]]
    assert all(said["together"] == [0, 10, 20, 30, 40, 50, 60] for said in two)


def test_two_processes_average_their_gradients_also_where_one_has_none(two: list[dict[str, object]]) -> None:
    assert all(said["weight"] == [1.5] * 3 and said["idle"] == [0.5] * 2 for said in two)


def test_the_first_process_speaks_for_both(two: list[dict[str, object]]) -> None:
    assert [said["told"] for said in two] == ["from 0", "from 0"]
