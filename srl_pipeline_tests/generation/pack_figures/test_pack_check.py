"""The figures of a pack."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from srl_pipeline.errors import PackError, RuleError, TeacherError
from srl_pipeline.generation.pack_figures import pack_check, rule_figures
from srl_pipeline.generation.pack_figures.pack_check import Figure, check_pack, random_pass_rate
from srl_pipeline.generation.pack_figures.rule_figures import slowest_rule, unsayable_words
from srl_pipeline.model_types import Pack, find_packs, load_pack
from srl_pipeline.teachers import domain
from srl_pipeline.verification import ScenarioSpace, Verifier
from srl_pipeline_tests.conftest import edit


@pytest.fixture(autouse=True)
def fewer_draws(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten thousand draws are for people who wait for a figure with three digits."""
    monkeypatch.setattr(pack_check, "RANDOM_DRAWS", 300 if "scaffold_folder" in request.fixturenames else 2000)


def figures(name: str = "lanterns") -> dict[str, Figure]:
    return {f.name: f for f in check_pack(load_pack(name))}


@pytest.mark.parametrize("name", sorted(find_packs()))
def test_a_pack_of_the_product_meets_every_demand(name: str) -> None:
    assert [f.name for f in figures(name).values() if not f.met] == []


def test_a_pack_without_evaluation_set_shows_all_other_figures(scaffold_folder: Path) -> None:
    with_set = figures()
    (scaffold_folder / "evaluation.yaml").unlink()
    without = figures()
    assert without.keys() == with_set.keys()
    assert without["evaluation scenarios"].value == 0
    assert not without["evaluation scenarios"].met
    assert "packs freeze lanterns" in without["evaluation scenarios"].note


def test_a_held_out_scenario_that_cannot_be_stops_the_check(scaffold_folder: Path) -> None:
    text = "version: 1\nscenarios:\n  - {region: x, bearer: miner, hours: 1}\n"
    (scaffold_folder / "evaluation.yaml").write_text(text)
    with pytest.raises(PackError, match="region has no value 'x'"):
        figures()


def test_a_pack_that_cannot_be_solved_stops_the_check(scaffold_folder: Path) -> None:
    edit(scaffold_folder / "pack.yaml", "enum: [brass, iron, tin]", "enum: [brass, iron, lead]")
    examples = (scaffold_folder / "examples.yaml").read_text()
    kept = [x for x in examples.split("\n  - ") if "sunken_fen" not in x and "-fen" not in x]
    (scaffold_folder / "examples.yaml").write_text("\n  - ".join(kept))
    with pytest.raises(TeacherError, match="No artefact satisfies"):
        figures()


def test_guessing_passes_as_often_as_the_rules_let_it(scaffold_pack: Pack) -> None:
    space = ScenarioSpace(scaffold_pack)
    scenario = space.scenario({"region": "amber_vale", "bearer": "scribe", "hours": 24}, where="test")
    rate = random_pass_rate(Verifier(scaffold_pack), [scenario], random.Random(1), 9000)
    assert rate == pytest.approx(1 / 3 / 4 / 3 / 3, abs=0.004)  # fuel, fillings, metal, mount; any pane and colour


def test_guessing_is_judged_as_the_verifier_judges(scaffold_pack: Pack) -> None:
    verifier, space = Verifier(scaffold_pack), ScenarioSpace(scaffold_pack)
    scenarios = [space.scenario(space.at(i), where="test") for i in (0, 7, 33)]
    rng, passed = random.Random(5), 0
    steps = [{n: domain(f) for n, f in step.fields.items()} for step in scaffold_pack.spec.steps]
    for i in range(3000):
        artefact: dict[str, object] = {}
        for index, fields in enumerate(steps):
            action = {name: rng.choice(values) for name, values in fields.items()}
            if not verifier.check_step(scenarios[i % 3], artefact, index, action).hard_ok:
                break
            artefact |= action
        else:
            passed += 1
    assert passed > 0
    assert random_pass_rate(verifier, scenarios, random.Random(5), 3000) == passed / 3000


def test_a_contradiction_stops_the_check_and_names_the_rules_and_their_lines(scaffold_folder: Path) -> None:
    rules, examples = scaffold_folder / "rules.yaml", scaffold_folder / "examples.yaml"
    line = edit(rules, '"artefact.mount == facts.bearer.mount"', '"artefact.mount == facts.bearer.mount" ')
    twist = (
        "  - {id: twist, severity: hard, skill: custom, message: m, because: b,\n"
        '     assert: "scenario.hours != 23 || artefact.mount != facts.bearer.mount"}\n'
    )
    rules.write_text(rules.read_text() + twist)
    counter = "  - {id: c-twist, breaks: twist, from: g-scribe-amber, scenario: {hours: 23}, change: {fillings: 4}}\n"
    examples.write_text(examples.read_text() + counter)
    with pytest.raises(TeacherError) as caught:
        figures()
    assert "'mount-fits-bearer' and 'twist' exclude each other (proved)" in caught.value.what
    assert f"mount-fits-bearer: {rules}:{line}" in caught.value.where
    assert f"twist: {rules}:{len(rules.read_text().splitlines())}" in caught.value.where
    assert "'hours': 23" in caught.value.where


def test_the_slowest_rule_is_shown_by_name_in_microseconds(scaffold_folder: Path) -> None:
    slowest = figures()["slowest rule, microseconds"]
    assert 0 < slowest.value < 5000
    assert slowest.note.startswith("The slowest rule is ")


def test_a_rule_that_is_too_slow_is_refused_at_its_line(
    scaffold_pack: Pack, scaffold_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = iter(range(10_000))
    monkeypatch.setattr(rule_figures.time, "perf_counter", lambda: float(next(clock)))
    space = ScenarioSpace(scaffold_pack)
    scenario = space.scenario(space.at(0), where="test")
    with pytest.raises(RuleError, match=r"takes 1000\.0 ms; at most 5 ms are allowed") as caught:
        slowest_rule(Verifier(scaffold_pack), [(scenario, {})])
    assert f"{scaffold_folder / 'rules.yaml'}:" in caught.value.where


def test_fact_words_that_no_field_can_say_are_named(scaffold_folder: Path) -> None:
    assert unsayable_words(load_pack("lanterns")) == []
    edit(scaffold_folder / "pack.yaml", "enum: [hook, pole, stand]", "enum: [hook, pole, strap]")
    assert unsayable_words(load_pack("lanterns")) == ["stand (facts.bearer.mount)"]
