"""``srl-pipeline packs``, as a person or a machine runs it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from srl_pipeline.cli.app import app, main
from srl_pipeline.errors import PackError
from srl_pipeline.generation.pack_figures import pack_check
from srl_pipeline.model_types import load_pack, new_pack

from ..conftest import edit


@pytest.fixture(autouse=True)
def only_small_packs(only_added_packs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pack_check, "RANDOM_DRAWS", 300)


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["packs", *arguments])


def test_check_prints_the_figures_and_which_are_not_met(scaffold_folder: Path) -> None:
    result = run("check", "lanterns")
    assert result.exit_code == 1
    [row] = [line for line in result.output.splitlines() if "valid scenarios" in line]
    assert "360" in row
    assert "NO" in row
    [row] = [line for line in result.output.splitlines() if "gold examples" in line]
    assert "yes" in row


def test_check_goes_on_to_the_next_pack_after_a_broken_one(scaffold_folder: Path) -> None:
    line = edit(new_pack("aaa_broken") / "rules.yaml", "fuel == facts.region.fuel", "fuel == facts.region.fule")
    edit(new_pack("bbb_broken") / "pack.yaml", "title: Lanterns", "title: [")
    result = run("check")
    assert result.exit_code == 1
    assert f"rules.yaml:{line}" in result.output
    assert "There is no fact 'facts.region.fule'" in result.output
    assert "Not valid YAML" in result.output
    assert "Pack lanterns" in result.output


def test_check_tells_machines_the_same_as_people(scaffold_folder: Path) -> None:
    edit(new_pack("broken") / "pack.yaml", "title: Lanterns", "titel: Lanterns")
    result = run("check", "--json")
    told = json.loads(result.output)
    assert result.exit_code == 1
    assert told["lanterns"]["valid scenarios"] == {"value": 360, "demand": ">= 500", "met": False}
    assert told["broken"]["error"] == "titel: this key is not known here."
    assert told["broken"]["where"].endswith("broken/pack.yaml:2")
    assert told["broken"]["mend"]


def test_list_names_the_packs_that_can_be_used_one_a_line(scaffold_folder: Path) -> None:
    new_pack("bridges")
    new_pack("other").rename(scaffold_folder.parent / "Bad-Name")
    assert run("list").output.splitlines() == ["bridges", "lanterns"]
    assert json.loads(run("list", "--json").output) == ["bridges", "lanterns"]


def test_check_tells_of_a_folder_with_a_bad_name_and_checks_the_others(scaffold_folder: Path) -> None:
    new_pack("other").rename(scaffold_folder.parent / "Bad-Name")
    result = run("check")
    assert "'Bad-Name' is not a name for a model type" in result.output
    assert "Pack lanterns" in result.output


def test_check_succeeds_when_every_figure_is_met(scaffold_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    met = pack_check.Figure("all", 1.0, ">= 1", True)
    monkeypatch.setattr(pack_check, "check_pack", lambda pack: [met])
    assert run("check", "lanterns").exit_code == 0


def summary(output: str) -> dict[str, list[str]]:
    lines = output[output.index("All packs") :].splitlines()
    rows = [[cell.strip() for cell in line.strip("│").split("│")] for line in lines if line.startswith("│")]
    return {row[0]: row[1:] for row in rows}


def test_check_of_all_packs_ends_with_one_table_of_them_all(scaffold_folder: Path) -> None:
    edit(new_pack("broken") / "pack.yaml", "title: Lanterns", "titel: Lanterns")
    rows = summary(run("check").output)
    assert list(rows) == ["broken", "lanterns"]
    assert rows["broken"] == ["–"] * 9 + ["error"]
    pack = load_pack("lanterns")
    rules, examples = pack.definition.rules.rules, pack.definition.examples
    counts = [360, len(pack.documents), len(rules), len(examples.gold), len(examples.counter), 40]
    assert rows["lanterns"][:6] == [str(n) for n in counts]
    assert rows["lanterns"][7] == "100%"
    assert int(rows["lanterns"][8].replace(",", "")) > 0
    assert rows["lanterns"][9] == "NO"


def test_check_of_one_pack_needs_no_summary(scaffold_folder: Path) -> None:
    assert "All packs" not in run("check", "lanterns").output


def test_check_names_the_rules_that_exclude_each_other_with_file_and_line(scaffold_folder: Path) -> None:
    edit(scaffold_folder / "pack.yaml", "enum: [brass, iron, tin]", "enum: [brass, iron, lead]")
    examples = (scaffold_folder / "examples.yaml").read_text()
    kept = [x for x in examples.split("\n  - ") if "sunken_fen" not in x and "-fen" not in x]
    (scaffold_folder / "examples.yaml").write_text("\n  - ".join(kept))
    rules = scaffold_folder / "rules.yaml"
    line = edit(rules, '"artefact.metal == facts.region.metal"', '"artefact.metal == facts.region.metal" ')
    told = json.loads(run("check", "--json", "lanterns").output)["lanterns"]
    assert "rule 'metal-is-local' alone excludes every artefact (proved)" in told["error"]
    assert f"metal-is-local: {rules}:{line}" in told["where"]
    assert "'region': 'sunken_fen'" in told["where"]


@pytest.mark.parametrize(("name", "says"), [("nope", "There is no model type 'nope'"), ("../x", "is not a name")])
def test_check_of_an_unknown_name_says_so(scaffold_folder: Path, name: str, says: str) -> None:
    result = run("check", name)
    assert result.exit_code == 1
    assert says in result.output


def test_square_brackets_in_an_error_are_printed_as_they_are(scaffold_folder: Path) -> None:
    edit(scaffold_folder / "rules.yaml", '"artefact.fuel == facts.region.fuel"', '"artefact.fuel in [red]"')
    assert "in [red]" in run("check", "lanterns").output


def test_new_writes_a_pack_that_loads_and_says_what_to_edit(scaffold_folder: Path) -> None:
    result = run("new", "breads")
    assert result.exit_code == 0
    assert load_pack("breads").name == "breads"
    for file in ("pack.yaml", "lore/*.md", "rules.yaml", "examples.yaml", "evaluation.yaml"):
        assert file in result.output
    assert "srl-pipeline packs check breads" in result.output
    assert "SRL_PACKS" not in result.output


def test_new_in_a_folder_that_is_not_searched_says_how_to_make_it_so(tmp_path: Path) -> None:
    result = run("new", "breads", "--into", str(tmp_path / "mine"))
    assert result.exit_code == 0
    assert f"export SRL_PACKS={tmp_path / 'mine'}" in result.output


@pytest.mark.parametrize(
    ("name", "says"),
    [("lanterns", "There is already a 'lanterns'"), ("../x", "is not a name"), ("Big", "is not a name")],
)
def test_new_with_a_bad_or_taken_name_is_refused(scaffold_folder: Path, name: str, says: str) -> None:
    error = run("new", name).exception
    assert isinstance(error, PackError)
    assert says in error.what


def test_an_error_is_printed_for_people_and_not_thrown(
    scaffold_folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["srl-pipeline", "packs", "new", "lanterns"])
    with pytest.raises(SystemExit) as caught:
        main()
    assert caught.value.code == 1
    told = capsys.readouterr().err
    assert told.startswith("error: There is already a 'lanterns'.")
    assert "Traceback" not in told


def test_freeze_writes_held_out_scenarios_that_load(scaffold_folder: Path) -> None:
    (scaffold_folder / "evaluation.yaml").unlink()
    assert run("freeze", "lanterns", "--count", "25").exit_code == 0
    assert len(load_pack("lanterns").definition.evaluation.scenarios) == 25


def test_freeze_never_changes_a_frozen_set(scaffold_folder: Path) -> None:
    before = (scaffold_folder / "evaluation.yaml").read_bytes()
    error = run("freeze", "lanterns").exception
    assert isinstance(error, PackError)
    assert "frozen already" in error.what
    assert (scaffold_folder / "evaluation.yaml").read_bytes() == before
