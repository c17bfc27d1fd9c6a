"""Packs that mean harm, or are damaged: each is refused with a reason, quickly, and no other pack suffers."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from srl_pipeline.cli.app import app
from srl_pipeline.defs.sensors import stamp
from srl_pipeline.errors import PackError
from srl_pipeline.generation.pack_figures import pack_check
from srl_pipeline.generation.pack_figures.pack_check import check_pack
from srl_pipeline.model_types import load_pack, new_pack, read_pack, scan_packs
from srl_pipeline.model_types.text_files import MAX_BYTES

from ..conftest import edit

FILES = ["pack.yaml", "rules.yaml", "examples.yaml", "lore/bearer-miner.md"]
MEGABYTE = 1_000_000
NO_NAME = os.fsdecode(b"\xff\x1bpack")
SHOWN = r"\udcff\x1bpack"


def error_of(folder: Path) -> PackError:
    with pytest.raises(PackError) as caught:
        check_pack(read_pack(folder))
    return caught.value


# Links


@pytest.mark.parametrize("file", FILES)
@pytest.mark.parametrize("target", ["itself", "another link that leads back", "nowhere"])
def test_a_link_that_leads_to_no_file_is_told_as_such(scaffold_folder: Path, file: str, target: str) -> None:
    path = scaffold_folder / file
    path.unlink()
    if target == "itself":
        path.symlink_to(path)
    else:
        other = path.with_name("other")
        path.symlink_to(other)
        if target != "nowhere":
            other.symlink_to(path)
    error = error_of(scaffold_folder)
    assert error.what == f"{path.name} is a link that leads nowhere or in a circle."
    assert error.where == str(path)


@pytest.mark.parametrize("file", [*FILES, "evaluation.yaml"])
def test_a_link_to_a_file_outside_the_pack_is_refused_and_the_file_not_quoted(
    scaffold_folder: Path, tmp_path: Path, file: str
) -> None:
    secret = tmp_path / "secret.md"
    secret.write_text("---\nid: a\ntitle: the password is swordfish\n---\n")
    (scaffold_folder / file).unlink()
    (scaffold_folder / file).symlink_to(secret)
    error = error_of(scaffold_folder)
    assert error.what == f"{Path(file).name} lies outside the pack: a link leads to {secret}."
    assert error.mend == "Copy the file into the pack."
    assert "swordfish" not in str(error)


def test_a_link_through_several_links_is_followed_to_its_end(scaffold_folder: Path, tmp_path: Path) -> None:
    (tmp_path / "secret.yaml").write_text("rules: []")
    (scaffold_folder / "rules.yaml").unlink()
    (scaffold_folder / "step").symlink_to("../../secret.yaml")
    (scaffold_folder / "rules.yaml").symlink_to("step")
    assert "rules.yaml lies outside the pack" in error_of(scaffold_folder).what


@pytest.mark.parametrize("target", ["../../elsewhere", ".."])
def test_a_lore_folder_that_is_a_link_out_of_the_pack_is_refused(
    scaffold_folder: Path, tmp_path: Path, target: str
) -> None:
    elsewhere = tmp_path / "elsewhere"
    (scaffold_folder / "lore").rename(elsewhere)
    (scaffold_folder / "lore").symlink_to(target)
    (scaffold_folder.parent / "stray.md").write_text("---\nid: a\ntitle: A\n---\n")
    assert "lies outside the pack" in error_of(scaffold_folder).what


def test_a_lore_folder_that_is_a_link_to_itself_holds_no_lore(scaffold_folder: Path) -> None:
    (scaffold_folder / "lore").rename(scaffold_folder / "gone")
    (scaffold_folder / "lore").symlink_to("lore")
    assert error_of(scaffold_folder).what == "There is no lore."


def test_folders_linked_in_a_circle_trap_neither_the_reader_nor_the_sensor(scaffold_folder: Path) -> None:
    (scaffold_folder / "lore" / "up").symlink_to("..")
    (scaffold_folder / "again").symlink_to(".")
    files = stamp(scaffold_folder)
    assert len(read_pack(scaffold_folder).documents) == 9
    assert len(files) == len({name for name, _, _ in files}) == 13


def test_links_within_the_pack_are_followed_as_mounted_configuration_has_them(scaffold_folder: Path) -> None:
    data = scaffold_folder / "..2026_01_01"
    data.mkdir()
    (scaffold_folder / "..data").symlink_to(data.name)
    for name in ("pack.yaml", "rules.yaml", "lore/bearer-miner.md"):
        path = scaffold_folder / name
        path.rename(data / path.name)
        path.symlink_to(os.path.relpath(scaffold_folder / "..data" / path.name, path.parent))
    assert read_pack(scaffold_folder).name == "lanterns"


def test_a_pack_folder_may_itself_be_a_link(scaffold_folder: Path, tmp_path: Path) -> None:
    scaffold_folder.rename(tmp_path / "real")
    scaffold_folder.symlink_to(tmp_path / "real")
    assert load_pack("lanterns").name == "lanterns"


# Names


@pytest.mark.parametrize("name", ["../../etc/passwd", "a/b", "..", "/etc/passwd", "a b", "Ünder", '"a\\0"', "~root"])
def test_a_document_id_that_could_be_a_path_is_refused_at_its_line(scaffold_folder: Path, name: str) -> None:
    file = scaffold_folder / "lore" / "bearer-miner.md"
    edit(file, "id: bearer-miner", f"id: {name}")
    error = error_of(scaffold_folder)
    assert error.where == f"{file}:2"
    assert "is not a name" in error.what or "is not allowed" in error.what


@pytest.mark.parametrize("name", [b"\xff\xfe.md", b"two\nlines.md", b"\x1b[31mred.md"])
def test_a_file_name_that_cannot_be_shown_is_refused_in_words_that_can(scaffold_folder: Path, name: bytes) -> None:
    (scaffold_folder / "lore" / os.fsdecode(name)).write_text("---\nid: a\ntitle: A\n---\nText.\n")
    error = error_of(scaffold_folder)
    assert "is no file name that can be shown" in error.what
    assert error.what.isprintable()
    assert error.where == str(scaffold_folder / "lore")


def test_a_folder_whose_name_cannot_be_shown_is_told_in_words_that_can(scaffold_folder: Path) -> None:
    scaffold_folder.rename(scaffold_folder.with_name(NO_NAME))
    [(name, error)] = scan_packs()[1].items()
    assert name == SHOWN
    assert name in error.where
    assert error.where.isprintable()


# Sizes


@pytest.mark.parametrize("file", [*FILES, "evaluation.yaml"])
def test_a_file_of_a_hundred_megabytes_is_refused_unread(scaffold_folder: Path, file: str) -> None:
    path = scaffold_folder / file
    os.truncate(path, 100 * MEGABYTE)
    start = time.process_time()
    error = error_of(scaffold_folder)
    assert time.process_time() - start < 5
    assert error.what == f"{path.name} has 100,000,000 bytes; at most 2,000,000 are read."
    assert error.mend == "Split or shorten it."


@pytest.mark.parametrize("file", FILES)
def test_a_file_of_zeros_is_refused(scaffold_folder: Path, file: str) -> None:
    path = scaffold_folder / file
    path.write_bytes(bytes(1000))
    assert str(path) in error_of(scaffold_folder).where


@pytest.mark.parametrize("file", FILES)
def test_a_pipe_in_the_place_of_a_file_is_refused_and_not_waited_for(scaffold_folder: Path, file: str) -> None:
    path = scaffold_folder / file
    path.unlink()
    os.mkfifo(path)
    assert error_of(scaffold_folder).what == f"{path.name} is missing."


# Axes

HOURS = "  hours: {min: 1, max: 24, step: 1, unit: h}"
IMPOSSIBLE = {
    "an axis without values": (HOURS, "  hours: {}", "axes.hours: "),
    "an axis that ends before it begins": (HOURS, "  hours: {min: 9, max: 1, step: 1}", "max must not be below min"),
    "an axis that never moves on": (HOURS, "  hours: {min: 1, max: 24, step: 0}", "greater than 0"),
    "an axis of a billion values": (HOURS, "  hours: {min: 0, max: 1000000000, step: 1}", "at most 20,000 values"),
    "a step of which a million fit into one": (HOURS, "  hours: {min: 0, max: 1, step: 0.000001}", "at most 20,000"),
    "no axis at all": ("axes:\n", "axes: {}\nold_axes:\n", "this key is not known"),
}


@pytest.mark.parametrize("name", IMPOSSIBLE)
def test_an_axis_that_has_no_value_or_too_many_is_refused(scaffold_folder: Path, name: str) -> None:
    old, new, says = IMPOSSIBLE[name]
    line = edit(scaffold_folder / "pack.yaml", old, new) + (name == "no axis at all")
    error = error_of(scaffold_folder)
    assert says in error.what
    assert error.where == f"{scaffold_folder / 'pack.yaml'}:{line}"


def test_constraints_that_leave_no_scenario_are_told_with_their_message(scaffold_folder: Path) -> None:
    edit(
        scaffold_folder / "pack.yaml",
        """assert: "!(scenario.bearer == 'miner' && scenario.region == 'sunken_fen')\"""",
        'assert: "scenario.hours < 1"',
    )
    for file, empty in (
        ("examples.yaml", "gold: []\ncounter: []\n"),
        ("evaluation.yaml", "version: 1\nscenarios: []\n"),
    ):
        (scaffold_folder / file).write_text(empty)
    with pytest.raises(PackError) as caught:
        from srl_pipeline.config import GenerationConfig
        from srl_pipeline.generation.drawing import Drawing, count_valid
        from srl_pipeline.verification import ScenarioSpace

        space = ScenarioSpace(read_pack(scaffold_folder))
        assert count_valid(space) == (0, True)
        next(Drawing(space, 1, 1, GenerationConfig()))
    assert "all impossible" in caught.value.what
    assert "Nobody digs in the Sunken Fen" in caught.value.mend


