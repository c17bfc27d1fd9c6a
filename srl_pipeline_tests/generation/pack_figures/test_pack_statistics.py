"""The figures of a pack, for its designer."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import pytest

from srl_pipeline.canonical import dumps
from srl_pipeline.contracts import Step
from srl_pipeline.errors import PackError
from srl_pipeline.generation.pack_figures import pack_statistics
from srl_pipeline.generation.pack_figures.pack_statistics import PackStatistics, histogram, measure_pack
from srl_pipeline.model_types import load_pack
from srl_pipeline_tests.conftest import edit


@pytest.fixture(autouse=True)
def smaller(monkeypatch: pytest.MonkeyPatch, scaffold_folder: Path) -> None:
    for name, value in {"SAMPLED": 150, "DRAWN": 60, "SOLVED": 30, "GUESSED": 1500, "PROBED": 3}.items():
        monkeypatch.setattr(pack_statistics, name, value)


def share(hits: int, n: int) -> tuple[float, float]:
    return hits / n - 0.01, hits / n + 0.01


def measured() -> PackStatistics:
    return measure_pack(load_pack("lanterns"), share)


def test_axes_are_told_as_the_pack_writes_them() -> None:
    axes = {a.name: (a.values, a.size) for a in measured().axes}
    assert axes["bearer"] == (["watchman", "ferryman", "scribe", "miner"], 4)
    assert axes["hours"] == (["1 to 24 by 1 h"], 24)


def test_scenarios_are_counted_and_sorted_by_difficulty() -> None:
    found = measured().scenarios
    assert (found.combinations, found.valid, found.counted) == (384, 360, True)
    assert sum(found.difficulty) == sum(found.bands) == 150
    # 0.2, 0.5 and 0.8 are all that the formula of the small pack can give
    assert [i for i, n in enumerate(found.difficulty) if n] == [2, 5, 8]
    assert found.bands == [n for n in found.difficulty if n]
    assert sum(found.difficulty_held_out) == 40


def test_coverage_is_a_share_of_pairs_and_more_scenarios_cover_more() -> None:
    found = measured().scenarios
    assert found.held_out is not None
    assert 0 < found.held_out <= found.reachable <= 1
    assert 0 < found.drawn <= found.reachable


def test_without_an_evaluation_set_everything_else_is_measured(scaffold_folder: Path) -> None:
    (scaffold_folder / "evaluation.yaml").unlink()
    found = measured()
    assert found.scenarios.held_out is None
    assert found.expert.solved.hits == 30


def test_the_expert_solves_all_and_guessing_almost_nothing() -> None:
    found = measured()
    assert (found.expert.solved.hits, found.expert.solved.n, found.expert.ideal.hits) == (30, 30, 30)
    assert found.expert.failures == []
    assert 0 < found.guessed.value < 0.1
    assert (found.guessed.low, found.guessed.high) == share(found.guessed.hits, 1500)
    assert found.timings.median_rate is not None
    assert found.timings.median_rate > 0


def test_every_rule_and_every_field_has_a_row() -> None:
    pack, found = load_pack("lanterns"), measured()
    assert [r.rule for r in found.rules] == [r.id for r in pack.definition.rules.rules]
    assert [f.field for f in found.fields] == [name for step in pack.spec.steps for name in step.fields]


def test_a_pack_gives_the_same_figures_again_but_for_its_timings() -> None:
    first, second = asdict(measured()), asdict(measured())
    del first["timings"], second["timings"]
    assert dumps(first) == dumps(second)


def test_scenarios_that_cannot_be_solved_are_counted_and_explained(scaffold_folder: Path) -> None:
    edit(scaffold_folder / "pack.yaml", "enum: [brass, iron, tin]", "enum: [brass, iron, lead]")
    found = measured()
    assert 0 < found.expert.solved.hits < 30
    assert "rule 'metal-is-local' alone excludes every artefact" in found.expert.failures[0]
    assert len(found.expert.failures) <= 3


def test_a_pack_that_nothing_solves_still_has_its_other_figures(scaffold_folder: Path) -> None:
    edit(scaffold_folder / "pack.yaml", "enum: [brass, iron, tin]", "enum: [lead, zinc]")
    found = measured()
    assert found.expert.solved.hits == 0
    assert found.expert.unnoticed is None
    assert found.fields == []
    assert found.timings.median_rate is None
    assert found.rules[0].guessed > 0


def test_tokens_are_counted_by_the_step_and_by_the_episode() -> None:
    def tokens(steps: list[Step]) -> list[int]:
        return list(range(10, 10 + len(steps)))

    found = measure_pack(load_pack("lanterns"), share, tokens).tokens  # type: ignore[arg-type]
    assert found is not None
    assert (found.step_median, found.step_most) == (11.5, 13)
    assert (found.episode_median, found.episode_most) == (46, 46)


def test_a_held_out_scenario_that_cannot_be_is_refused_at_its_line(scaffold_folder: Path) -> None:
    text = "version: 1\nscenarios:\n  - {region: x, bearer: miner, hours: 1}\n"
    (scaffold_folder / "evaluation.yaml").write_text(text)
    with pytest.raises(PackError, match="region has no value 'x'") as caught:
        measured()
    assert "evaluation.yaml:3" in caught.value.where


@pytest.mark.parametrize(("value", "tenth"), [(0.0, 0), (0.1 + 0.2, 3), (0.3, 3), (0.29, 2), (0.7, 7), (1.0, 9)])
def test_a_difficulty_lies_in_the_tenth_that_its_decimal_says(value: float, tenth: int) -> None:
    assert histogram([value]).index(1) == tenth
