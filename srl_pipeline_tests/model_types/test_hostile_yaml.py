"""YAML that means harm is refused with its line, before it has cost much."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from srl_pipeline.errors import PackError
from srl_pipeline.model_types import read_pack
from srl_pipeline.model_types.text_files import MAX_BYTES

from ..conftest import edit

MEGABYTE = 1_000_000


def error_of(folder: Path) -> PackError:
    with pytest.raises(PackError) as caught:
        read_pack(folder)
    return caught.value


HOSTILE_YAML = {
    "a character beyond Unicode": ('a: "\\U00110000"', "the number of an escape"),
    "a character beyond the machine": ('a: "\\UFFFFFFFF"', "the number of an escape"),
    "a version of five thousand digits": (f"%YAML 1.{'1' * 5000}\n---\na: 1", "the number of an escape"),
    "half a character": ('a: "\\ud800"', "is not allowed"),
    "half a character in a key": ('"\\ud800": 1', "is not allowed"),
    "an escape that moves the cursor": ('a: "\\e[2J"', "is not allowed"),
    "a number of four thousand digits": (f"a: {'9' * 4000}", "is not a number"),
    "a number of a hundred thousand digits": (f"a: {'9' * 100_000}", "is not a number"),
    "a hexadecimal number of a megabyte": (f"a: 0x{'f' * MEGABYTE}", "is not a number"),
    "a number to base sixty of a hundred kilobytes": (f"a: 1{':1' * 50_000}", "is not a number"),
    "a list of nearly two megabytes": (f"a: [{'b,' * (MAX_BYTES // 2 - 10)}]", "More than 50,000 keys and values"),
    "a mapping of two hundred thousand keys": (
        "".join(f"k{i}: 1\n" for i in range(150_000)),
        "More than 50,000 keys and values",
    ),
    "a key of a megabyte": (f"? {'k' * MEGABYTE}\n: 1", "A key must be plain, short text"),
    "a tag on a mapping": ("a: !!python/object:os.system {b: 1}", "Tag tag:yaml.org,2002:python/object:os.system"),
    "a tag on a list": ("a: !!omap [b]", "Tag tag:yaml.org,2002:omap"),
    "keys nested by question marks": ("? " * 5000, "Nested too deeply"),
    "lists nested by dashes": ("- " * 5000, "Nested too deeply"),
    "a merge key": ("<<: {version: '1.0'}", "<<: this key is not known here"),
    "two documents": ("version: '1.0'\n---\nrules: []", "Not valid YAML"),
}


@pytest.mark.parametrize("name", HOSTILE_YAML)
def test_hostile_yaml_is_refused_in_seconds_with_its_line(scaffold_folder: Path, name: str) -> None:
    text, says = HOSTILE_YAML[name]
    (scaffold_folder / "rules.yaml").write_text(text)
    start = time.process_time()
    error = error_of(scaffold_folder)
    assert time.process_time() - start < 10
    assert says in error.what
    assert error.where.startswith(f"{scaffold_folder / 'rules.yaml'}:")
    assert len(str(error)) < 1000


def test_hostile_yaml_in_the_head_of_a_document_is_refused_at_the_line_of_the_document(scaffold_folder: Path) -> None:
    file = scaffold_folder / "lore" / "bearer-miner.md"
    edit(file, "title: The miner", 'title: "\\U00110000"')
    assert error_of(scaffold_folder).where == f"{file}:3"


def test_a_document_with_too_many_facts_is_refused_before_they_are_looked_for(scaffold_folder: Path) -> None:
    file = scaffold_folder / "lore" / "craft-flame-and-pane.md"
    facts = "".join(f"  f{i}: glass\n" for i in range(5_000))
    edit(file, "tags: [craft]\n", f"tags: [craft]\nfacts:\n{facts}")
    assert "at most 32 items" in error_of(scaffold_folder).what