# One bad pack does not stop the others


def link_to_itself(folder: Path) -> None:
    (folder / "pack.yaml").unlink()
    (folder / "pack.yaml").symlink_to("pack.yaml")


def link_out(folder: Path) -> None:
    (folder / "lore" / "passwd.md").symlink_to("/etc/passwd")


def huge(folder: Path) -> None:
    os.truncate(folder / "lore" / "bearer-miner.md", 100 * MEGABYTE)


def foreign_letters(folder: Path) -> None:
    (folder / "rules.yaml").write_bytes("version: 'Öl'".encode("latin-1"))


def bomb(folder: Path) -> None:
    (folder / "rules.yaml").write_text("a: &a [x]\nb: &b [*a, *a]\nc: [*b, *b]")


def flat_bomb(folder: Path) -> None:
    (folder / "rules.yaml").write_text(f"a: [{'b,' * (MAX_BYTES // 2 - 10)}]")


def absurd_escape(folder: Path) -> None:
    edit(folder / "pack.yaml", "title: Lanterns", 'title: "\\U00110000"')


def twice(folder: Path) -> None:
    (folder / "lore" / "copy.md").write_text((folder / "lore" / "bearer-miner.md").read_text())


def unnamable(folder: Path) -> None:
    (folder / "lore" / "bearer-miner.md").rename(folder / "lore" / os.fsdecode(b"\xff.md"))


