"""Every built-in pack with its verifier and its compiled grader, loaded once."""

from __future__ import annotations

import pytest

from srl_pipeline.model_types import find_packs, load_pack
from srl_pipeline.tuning.graders import compile_grader
from srl_pipeline.verification import Verifier


@pytest.fixture(scope="session")
def verifiers() -> dict[str, Verifier]:
    """Pack name -> its verifier."""
    return {name: Verifier(load_pack(name)) for name in sorted(find_packs())}


@pytest.fixture(scope="session")
def sources(verifiers: dict[str, Verifier]) -> dict[str, str]:
    """Pack name -> its compiled grader."""
    return {name: compile_grader(verifier) for name, verifier in verifiers.items()}


@pytest.fixture(scope="session")
def buildings(verifiers: dict[str, Verifier]) -> Verifier:
    """One of them, where any will do."""
    return verifiers["buildings"]
