"""A pack that is wrong says so with file, line, reason and remedy."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from srl_pipeline.errors import PackError
from srl_pipeline.model_types import Pack, read_pack
from srl_pipeline.model_types.text_files import MAX_BYTES
from srl_pipeline.verification import ScenarioSpace, Verifier, check_examples

from ..conftest import edit


@dataclass(frozen=True)
class Bad:
    """A change to the good pack, and what its error must say."""

    file: str
    old: str
    new: str
    says: str
    lines_down: int = 0
    """Lines between the change and the place of the error."""


RULE = """  - id: fuel-is-local
    severity: hard
    skill: materials
    assert: "artefact.fuel == facts.region.fuel"
"""


def rule(text: str, says: str) -> Bad:
    """A bad assertion in the place of the first rule's."""
    return Bad("rules.yaml", '"artefact.fuel == facts.region.fuel"', f'"{text}"', says)


WRONG = {
    "a key that is not known": Bad(
        "pack.yaml", "title: Lanterns", "titel: Lanterns\ntitle: L", "titel: this key is not"
    ),
    "a key that is missing": Bad(
        "rules.yaml", '    skill: weather\n    when: "facts', '    when: "facts', "rules.4: 'skill' is missing", -2
    ),
    "a duplicate key": Bad("pack.yaml", "title: Lanterns", "title: Lanterns\ntitle: Again", "'title' stands twice", 1),
    "broken indentation": Bad("pack.yaml", "steps:  ", "   steps:  ", "Not valid YAML"),
    "an open quote": Bad("rules.yaml", "  - id: metal-is-local", '  - id: "metal-is-local', "Not valid YAML", 3),
    "a tab": Bad("pack.yaml", "    title: Burner", "\ttitle: Burner", "Not valid YAML"),
    "an invisible character": Bad("pack.yaml", "title: Burner", "title: Bur\x07ner", "is not allowed"),
    "an anchor": Bad("pack.yaml", "bearer:\n", "bearer: &all\n", "Anchors and aliases"),
    "an alias": Bad("pack.yaml", "title: Burner", "title: *all", "Anchors and aliases"),
    "a tag that builds an object": Bad("pack.yaml", "title: Burner", "title: !!python/object:os.system x", "Tag"),
    "a number that is none": Bad("pack.yaml", "maximum: 4", "maximum: !!int four", "four is not a number"),
    "an infinite number": Bad("pack.yaml", "maximum: 4", "maximum: .inf", "is not a number"),
    "an unknown kind of field": Bad("pack.yaml", "type: integer,", "type: text,", "a field has an 'enum'"),
    "a field without its step": Bad("pack.yaml", ", multipleOf: 1}", "}", "'multipleOf' is missing"),
    "a grid with too many values": Bad("pack.yaml", "maximum: 4", "maximum: 900", "at most 200 values"),
    "a grid of steps that are too small": Bad("pack.yaml", "step: 1,", "step: 1.0e-300,", "at most 20,000 values"),
    "a word that YAML reads as a flag": Bad("pack.yaml", "enum: [hook,", "enum: [off,", "put the word in quotes"),
    "a word that stands twice": Bad("pack.yaml", "[hook, pole,", "[hook, hook,", "stands twice"),
    "a bad name of an axis": Bad("pack.yaml", "  bearer:\n", "  Bearer-x:\n", "is not a name"),
    "an axis value that is no mapping": Bad("pack.yaml", "{label: a scribe, lore: bearer-scribe}", "scribe", "mapping"),
    "a field that two steps have": Bad(
        "pack.yaml", "      colour:", "      mount:", "stands in steps 'carrying' and 'light'"
    ),
    "a step id that stands twice": Bad("pack.yaml", "- id: light", "- id: body", "Step id 'body' stands twice"),
    "a step title that stands twice": Bad("pack.yaml", "title: Light", "title: Body", "Step title 'Body' stands twice"),
    "an unknown lore document": Bad(
        "pack.yaml", "lore: bearer-scribe", "lore: bearer-monk", "no lore document 'bearer-monk'"
    ),
    "a path for a lore document": Bad("pack.yaml", "lore: bearer-scribe", "lore: ../secret", "is not a name"),
    "a brief that names no axis": Bad("pack.yaml", "for {bearer} in", "for {owner} in", "{owner}"),
    "an unknown axis in a constraint": Bad(
        "pack.yaml", "scenario.bearer == 'miner'", "scenario.who == 'miner'", "no axis 'who'"
    ),
    "a constraint that does not parse": Bad("pack.yaml", "!(scenario", "!((scenario", "does not parse"),
    "an unknown fact in the difficulty": Bad(
        "pack.yaml", "facts.region.wind", "facts.region.rain", "no fact 'facts.region.rain'"
    ),
    "a rule that does not parse": rule("artefact.fuel ==", "does not parse"),
    "an unknown field in a rule": rule("artefact.fule == 'oil'", "No step has field 'fule'"),
    "an unknown fact in a rule": rule("artefact.fuel == facts.region.fule", "no fact 'facts.region.fule'"),
    "an unknown axis in a rule": rule("artefact.fuel == scenario.realm", "no axis 'realm'"),
    "an axis that binds no facts": rule("artefact.fuel == facts.hours.fuel", "no fact 'facts.hours.fuel'"),
    "an axis reached by brackets": rule("scenario['hours'] > 2", "names 'scenario'"),
    "an unknown name in a rule": rule("artefact.fuel == oil", "names 'oil'"),
    "a rule about no field": rule("scenario.hours > 2", "reads no field"),
    "a rule that yields no truth": rule("artefact.fillings + 1", "not true or false"),
    "a rule that mixes types": rule("artefact.fuel > 2", "fails"),
    "a nested comprehension": rule(
        "[1].all(v, [2].all(w, v < w)) && artefact.fillings > 0", "A comprehension within another"
    ),
    "a nested comprehension over facts": rule(
        "['a'].all(v, facts.region.fuel.exists(w, w == v)) && artefact.fillings > 0", "within another"
    ),
    "three comprehensions": rule(
        "[1].all(v, v > 0) && [1].all(v, v > 0) && [1].all(v, v > artefact.fillings)", "3 comprehensions"
    ),
    "a comment in a rule": rule("artefact.fillings > 1 // never", "// is not allowed"),
    "a rule nested too deeply": rule("(" * 13 + "artefact.fillings" + ")" * 13 + " > 1", "Nested deeper than 12"),
    "a rule that is too long": rule("artefact.fillings > 1" + " && true" * 60, "at most 400"),
    "an unknown placeholder in a message": Bad(
        "rules.yaml", 'burn {facts.region.fuel}."', 'burn {facts.region.fule}."', "{facts.region.fule} names nothing"
    ),
    "a rule id that stands twice": Bad(
        "rules.yaml", "- id: fillings-last", "- id: fuel-is-local", "'fuel-is-local' stands twice"
    ),
    "a gold id that stands twice": Bad(
        "examples.yaml", "- id: g-ferry-saltmere", "- id: g-watch-saltmere", "gold id 'g-watch-saltmere' stands twice"
    ),
    "a counter id that stands twice": Bad(
        "examples.yaml", "{id: c-white-ferry", "{id: c-green-watchman", "counter id 'c-green-watchman' stands twice"
    ),
    "a constraint id that stands twice": Bad(
        "pack.yaml", "difficulty:", "  - {id: no-mine-in-fen, assert: 'true', message: m}\ndifficulty:", "constraint id"
    ),
    "gold that breaks a rule": Bad(
        "examples.yaml", "hours: 10}", "hours: 13}", "Gold g-watch-saltmere breaks rule fillings-last", -1
    ),
    "gold of an unknown axis value": Bad(
        "examples.yaml", "bearer: watchman, hours: 10", "bearer: king, hours: 10", "no value 'king'", -1
    ),
    "gold of a scenario that cannot be": Bad(
        "examples.yaml", "sunken_fen, bearer: scribe", "sunken_fen, bearer: miner", "cannot be", -1
    ),
    "a counter-example that breaks nothing": Bad(
        "examples.yaml", "change: {fuel: wax}", "change: {fuel: oil}", "it breaks nothing"
    ),
    "a counter-example that breaks two rules": Bad(
        "examples.yaml",
        "change: {fuel: wax}",
        "change: {fuel: wax, mount: hook}",
        "it breaks fuel-is-local, mount-fits-bearer",
    ),
    "a counter-example of no rule": Bad(
        "examples.yaml",
        "breaks: fuel-is-local, from: g-watch",
        "breaks: fuel, from: g-watch",
        "names rule 'fuel', which is none",
    ),
    "a counter-example of no gold": Bad(
        "examples.yaml", "from: g-mine-amber", "from: g-mine", "no gold example 'g-mine'"
    ),
    "a rule that nothing exercises": Bad(
        "rules.yaml",
        RULE,
        RULE.replace("fuel-is-local", "fuel-is-burnt").replace("fuel == facts.region.fuel", "fillings > 0")
        + "    message: m\n    because: b\n"
        + RULE,
        "No counter-example breaks rule 'fuel-is-burnt'",
    ),
    "a document without a head": Bad(
        "lore/bearer-miner.md", "---\nid: bearer", "id: bearer", "begins with front matter"
    ),
    "prose that omits a word": Bad(
        "lore/bearer-miner.md", "  mount: hook", "  mount: pole", "does not state fact 'mount' (pole)"
    ),
    "prose that omits a number": Bad(
        "lore/bearer-miner.md", "  mount: hook", "  mount: hook\n  lamps: 3", "does not state fact 'lamps' (3", 1
    ),
    "a fact that is a flag": Bad("lore/bearer-miner.md", "  mount: hook", "  mount: hook\n  deep: yes", "quotes", 1),
    "a fact that is a mapping": Bad("lore/bearer-miner.md", "  mount: hook", "  mount: {a: b}", "facts.mount"),
    "broken YAML in a head": Bad("lore/bearer-miner.md", "tags: [bearer,", "tags: bearer]: [", "Not valid YAML"),
    "facts that the other values lack": Bad(
        "lore/bearer-miner.md", "  mount: hook", "  mount: hook\n  roof: [roof]", "do not have the same facts", -999
    ),
}


