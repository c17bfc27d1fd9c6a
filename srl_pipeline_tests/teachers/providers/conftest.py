"""Fixtures: the key in the environment, and each vendor in turn."""

from __future__ import annotations

import pytest

from srl_pipeline_tests.teachers.providers.cases import KEY, KEY_ENV, SERVERS


@pytest.fixture(autouse=True)
def _key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(KEY_ENV, KEY)


@pytest.fixture(params=sorted(SERVERS))
def kind(request: pytest.FixtureRequest) -> str:
    """A vendor."""
    return request.param
