"""What is installed is pinned, once, in that version, and under a licence that is allowed."""

from __future__ import annotations

from importlib.metadata import distributions
from typing import Any

import pytest
from packaging.utils import canonicalize_name

from srl_pipeline_tests.supply_chain.components import READ, allowed, installed, pinned, unlicensed, unpinned
from srl_pipeline_tests.supply_chain.findings import ROOT


def component(name: str, version: str = "1.0", *licences: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "version": version, "licenses": list(licences)}


def test_every_line_of_the_constraints_pins_an_exact_version_once() -> None:
    assert len(pinned((ROOT / "constraints.txt").read_text())) > 200


@pytest.mark.parametrize(
    ("text", "says"), [("a>=1", "no exact"), ("a", "no exact"), ("a==1\nA==2", "twice"), ("a==1.*", "no exact")]
)
def test_a_line_that_pins_nothing_or_again_is_refused(text: str, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        pinned(text)


def test_what_is_not_pinned_is_another_version_or_there_twice_is_found() -> None:
    found = installed({"components": [component("A_b"), component("c", "2.0"), component("d"), component("d")]})
    assert unpinned(found, {"c": "1.0", "d": "1.0"}) == [
        "d is installed 2 times",
        "a-b 1.0 is installed and not pinned in constraints.txt",
        "c is installed in 2.0; constraints.txt pins 1.0",
    ]


def test_a_build_for_another_processor_is_no_other_version() -> None:
    assert unpinned([("torch", "2.13.0+cpu")], {"torch": "2.13.0"}) == []


@pytest.mark.parametrize("stated", ["MIT", "MIT OR GPL-3.0-only", "Apache-2.0 AND MIT", "(MIT AND Zlib)"])
def test_a_licence_is_allowed_where_all_its_parts_are_or_one_of_its_alternatives(stated: str) -> None:
    assert allowed(stated)


@pytest.mark.parametrize("stated", ["GPL-3.0-only", "MIT AND AGPL-3.0-only", "", "Other/Proprietary License"])
def test_any_other_licence_is_not(stated: str) -> None:
    assert not allowed(stated)


def test_a_component_without_a_licence_is_found_unless_a_person_read_it() -> None:
    read = next(iter(READ))
    sbom = {"components": [component("a"), component(read), component("b", "1.0", {"license": {"id": "SSPL-1.0"}})]}
    assert unlicensed(sbom) == ["a 1.0 states no licence", "b 1.0: licence 'SSPL-1.0' is not allowed"]


def test_what_a_person_read_is_still_installed() -> None:
    there = {canonicalize_name(found.metadata["Name"]) for found in distributions()}
    assert set(READ) <= there
