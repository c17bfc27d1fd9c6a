"""Fixtures for the tests of state: an empty home on each backend."""

from __future__ import annotations

from pathlib import Path

import pytest

from srl_pipeline_tests.aws.moto_server import MotoServer
from srl_pipeline_tests.aws.state import BACKENDS, dynamo_state, use


@pytest.fixture(params=BACKENDS)
def home(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Nothing was ever kept. ``SRL_STATE`` says where things are kept, in this process and its children."""
    use(request.param, monkeypatch)
    return tmp_path


@pytest.fixture
def dynamo(monkeypatch: pytest.MonkeyPatch) -> MotoServer:
    """An emulated AWS whose empty table keeps state."""
    return dynamo_state(monkeypatch)
