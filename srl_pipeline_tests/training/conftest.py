"""Shared fixtures: one random student on disk a session, a fresh copy of it a test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from srl_pipeline.training.students.student import Student

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
