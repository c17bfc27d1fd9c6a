"""The page, the terminal's rows, the plot and the JSON: the same figures, and the reasons beside them."""

from __future__ import annotations

import json
from pathlib import Path

from srl_pipeline.ablation.plan import ARMS
from srl_pipeline.ablation.plot import draw
from srl_pipeline.ablation.report import write_report
from srl_pipeline.ablation.run import Skipped
from srl_pipeline.ablation.summary import AblationResults
from srl_pipeline.ablation.table import ARM_NAMES, ROW_COLUMNS, comparison_rows, page, regime_title, row_cells
from srl_pipeline.evaluation.statistics import paired
from srl_pipeline.evaluation.wording import bounds

from .cases import cell, cost
from .test_summary import results


def measured(*, solved: int = 8) -> AblationResults:
    """All arms in the hard regime; only SRL→RLVR solves anything."""
    skipped = [Skipped(seed=1, regime="easy", reason="1 of 9 training scenarios belong to it")]
    cells = [cell(arm, [arm == "srl_rlvr" and i < solved for i in range(12)]) for arm in ARMS]
    return results(*cells, skipped=skipped)


def test_every_arm_has_a_row_with_its_interval() -> None:
    found = measured()
    assert [row_cells(row)[0] for row in found.rows] == list(ARM_NAMES.values())
    assert row_cells(found.rows[-1])[1] == "66.7 % (39.1 to 86.2)" and len(ROW_COLUMNS) == len(row_cells(found.rows[0]))


def test_a_change_is_told_with_interval_p_value_and_word() -> None:
    [first, *_] = comparison_rows(measured(), "hard")
    expected = bounds(paired([False] * 12, [True] * 8 + [False] * 4).difference)
    assert first[:2] == ["SRL → RLVR against base, untouched", f"+66.7 ({expected}), p = 0.0078: improved"]


def test_the_regime_says_by_which_pass_rate_it_was_chosen() -> None:
    assert regime_title(measured(), "hard") == "hard: never solved by the start (12 held-out scenarios, 1 seed)"
    loose = measured().model_copy(update={"hard_at_most": 0.125})
    assert "solved by the start in at most 12.5 % of the tries" in regime_title(loose, "hard")


def test_the_page_has_the_caveats_and_what_was_left_out() -> None:
    text = page(measured())
    assert "tried again with fresh samples" in text and "Bonferroni" in text
    assert "With one seed the intervals are about scenarios alone" in text
    assert "Seed 1, easy: 1 of 9 training scenarios belong to it." in text


def test_nothing_is_called_better_where_nothing_was_solved() -> None:
    text = page(measured(solved=0))
    assert "undecided" in text and "improved |" not in text and "got worse |" not in text


def test_what_a_stage_said_is_on_the_page() -> None:
    noted = results(cell("rlvr", [False], stages=[cost("rlvr", note="No weight was changed.")]))
    assert "- hard, RLVR only, seed 1, rlvr: No weight was changed." in page(noted)


def test_equal_results_draw_equal_bytes_of_a_png() -> None:
    drawn = draw(measured())
    assert drawn.startswith(b"\x89PNG") and drawn == draw(measured()) != draw(measured(solved=4))


def test_two_regimes_are_two_panels() -> None:
    both = results(cell("srl", [True]), cell("srl", [False], regime="easy"))
    assert len(draw(both)) > len(draw(results(cell("srl", [True]))))


def test_the_report_is_three_files_and_the_json_is_all_of_it(tmp_path: Path) -> None:
    found = measured()
    write_report(tmp_path, found)
    assert {p.name for p in tmp_path.iterdir()} == {"ablation.md", "ablation.json", "ablation.png"}
    read = AblationResults.model_validate(json.loads((tmp_path / "ablation.json").read_text()))
    assert [r.greedy.value for r in read.rows][-1] == round(8 / 12, 10) and len(read.comparisons) == 33
