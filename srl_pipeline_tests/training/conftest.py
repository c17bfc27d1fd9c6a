"""Shared fixtures: one random student on disk a session, a fresh copy of it a test."""

from __future__ import annotations

from pathlib import Path

import pytest

from srl_pipeline.training.student import Student

from .world import load, write_student


@pytest.fixture(scope="session")
def student_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_student(tmp_path_factory.mktemp("students") / "random-64")


@pytest.fixture
def student(student_folder: Path) -> Student:
    return load(student_folder)