BAD: dict[str, tuple[Callable[[Path], None], str]] = {
    "link_to_itself": (link_to_itself, "leads nowhere or in a circle"),
    "link_out": (link_out, "lies outside the pack"),
    "huge": (huge, "100,000,000 bytes"),
    "foreign_letters": (foreign_letters, "is not UTF-8"),
    "bomb": (bomb, "Anchors and aliases are not allowed"),
    "flat_bomb": (flat_bomb, "More than 50,000 keys and values"),
    "absurd_escape": (absurd_escape, "the number of an escape"),
    "twice": (twice, "stands in two files"),
    "unnamable": (unnamable, "is no file name that can be shown"),
}


@pytest.fixture
def among_bad_ones(scaffold_folder: Path) -> Path:
    """The folder of packs that has the good pack 'lanterns' and every bad one."""
    parent = scaffold_folder.parent
    for name, (spoil, _) in BAD.items():
        spoil(new_pack(name, parent))
    new_pack("no_name", parent).rename(parent / NO_NAME)
    return parent


def test_packs_check_tells_what_is_wrong_with_each_and_measures_the_good_one(
    only_added_packs: Path, among_bad_ones: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pack_check, "RANDOM_DRAWS", 300)
    result = CliRunner().invoke(app, ["packs", "check", "--json"])
    assert result.exit_code == 1, result.exception
    told = json.loads(result.output)
    assert set(told) == {*BAD, "lanterns", SHOWN}
    for name, (_, says) in BAD.items():
        assert says in told[name]["error"]
    assert told["lanterns"]["valid scenarios"]["value"] == 360


def test_people_are_told_the_same_as_machines(
    only_added_packs: Path, among_bad_ones: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pack_check, "RANDOM_DRAWS", 300)
    result = CliRunner().invoke(app, ["packs", "check"])
    assert result.exit_code == 1, result.exception
    for name, (_, says) in BAD.items():
        assert says in result.output, name
    assert "Pack lanterns" in result.output
    assert "\x1b" not in result.output


PROBE = """
import json, sys, time
import dagster as dg
from srl_pipeline.definitions import defs
from srl_pipeline.defs.partitions import model_types
from srl_pipeline.defs.resources import PipelineResource
from srl_pipeline.defs import rota
from srl_pipeline.defs.sensors import registry_sensor
rota.LOOK_SECONDS = 600.0  # on a busy machine a tick would leave packs to the next one
defs().get_repository_def()
context = dg.build_sensor_context(
    instance=dg.DagsterInstance.ephemeral(), resources={"pipeline": PipelineResource(home=sys.argv[1])}
)
start = time.monotonic()
result = registry_sensor(context)
print(json.dumps({
    "partitions": model_types.get_partition_keys(),
    "seen": sorted(json.loads(result.cursor)),
    "notes": result.skip_reason.skip_message,
    "seconds": time.monotonic() - start,
}))
"""


@pytest.mark.chain
def test_definitions_load_and_the_sensor_watches_the_good_ones(among_bad_ones: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-c", PROBE, str(tmp_path / "home")]
    done = subprocess.run(command, capture_output=True, text=True, env=os.environ | {"SRL_PRESET": ""}, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    told = json.loads(done.stdout.splitlines()[-1])
    assert {"lanterns", "buildings", *BAD} <= set(told["partitions"])
    assert {"lanterns", "buildings"} <= set(told["seen"])
    assert not set(BAD) & set(told["seen"])
    for name, (_, says) in BAD.items():
        assert f"{name}: " in told["notes"]
        assert says in told["notes"]
    assert told["seconds"] < 60  # what Dagster gives a sensor
