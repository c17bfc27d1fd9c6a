"""The packs share one world: what two of them say about a place is the same, and what docs/world.md says."""

from __future__ import annotations

import re
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest

from srl_pipeline.model_types import LoreDocument, Pack, find_packs, read_pack
from srl_pipeline.model_types.finding import BUILT_IN

WORLD = BUILT_IN.parent.parent / "docs" / "world.md"
COLUMNS = ("label", "climate", "temperatures", "wind", "stones", "timber", "other", "land")
PACKS = [read_pack(folder) for folder in find_packs().values() if folder.parent == BUILT_IN]


def world(file: Path = WORLD) -> dict[str, dict[str, str]]:
    """Region id -> column -> text, of the table in docs/world.md."""
    cells = [[c.strip() for c in line.strip("| \n").split("|")] for line in file.read_text("utf-8").splitlines()]
    rows = [row for row in cells if len(row) == len(COLUMNS) + 1 and re.fullmatch(r"[a-z_]+", row[0])]
    return {row[0]: dict(zip(COLUMNS, row[1:], strict=True)) for row in rows}


def shared(row: dict[str, str]) -> dict[str, Any]:
    """The facts that a row of the table decides."""
    winter, summer = row["temperatures"].split("/")
    return {
        "climate": row["climate"],
        "winter_c": float(winter),
        "summer_c": float(summer),
        "wind": row["wind"],
        "stones": {stone.strip() for stone in row["stones"].split(",")},
        "timber": row["timber"],
    }


def regions(pack: Pack) -> dict[str, LoreDocument]:
    """The documents of a pack's regions, by region."""
    found = {d.id.removeprefix("region-").replace("-", "_"): d for d in pack.documents.values()}
    return {name: document for name, document in found.items() if name in world()}


def test_the_world_has_ten_regions() -> None:
    assert len(world()) == 10


@pytest.mark.parametrize("pack", PACKS, ids=lambda p: p.name)
def test_a_region_is_what_the_world_says_it_is(pack: Pack) -> None:
    for name, document in regions(pack).items():
        told = shared(world()[name])
        for fact, value in document.facts.items():
            said = set(value) if fact == "stones" and isinstance(value, list) else value
            assert fact not in told or said == told[fact], f"{pack.name}, {document.file}: {fact}"


@pytest.mark.parametrize("pack", [p for p in PACKS if regions(p)], ids=lambda p: p.name)
def test_every_region_of_a_pack_tells_its_climate(pack: Pack) -> None:
    assert all("climate" in document.facts for document in regions(pack).values())


@pytest.mark.parametrize(("left", "right"), list(combinations(PACKS, 2)), ids=lambda p: p.name)
def test_two_packs_agree_on_what_both_say(left: Pack, right: Pack) -> None:
    for name in regions(left).keys() & regions(right).keys():
        one, other = regions(left)[name].facts, regions(right)[name].facts
        for fact in one.keys() & other.keys() & shared(world()[name]).keys():
            assert one[fact] == other[fact], f"{name}: {fact}"


@pytest.mark.parametrize("pack", PACKS, ids=lambda p: p.name)
def test_a_region_has_one_name(pack: Pack) -> None:
    for values in pack.spec.axes.values():
        if isinstance(values, dict):
            for name in values.keys() & world().keys():
                assert values[name].label.removeprefix("the ") == world()[name]["label"]