def load(folder: Path) -> Pack:
    """All that must hold before anything is trained on a pack."""
    pack = read_pack(folder)
    check_examples(Verifier(pack))
    return pack


def error_of(folder: Path) -> PackError:
    with pytest.raises(PackError) as caught:
        load(folder)
    return caught.value


def test_the_pack_is_good_before_it_is_made_bad(scaffold_folder: Path) -> None:
    assert load(scaffold_folder).name == "lanterns"


@pytest.mark.parametrize("name", [n for n, bad in WRONG.items() if bad.lines_down != -999])
def test_an_error_names_file_and_line_reason_and_remedy(name: str, scaffold_folder: Path) -> None:
    bad = WRONG[name]
    file = scaffold_folder / bad.file
    line = edit(file, bad.old, bad.new) + bad.lines_down
    error = error_of(scaffold_folder)
    assert bad.says in error.what
    assert error.where.split(",")[0] == f"{file}:{line}"
    assert error.mend


def test_facts_that_differ_between_values_are_shown_at_the_axis_value(scaffold_folder: Path) -> None:
    bad = WRONG["facts that the other values lack"]
    edit(scaffold_folder / bad.file, bad.old, bad.new)
    line = edit(scaffold_folder / "pack.yaml", "    miner: {", "    miner: {")
    error = error_of(scaffold_folder)
    assert "('miner' differs)" in error.what
    assert error.where == f"{scaffold_folder / 'pack.yaml'}:{line}"


