"""docs/security.md claims nothing that is not there: every module and every test that it names exists."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
QUOTED = re.compile(r"`([^`\n]+)`")
TEST = re.compile(r"(?P<file>[\w/]+\.py)::(?P<name>\w+)")
MODULE = re.compile(r"[\w./-]+\.(?:py|tf|tpl|Dockerfile)|infra/[\w./-]+")
HEAD = "| threat | control | test | what remains open |"


@cache
def names_in(file: Path) -> frozenset[str]:
    """Names of the tests in a file, those in classes among them."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    functions = (node.name for node in ast.walk(tree) if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)))
    return frozenset(name for name in functions if name.startswith("test_"))


def problems(text: str) -> list[str]:
    """What a text on security names that is not there, and rows of its tables of threats that claim without showing."""
    found: list[str] = []
    for quoted in QUOTED.findall(text):
        if test := TEST.fullmatch(quoted):
            file = ROOT / "srl_pipeline_tests" / test["file"]
            if not file.is_file() or test["name"] not in names_in(file):
                found.append(f"no such test: {quoted}")
        elif MODULE.fullmatch(quoted):
            folder = ROOT if quoted.startswith("infra/") else ROOT / "srl_pipeline"
            if not (folder / quoted).is_file():
                found.append(f"no such module: {quoted}")
        elif "::" in quoted:
            found.append(f"neither test nor module: {quoted}")
    return found + [problem for row in threats(text) for problem in row_problems(row)]


def threats(text: str) -> list[list[str]]:
    """Cells of the rows of all tables of threats."""
    rows: list[list[str]] = []
    for table in text.split(HEAD)[1:]:
        lines = table.strip().split("\n\n")[0].splitlines()[1:]
        rows += [[cell.strip() for cell in line.strip().strip("|").split("|")] for line in lines]
    return rows


def row_problems(cells: list[str]) -> list[str]:
    """A control needs a test; a row without a test says so, and what is open."""
    if len(cells) != 4:
        return [f"{len(cells)} cells: {cells[0]}"]
    threat, control, test, still_open = cells
    shown = bool(TEST.search(test))
    if control.startswith("none"):
        return [] if test == "none" and still_open else [f"no control, and not told what is open: {threat}"]
    return [] if shown else [f"a control that no test shows: {threat}"]


def test_every_module_and_test_that_the_page_names_exists() -> None:
    assert problems(TEXT) == []


def test_the_page_names_as_many_threats_and_tests_as_a_reader_expects() -> None:
    named = {quoted for quoted in QUOTED.findall(TEXT) if TEST.fullmatch(quoted)}
    assert len(threats(TEXT)) >= 40 and len(named) >= 70


@pytest.mark.parametrize(
    ("row", "says"),
    [
        ("| a | x: `canonical.py` | `test_canonical.py::test_that_nobody_wrote` | |", "no such test"),
        ("| a | x: `canonical.py` | `test_nowhere.py::test_a` | |", "no such test"),
        ("| a | x: `no_such_module.py` | `{}` | |", "no such module: no_such_module.py"),
        ("| a | x: `infra/nowhere/main.tf` | `{}` | |", "no such module: infra/nowhere/main.tf"),
        ("| a | x: `canonical.py` | none | |", "a control that no test shows: a"),
        ("| a | none | none | |", "no control, and not told what is open: a"),
        ("| a | x: `canonical.py` | `{}` |", "3 cells: a"),
    ],
)
def test_a_page_that_claims_what_is_not_there_is_found_out(row: str, says: str) -> None:
    real = f"test_security_docs.py::{test_every_module_and_test_that_the_page_names_exists.__name__}"
    page = f"Text.\n\n{HEAD}\n|---|---|---|---|\n{row.format(real)}\n\nMore.\n"
    assert [problem for problem in problems(page) if problem.startswith(says)]


def test_a_page_that_claims_only_what_is_there_passes() -> None:
    row = "| a | x: `canonical.py` | `test_security_docs.py::test_a_page_that_claims_only_what_is_there_passes` | |"
    assert problems(f"{HEAD}\n|---|---|---|---|\n{row}\n| b | none | none | all |\n") == []
