"""What is read of an installation, and what happens where it cannot be read."""

from __future__ import annotations

import shutil
from datetime import datetime
from pathlib import Path
from random import Random

import pytest

from srl_pipeline.dashboard import Gathered, ModelStatus, gather
from srl_pipeline.registry import DECISIONS, HISTORY, SqliteDecisions

from .sample import REGRESSION, SENTENCES, TYPES, N, Sample


def of(gathered: Gathered, model_type: str) -> ModelStatus:
    return next(m for m in gathered.models if m.model_type == model_type)


@pytest.fixture
def sample(tmp_path: Path) -> Sample:
    return Sample(tmp_path)


def test_every_model_type_is_there_and_nothing_is_unreadable(gathered: Gathered) -> None:
    assert {m.model_type for m in gathered.models} >= set(TYPES) and gathered.problems == []


def test_the_current_model_is_the_one_of_the_alias_with_the_figures_of_its_own_report(
    sample: Sample, long_ago: datetime
) -> None:
    first = sample.evaluation("trees", 0, Random(1), long_ago, 0.5)
    sample.promoted("trees", first, long_ago)
    sample.evaluation("trees", 1, Random(2), long_ago, 0.9)
    sample.close()
    trees = of(gather(sample.home), "trees")
    assert trees.current is not None and trees.newest is not None
    assert (trees.current.version, trees.current.solved.value, trees.since) == (first, 0.5, "2026-11-02T00:00:00+00:00")
    assert trees.newest.solved.value == 0.9 and trees.newest.solved.n == N


def test_what_today_s_rules_say_of_the_current_model_counts_before_its_report(
    sample: Sample, long_ago: datetime
) -> None:
    made = sample.evaluation("trees", 0, Random(1), long_ago, 0.5)
    sample.promoted("trees", made, long_ago)
    judged = {"n": float(N), "pass_rate": 0.2}
    sample.artifact("current_evaluation", "trees", "j1", long_ago, judged, notes={"registered_model": made})
    sample.close()
    trees = of(gather(sample.home), "trees")
    assert trees.current is not None and trees.current.solved.value == 0.2
    assert "latency_p50_seconds" in trees.current.metrics


def test_a_judgement_of_another_model_says_nothing_of_the_current_one(sample: Sample, long_ago: datetime) -> None:
    made = sample.evaluation("trees", 0, Random(1), long_ago, 0.5)
    sample.promoted("trees", made, long_ago)
    judged = {"n": float(N), "pass_rate": 0.2}
    sample.artifact("current_evaluation", "trees", "j1", long_ago, judged, notes={"registered_model": "before"})
    sample.close()
    trees = of(gather(sample.home), "trees")
    assert trees.current is not None and trees.current.solved.value == 0.5


def test_a_current_model_whose_files_are_gone_is_an_alarm(sample: Sample, long_ago: datetime) -> None:
    made = sample.evaluation("trees", 0, Random(1), long_ago, 0.5)
    sample.promoted("trees", made, long_ago)
    sample.close()
    (sample.store.folder("registered_model", "trees", made) / "adapter_model.safetensors").unlink()
    trees = of(gather(sample.home), "trees")
    assert trees.lost == ["current"]
    assert trees.alarms == [f"The files of the current model ({made[:12]}) are gone."]


def test_a_promoted_evaluation_is_marked_in_the_trend(sample: Sample, long_ago: datetime) -> None:
    sample.evaluation("trees", 0, Random(1), long_ago, 0.4)
    sample.promoted("trees", sample.evaluation("trees", 1, Random(2), long_ago, 0.5), long_ago)
    sample.close()
    solved, _, cost = of(gather(sample.home), "trees").trends
    assert [p.value for p in solved.points] == [0.4, 0.5]
    assert solved.promoted == [solved.points[1].data_version] and cost.promoted == [cost.points[1].data_version]


def test_weaknesses_and_regressions_are_those_of_the_newest_model(gathered: Gathered) -> None:
    personality, trees = of(gathered, "personality").weak, of(gathered, "trees")
    assert personality is not None and personality.sentences == SENTENCES[:3]
    assert REGRESSION in trees.alarms


def test_money_is_told_by_scope_with_its_cap(gathered: Gathered) -> None:
    found = {s.scope: s for s in gathered.spent}
    assert gathered.spent[0].scope == "all" and found["all"].cap_usd == 40
    assert found["vendor anthropic"].share == pytest.approx((6.65 + 0.6) / 8)
    assert found["vendor gemini"].cap_usd is None and found["type trees"].cap_usd == 10


def test_a_failed_run_after_the_newest_evaluation_is_an_alarm(gathered: Gathered) -> None:
    plants = of(gathered, "plants")
    assert plants.failed_runs == 1
    assert "failed since the newest evaluation; the last said: The teacher" in plants.alarms[0]
    assert "where:" not in plants.alarms[0]


def test_an_empty_installation_is_gathered_and_nothing_is_made_in_it(tmp_path: Path) -> None:
    found = gather(tmp_path)
    assert all(m.current is None and m.newest is None and not m.alarms for m in found.models)
    assert found.problems == [] and list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("file", "told"),
    [
        (HISTORY, "history"),
        (DECISIONS, "decisions"),
        ("ledger.sqlite", "ledger"),
        ("alerts.jsonl", "failed runs"),
    ],
)
def test_a_broken_piece_is_a_problem_and_the_others_are_shown(
    operated: Path, tmp_path: Path, file: str, told: str
) -> None:
    home = tmp_path / "home"
    shutil.copytree(operated, home)
    (home / file).write_bytes(b"\xff no such thing")
    found = gather(home)
    assert any(p.startswith(told) for p in found.problems)
    assert len(found.models) >= len(TYPES)
    assert any(m.newest for m in found.models) == (file != HISTORY)


def test_settings_that_cannot_be_used_are_a_problem(operated: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SRL_SETTINGS", "{budget.nothing: 1}")
    assert any("There is no setting 'budget.nothing'" in p for p in gather(operated).problems)


def test_a_weaknesses_file_that_is_gone_is_a_problem(sample: Sample, long_ago: datetime) -> None:
    sample.artifact("weaknesses", "trees", "w1", long_ago, {"weaknesses": 1.0})
    sample.close()
    found = gather(sample.home)
    assert of(found, "trees").weak is None and found.problems == ["weaknesses of trees: weaknesses.json is gone."]


def test_after_a_rollback_the_model_is_current_since_the_rollback(sample: Sample, long_ago: datetime) -> None:
    first, second = (sample.evaluation("trees", i, Random(i), long_ago, 0.5) for i in (0, 1))
    sample.promoted("trees", first, long_ago)
    sample.promoted("trees", second, long_ago, before=first)
    sample.close()
    decisions = SqliteDecisions(sample.home / DECISIONS)
    back = decisions.decisions()[0].model_copy(
        update={"kind": "rollback", "at": "2026-11-03T00:00:00+00:00", "before": second, "after": first}
    )
    decisions.record(back, aliases={"current": first, "previous": second})
    decisions.close()
    assert of(gather(sample.home), "trees").since == "2026-11-03T00:00:00+00:00"
