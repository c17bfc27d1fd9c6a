"""Shared fixtures: one random student on disk a session, a fresh copy of it a test; a built-in pack's first gold."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from srl_pipeline.contracts import Scenario, Step
from srl_pipeline.model_types import Pack, load_pack
from srl_pipeline.training.students.student import Student
from srl_pipeline.verification import ScenarioSpace, Verifier, split_actions

from .world import load, write_student


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> Iterator[None]:
    """Matrices this small are slower on several threads, by far so beside other work."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def student_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_student(tmp_path_factory.mktemp("students") / "random-64")


@pytest.fixture
def student(student_folder: Path) -> Student:
    return load(student_folder)


@pytest.fixture(scope="session")
def pack() -> Pack:
    return load_pack("buildings")


@pytest.fixture(scope="session")
def verifier(pack: Pack) -> Verifier:
    return Verifier(pack)


@pytest.fixture(scope="session")
def scenario(pack: Pack) -> Scenario:
    return ScenarioSpace(pack).scenario(dict(pack.definition.examples.gold[0].scenario), where="test")


@pytest.fixture(scope="session")
def gold(pack: Pack) -> list[Step]:
    actions = split_actions(pack, pack.definition.examples.gold[0].artefact)
    return [Step(title=s.title, reasoning="", action=a) for s, a in zip(pack.spec.steps, actions, strict=True)]
