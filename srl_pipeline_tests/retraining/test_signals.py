"""What was measured and asks for a new generation."""

from __future__ import annotations

import pytest

from srl_pipeline.config import ServingConfig
from srl_pipeline.registry import Entry
from srl_pipeline.retraining.signals import drift, volume, weakness
from srl_pipeline.serving.journal import Tally


def entry(asset: str, **metrics: float) -> Entry:
    return Entry(
        at="2026-11-02T12:00:00+00:00", asset=asset, model_type="inns", data_version="v1", inputs={}, metrics=metrics,
        failed_gates=[], seconds=1.0, cost_usd=0.0,
    )  # fmt: skip


def served(right: int, wrong: int, unjudged: int = 0) -> Tally:
    return Tally(n=right + wrong + unjudged, judged=right + wrong, solved=right)


SETTINGS = ServingConfig()
REPORT = entry("registered_model", pass_rate=0.8, n=200.0)


@pytest.mark.parametrize(("count", "said"), [(1.0, "1 weak slice was"), (3.0, "3 weak slices were")])
def test_weaknesses_are_a_signal_named_after_their_artifact(count: float, said: str) -> None:
    signal = weakness(entry("weaknesses", weak_slices=count, weaknesses=9.0))
    assert signal is not None and signal.key == "weakness:v1" and said in signal.why


@pytest.mark.parametrize("found", [None, entry("weaknesses", weaknesses=2.0, weak_slices=0.0), entry("weaknesses")])
def test_without_weaknesses_there_is_no_signal(found: Entry | None) -> None:
    assert weakness(found) is None


def test_live_requests_that_are_solved_far_less_often_are_drift() -> None:
    signal = drift(served(10, 40), REPORT, SETTINGS)
    assert (
        signal is not None and "Of 50 live requests 10 were solved (20%); of the held-out scenarios 80%." in signal.why
    )


@pytest.mark.parametrize(
    ("live", "report"),
    [
        (served(40, 10), REPORT),  # as often
        (served(12, 7), REPORT),  # too few
        (served(0, 0, unjudged=90), REPORT),  # nobody knows
        (served(10, 40), None),
        (served(10, 40), entry("registered_model")),
        (served(10, 40), entry("registered_model", pass_rate=0.8, n=0.0)),
        (served(10, 40), entry("registered_model", pass_rate=0.5, n=4.0)),  # hardly measured
    ],
)
def test_no_drift_without_evidence(live: Tally, report: Entry | None) -> None:
    assert drift(live, report, SETTINGS) is None


def test_enough_live_requests_are_a_signal_once_a_generation() -> None:
    assert volume(served(3, 2), "2026-11-02", 6) is None
    signal = volume(served(3, 2, 1), "2026-11-02", 6)
    assert signal is not None and signal.key == "volume:2026-11-02"
