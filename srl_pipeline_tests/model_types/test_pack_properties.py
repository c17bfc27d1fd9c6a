"""Whatever stands in the files of a pack, it is read, or refused with file and remedy; nothing outside it is opened."""

from __future__ import annotations

import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from srl_pipeline.canonical import dumps
from srl_pipeline.errors import PackError, PipelineError
from srl_pipeline.model_types import NumberField, NumericAxis, Pack, read_pack
from srl_pipeline.model_types.spec import number_text
from srl_pipeline.model_types.yaml_source import parse_yaml
from srl_pipeline.verification import ScenarioSpace, Verifier, check_examples
from srl_pipeline_tests.model_types.mutations import (
    FILES,
    HOSTILE_TEXT,
    changed_texts,
    changed_values,
    small_pack,
    written,
)
from srl_pipeline_tests.profiles import examples

YAML_FILES = FILES[:4]
opened: list[str] | None = None


def watch(event: str, arguments: tuple[Any, ...]) -> None:
    if opened is not None and event == "open" and isinstance(arguments[0], str):
        opened.append(arguments[0])


sys.addaudithook(watch)


@contextmanager
def watched() -> Iterator[list[str]]:
    """Every file that is opened meanwhile."""
    global opened
    opened = found = list[str]()
    try:
        yield found
    finally:
        opened = None


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as name:
        pack = small_pack(Path(name).resolve() / "lanterns")
        use(read_pack(pack))  # what is imported late is imported now
        yield pack


def use(pack: Pack) -> None:
    """All that looks at the words of a pack before anything is made from it."""
    verifier, space = Verifier(pack), ScenarioSpace(pack)
    for index in (0, space.size // 2, space.size - 1):
        space.problem(space.at(index))
    for scenario in pack.definition.evaluation.scenarios:
        space.scenario(scenario, where="evaluation.yaml")
    check_examples(verifier)


def read_with(folder: Path, name: str, data: bytes) -> Pack | None:
    """The pack with other contents of one file, or None where it was refused as it should be."""
    file = folder / name
    before = file.read_bytes()
    file.write_bytes(data)
    began = time.process_time()
    try:
        with watched() as found:
            try:
                return read_pack(folder)
            except PackError as error:
                assert str(folder) in error.where and error.what and error.mend
                assert len(str(error)) < 2_000 and str(error).encode("utf-8")
                return None
            finally:
                assert [path for path in found if not path.startswith(str(folder))] == []
    finally:
        assert time.process_time() - began < 10
        file.write_bytes(before)


@examples(20)
@given(st.data())
def test_a_pack_with_any_text_in_a_file_is_read_or_refused(folder: Path, data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(FILES))
    text = (folder / name).read_text(encoding="utf-8")
    read_with(folder, name, data.draw(changed_texts(text)))


@examples(15)
@given(st.data())
def test_a_pack_with_odd_values_is_refused_when_it_is_read_or_used_or_it_works(
    folder: Path, data: st.DataObject
) -> None:
    name = data.draw(st.sampled_from(YAML_FILES))
    value = data.draw(changed_values(yaml.safe_load((folder / name).read_text(encoding="utf-8"))))
    pack = read_with(folder, name, written(value).encode("utf-8"))
    if pack is None:
        return
    try:
        use(pack)
    except PipelineError as error:
        assert error.where and error.mend


@pytest.mark.parametrize("piece", HOSTILE_TEXT)
def test_any_piece_of_yaml_is_read_or_refused_as_a_value(piece: str) -> None:
    for text in (f"a: {piece}", f"a:\n  - {piece}\n  - b: 1", f"{piece}: 1", piece):
        try:
            parse_yaml(text, Path("rules.yaml"))
        except PackError as error:
            assert error.where.startswith("rules.yaml:")


@examples(6)
@given(st.data())
def test_the_version_changes_exactly_when_the_content_does(folder: Path, data: st.DataObject) -> None:
    before = read_pack(folder)
    name = data.draw(st.sampled_from(YAML_FILES))
    value = yaml.safe_load((folder / name).read_text(encoding="utf-8"))
    pack = read_with(folder, name, written(data.draw(changed_values(value))).encode("utf-8"))
    if pack is not None:
        equal = pack.definition.model_dump() == before.definition.model_dump()
        assert (pack.definition.version == before.definition.version) == equal
        assert pack.lore_version == before.lore_version


@examples(2)
@given(st.booleans(), st.sampled_from([None, False, True]), st.integers(2, 6), st.sampled_from([40, 300]))
def test_the_version_is_that_of_the_words_and_not_of_how_they_are_written(
    folder: Path, sort: bool, flow: bool | None, indent: int, width: int
) -> None:
    before = read_pack(folder)
    with tempfile.TemporaryDirectory() as name:
        other = Path(shutil.copytree(folder, Path(name) / folder.name))
        for file in YAML_FILES:
            value = yaml.safe_load((folder / file).read_text(encoding="utf-8"))
            text = written(value, sort_keys=sort, default_flow_style=flow, indent=indent, width=width)
            (other / file).write_text(f"# a comment\n\n{text}\n# the end\n", encoding="utf-8")
        assert read_pack(other).definition.version == before.definition.version


BOUNDS = st.floats(allow_nan=False, allow_infinity=False) | st.integers(-50, 50) | st.sampled_from([1e17, 1e-9, 0.1])
STEPS = st.floats(min_value=0, exclude_min=True, allow_infinity=False) | st.sampled_from([0.1, 1.0, 1e-12, 3])


@examples(80)
@given(BOUNDS, st.integers(0, 400), STEPS)
@example(0.0, 1000, 1e-12)
@example(1e17, 10, 1.0)
def test_a_grid_that_is_accepted_has_distinct_rising_values_within_its_bounds(
    low: float, count: int, step: float
) -> None:
    high = low + count * step
    for make in (
        lambda: NumericAxis(min=low, max=high, step=step),
        lambda: NumberField(type="number", minimum=low, maximum=high, multipleOf=step),
    ):
        try:
            values = make().values
        except ValueError:
            continue
        assert values == sorted(set(values))
        assert values[0] == pytest.approx(low, abs=1e-9)
        assert values[-1] <= high + 1e-9 + abs(high) * 1e-9


@examples(40)
@given(st.floats(-1e15, 1e15) | st.integers(-(10**20), 10**20) | st.sampled_from([1234567.5, 0.1234567, 1e-7]))
def test_a_number_is_told_as_canonical_json_writes_it(value: float) -> None:
    assert number_text(value) == dumps(value)


def test_a_number_of_seven_digits_is_told_in_full() -> None:
    assert number_text(1234567.5) == "1234567.5"


@pytest.mark.parametrize(("low", "high", "step"), [(0, 1e-10, 1e-12), (1e17, 1e17 + 64, 1)])
def test_a_grid_finer_than_its_numbers_is_refused(low: float, high: float, step: float) -> None:
    with pytest.raises(ValueError, match="too fine"):
        NumericAxis(min=low, max=high, step=step)
    with pytest.raises(ValueError, match="too fine"):
        NumberField(type="number", minimum=low, maximum=high, multipleOf=step)


def test_the_unchanged_pack_is_read(folder: Path) -> None:
    assert read_with(folder, "rules.yaml", (folder / "rules.yaml").read_bytes()) is not None
