"""The one clock."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from srl_pipeline.clock import AHEAD, now, now_iso


def test_a_rehearsal_puts_the_clock_forward_and_back(monkeypatch: pytest.MonkeyPatch) -> None:
    before = now()
    monkeypatch.setenv(AHEAD, "86400")
    ahead = datetime.fromisoformat(now_iso())
    monkeypatch.setenv(AHEAD, "-86400")
    assert timedelta(hours=23) < ahead - before < timedelta(hours=25)
    assert now() < before