@pytest.mark.parametrize(
    "file", ["pack.yaml", "rules.yaml", "examples.yaml", "evaluation.yaml", "lore/bearer-miner.md"]
)
def test_a_file_that_is_not_utf8_is_refused_at_its_line(scaffold_folder: Path, file: str) -> None:
    path = scaffold_folder / file
    lines = path.read_bytes().split(b"\n")
    lines[3] += " # Öl".encode("latin-1")
    path.write_bytes(b"\n".join(lines))
    error = error_of(scaffold_folder)
    assert "is not UTF-8" in error.what
    assert error.where == f"{path}:4"


@pytest.mark.parametrize(
    "file", ["pack.yaml", "rules.yaml", "examples.yaml", "evaluation.yaml", "lore/bearer-miner.md"]
)
def test_a_huge_file_is_refused_unread(scaffold_folder: Path, file: str) -> None:
    with (scaffold_folder / file).open("ab") as handle:
        handle.write(b"\n# " + b"x" * MAX_BYTES)
    error = error_of(scaffold_folder)
    assert "bytes; at most 2,000,000 are read" in error.what
    assert error.where == str(scaffold_folder / file)


@pytest.mark.parametrize("file", ["pack.yaml", "rules.yaml", "examples.yaml"])
def test_a_missing_file_is_named(scaffold_folder: Path, file: str) -> None:
    (scaffold_folder / file).unlink()
    assert error_of(scaffold_folder).what == f"{file} is missing."


