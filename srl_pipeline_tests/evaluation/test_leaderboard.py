"""One table over all model types, from manifests alone."""

from __future__ import annotations

from pathlib import Path

from srl_pipeline.contracts import Manifest
from srl_pipeline.evaluation import leaderboard, leaderboard_markdown, write_report

from .builders import results, stage


def manifest(folder: Path, *outcomes: list[bool]) -> Manifest:
    """The manifest of a report over base and SRL."""
    made = write_report(folder, results(*(stage(n, o) for n, o in zip(("base", "srl"), outcomes, strict=True))))
    return Manifest(
        asset="eval_report",
        model_type="buildings",
        data_version="abc",
        inputs={},
        config={},
        seeds={},
        code_version="c",
        created_at="2026-01-01T00:00:00+00:00",
        seconds=1.0,
        gates=made.gates,
        metrics=made.metrics,
        cost_usd=0.0,
        digests={},
        notes=made.notes,
    )


def test_a_row_holds_the_rates_of_every_stage_and_where_they_come_from(tmp_path: Path) -> None:
    row = leaderboard([("buildings", manifest(tmp_path, [False] * 4, [True, True, True, False]))])[0]
    assert [(s.stage, s.pass_rate.value, s.pass_rate.n) for s in row.stages] == [("base", 0.0, 4), ("srl", 0.75, 4)]
    assert (row.status, row.preset, row.data_version) == ("evaluated", "smoke", "abc")


def test_the_table_shows_a_missing_type_as_not_evaluated(tmp_path: Path) -> None:
    rows = leaderboard([("buildings", manifest(tmp_path, [True] * 4, [True] * 4)), ("sounds", None)])
    lines = leaderboard_markdown(rows).splitlines()
    assert lines[0].startswith("| model type | base | SRL | scenarios | preset |")
    assert "100.0 % (51.0 to 100.0)" in lines[2]
    assert lines[3].startswith("| sounds | – | – |") and lines[3].endswith("| not evaluated |")


def test_a_failed_gate_is_shown_instead_of_a_success(tmp_path: Path) -> None:
    row = leaderboard([("buildings", manifest(tmp_path, [True], []))])[0]
    assert row.status == "failed report_complete"
    assert row.stages[1].pass_rate.value is None


def test_without_any_report_the_table_still_lists_the_types() -> None:
    assert "| trees | – | – | – | – | not evaluated |" in leaderboard_markdown(leaderboard([("trees", None)]))
