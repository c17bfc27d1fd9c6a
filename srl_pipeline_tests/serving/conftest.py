"""Fixtures: one installation with a good and a bad model a session, a copy of it a test."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch

from srl_pipeline_tests.serving.world import World, copy_world, make_world


@dataclass(frozen=True)
class Versions:
    """Data versions of the registered models that there are."""

    good: str
    also_good: str
    noise: str


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> Iterator[None]:
    """Matrices this small are slower on several threads, by far so beside other work."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[World, Versions]]:
    """The installation that the others are copies of."""
    folder = tmp_path_factory.mktemp("serving")
    (folder / "packs").mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SRL_PACKS", str(folder / "packs"))
        world = make_world(folder)
    yield (
        world,
        Versions(world.register("good"), world.register("also good", noise=1e-4), world.register("noise", noise=2.0)),
    )
    world.decisions.close()


@pytest.fixture
def versions(made: tuple[World, Versions]) -> Versions:
    return made[1]


@pytest.fixture
def world(made: tuple[World, Versions], tmp_path: Path) -> Iterator[World]:
    """An installation whose models are registered and where nothing is current yet."""
    copied = copy_world(made[0], tmp_path)
    yield copied
    copied.decisions.close()