def test_a_folder_in_the_place_of_a_file_is_refused(scaffold_folder: Path) -> None:
    (scaffold_folder / "rules.yaml").unlink()
    (scaffold_folder / "rules.yaml").mkdir()
    assert error_of(scaffold_folder).what == "rules.yaml is missing."


def test_an_empty_file_says_what_is_missing(scaffold_folder: Path) -> None:
    (scaffold_folder / "rules.yaml").write_text("")
    assert error_of(scaffold_folder).what == "rules.yaml: 'version' is missing."


@pytest.mark.parametrize("text", ["just words", "[1, 2]", "3"])
def test_a_file_that_is_no_mapping_is_refused(scaffold_folder: Path, text: str) -> None:
    (scaffold_folder / "rules.yaml").write_text(text)
    assert "a mapping is wanted here" in error_of(scaffold_folder).what


def test_brackets_nested_a_hundred_thousand_deep_are_refused(scaffold_folder: Path) -> None:
    (scaffold_folder / "rules.yaml").write_text("a: " + "[" * 100_000)
    error = error_of(scaffold_folder)
    assert error.what == "Nested too deeply."
    assert error.where.endswith("rules.yaml:1")


def test_an_expansion_bomb_is_refused_before_it_expands(scaffold_folder: Path) -> None:
    bomb = "a0: &a0 [x, x]\n" + "".join(f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]\n" for i in range(1, 12))
    (scaffold_folder / "rules.yaml").write_text(bomb)
    assert error_of(scaffold_folder).what == "Anchors and aliases are not allowed."


def test_a_document_id_in_two_files_names_both(scaffold_folder: Path) -> None:
    lore = scaffold_folder / "lore"
    (lore / "copy.md").write_text((lore / "bearer-miner.md").read_text())
    error = error_of(scaffold_folder)
    assert "'bearer-miner' stands in two files" in error.what
    assert "copy.md" in error.where
    assert "bearer-miner.md" in error.where


def test_a_pack_without_lore_is_refused(scaffold_folder: Path) -> None:
    for file in (scaffold_folder / "lore").iterdir():
        file.unlink()
    assert error_of(scaffold_folder).what == "There is no lore."


def test_a_held_out_scenario_that_cannot_be_is_refused_at_its_line(scaffold_folder: Path) -> None:
    file = scaffold_folder / "evaluation.yaml"
    file.write_text("version: 1\nscenarios:\n  - {region: saltmere, bearer: scribe, hours: 3}\n  - {region: moon}\n")
    pack = load(scaffold_folder)
    with pytest.raises(PackError, match="missing or unknown") as caught:
        ScenarioSpace(pack).scenario(pack.definition.evaluation.scenarios[1], where=pack.place("evaluation", "1"))
    assert caught.value.where == f"{file}:4"
