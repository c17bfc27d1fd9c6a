"""An installation that was operated for a while; read by many tests, changed by none."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from srl_pipeline import clock
from srl_pipeline.dashboard import Gathered, gather

from .sample import month_of_operation

SETTINGS = "{budget.month_usd: 40, budget.vendor_month_usd: {anthropic: 8}, budget.model_type_month_usd: 10}"


@pytest.fixture(scope="session")
def operated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("home")
    month_of_operation(home, now=clock.now(), evaluations=5).close()
    return home


@pytest.fixture(scope="session")
def gathered(operated: Path) -> Gathered:
    with pytest.MonkeyPatch.context() as patch:  # only while it is gathered: other tests run meanwhile
        patch.setenv("SRL_SETTINGS", SETTINGS)
        return gather(operated)


@pytest.fixture
def long_ago() -> datetime:
    return datetime(2026, 11, 2, tzinfo=UTC)
