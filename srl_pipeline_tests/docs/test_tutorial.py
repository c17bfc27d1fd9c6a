"""docs/tutorial.md, followed to the letter: its files are written, its commands run, its outputs compared."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from srl_pipeline_tests.docs.markdown import FENCE, blocks
from srl_pipeline_tests.docs.reader import Reader

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "tutorial.md").read_text(encoding="utf-8")
MEASURED_ANEW = {"expert solutions a second", "slowest rule, microseconds"}
"""Figures that differ from machine to machine, so the tutorial leaves them out."""
BLOCKS = blocks(TEXT)


def rows(table: str, edge: str) -> dict[str, tuple[str, ...]]:
    """The rows of a table of four columns: first cell -> the others."""
    cells = [[c.strip() for c in line.strip(edge).split(edge)] for line in table.splitlines() if edge in line]
    return {row[0]: tuple(row[1:]) for row in cells if len(row) == 4 and row[0] not in ("figure", "---")}


PROMISED = rows(TEXT, "|")


@pytest.fixture(scope="session")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Reader:
    """Follows the tutorial up to the figures; raises where it does not hold."""
    home = tmp_path_factory.mktemp("reader")
    reader = Reader("docs/tutorial.md", home, files=home / "packs", given={}, instead={})
    reader.follow([block for block in BLOCKS if not block.slow])
    return reader


def test_every_block_is_a_file_a_command_or_what_a_command_prints() -> None:
    assert len(BLOCKS) == TEXT.count("\n```") / 2
    for block in BLOCKS:
        kind = {"bash": "command", "text": "output"}.get(block.language, "file" if block.title else "")
        assert kind, f"docs/tutorial.md:{block.line} is never tried"


def test_it_shows_errors_on_purpose() -> None:
    assert sum("mend:" in block.body for block in BLOCKS if block.language == "text") >= 2


def test_following_it_word_for_word_gives_every_output_that_it_shows(reader: Reader) -> None:
    assert len(reader.printed) == sum(block.language == "bash" and not block.slow for block in BLOCKS)


def test_the_figures_that_it_promises_are_those_that_the_check_prints(reader: Reader) -> None:
    [*_, last] = reader.printed.values()
    printed = rows(last, "│")
    assert {name: row for name, row in printed.items() if name not in MEASURED_ANEW} == PROMISED
    assert printed.keys() >= MEASURED_ANEW


def test_every_figure_that_is_not_met_is_explained() -> None:
    unmet = [name for name, (_, _, met) in PROMISED.items() if met == "NO"]
    after = TEXT[TEXT.index("| NO |") :]
    assert unmet
    for name in unmet:
        assert f"**{name}**" in after, name


def test_it_takes_a_reader_less_than_a_quarter_of_an_hour() -> None:
    """Prose at 200 words a minute, 15 seconds to copy a block, a minute and a half of waiting for the training."""
    prose = len(FENCE.sub("", TEXT).split())
    copied = sum(block.language != "text" for block in BLOCKS)
    assert prose / 200 + copied * 15 / 60 + 1.5 < 15


def test_make_run_is_the_same_command_as_the_one_it_shows() -> None:
    if not shutil.which("make"):
        pytest.skip("make is not installed")
    assert "make run TYPE=bridges PRESET=smoke" in TEXT
    command = ["make", "-n", "run", "TYPE=bridges", "PRESET=smoke"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert "srl-pipeline run bridges --preset smoke" in done.stdout
    assert any(block.body == "srl-pipeline run bridges --preset smoke\n" for block in BLOCKS)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_its_pack_is_taught_and_trained_to_a_report(reader: Reader) -> None:
    reader.follow([block for block in BLOCKS if block.slow])
    [*_, taught, trained] = reader.printed.values()
    assert "verdict: correct" in taught
    for stage in ("base", "warm-up", "SRL", "RLVR"):
        assert stage in trained
