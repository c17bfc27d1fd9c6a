"""`teachers.yaml`: found, read, refused with file, line and mend."""

from __future__ import annotations

import traceback
from pathlib import Path

import pytest

from srl_pipeline.errors import TeacherError
from srl_pipeline.teachers.catalog import current_catalog, read_catalog, reading
from srl_pipeline_tests.teachers.catalog.listed import entry, file_of, listed

EXAMPLE = Path(__file__).parents[3] / "teachers.yaml"
KEY = "sk-abcdefghijklmnop1234"


def refused(tmp_path: Path, text: str) -> TeacherError:
    file = tmp_path / "teachers.yaml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(TeacherError) as caught:
        read_catalog(file)
    assert KEY not in "".join(traceback.format_exception(caught.value))
    return caught.value


def test_without_a_file_the_embedded_teacher_is_responsible_for_everything(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SRL_TEACHERS", raising=False)
    monkeypatch.chdir(tmp_path)
    catalog = current_catalog()
    assert (catalog.path, list(catalog.teachers), catalog.responsible("anything")) == (None, ["search"], "search")


def test_a_file_in_the_current_folder_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SRL_TEACHERS", raising=False)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "teachers.yaml").write_text(file_of(entry(), buildings="hosted"))
    catalog = current_catalog()
    assert catalog.path == tmp_path / "teachers.yaml"
    assert (catalog.responsible("buildings"), catalog.responsible("sounds")) == ("hosted", "search")
    assert (catalog.types_of("hosted"), catalog.key_variables) == (["buildings"], ["TEST_TEACHER_KEY"])


def test_a_variable_that_names_no_file_is_an_error_and_not_ignored(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SRL_TEACHERS", str(tmp_path / "gone.yaml"))
    with pytest.raises(TeacherError, match="is not a file") as caught:
        current_catalog()
    assert caught.value.where == "environment variable SRL_TEACHERS"


def test_a_link_to_nowhere_is_an_error_and_not_ignored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SRL_TEACHERS", raising=False)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "teachers.yaml").symlink_to(tmp_path / "gone.yaml")
    with pytest.raises(TeacherError, match="cannot be read"):
        current_catalog()


def test_a_file_is_read_again_only_when_it_changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reads: list[Path] = []
    real = reading.read_catalog
    monkeypatch.setattr(reading, "read_catalog", lambda path: reads.append(path) or real(path))
    file = listed(tmp_path, file_of(entry()), monkeypatch)
    for _ in range(5):
        current_catalog()
    file.write_text(file_of(entry(model="m-22")))
    assert current_catalog().teachers["hosted"].model == "m-22"
    assert len(reads) == 2


def test_an_error_is_not_remembered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = listed(tmp_path, "version: 1\n", monkeypatch)
    for _ in range(2):
        with pytest.raises(TeacherError, match="'teachers' is missing"):
            current_catalog()
    file.write_text(file_of())
    assert "search" in current_catalog().teachers


@pytest.mark.parametrize(
    ("old", "new", "line", "says"),
    [
        ("model: m-1", "modell: m-1", 6, "this key is not known here"),
        ("    model: m-1\n", "", 4, "'model' is missing"),
        ("kind: openai", "kind: oracle", 5, "Input should be"),
        ("price: {input: 1, output: 2, as_of: 2026-11-01}", "revision: x", 4, "'price' is missing"),
        (
            "terms: {training_allowed: true, source: a contract, as_of: 2026-11-01}",
            "revision: x",
            4,
            "'terms' is missing",
        ),
        ("input: 1,", "input: -1,", 9, "greater than or equal to 0"),
        ("input: 1,", "input: .nan,", 9, "is not a number that can be used"),
        ("as_of: 2026-11-01}\n    limits", "as_of: soon}\n    limits", 9, "date"),
        ("version: 1", "version: 2", 1, "Input should be 1"),
        ("  default: search", "  default: nobody", 12, "which is not among the teachers"),
        ("  default: search", "  buildings: search", 1, "has no 'default'"),
        ("  hosted:", "  search2: {kind: search}\n  hosted:", 4, "is called 'search'"),
        ("  hosted:", "  hosted: &a", 4, "Anchors and aliases are not allowed"),
        ("  hosted:", "  hosted: !!python/object:os.system", 4, "is not allowed"),
        ("  hosted:", "  search: {kind: search}\n  hosted:", 4, "stands twice"),
    ],
)
def test_what_is_wrong_is_told_with_its_line(tmp_path: Path, old: str, new: str, line: int, says: str) -> None:
    text = file_of(entry())
    assert text.count(old) == 1
    error = refused(tmp_path, text.replace(old, new))
    assert says in error.what
    if "responsibilities" not in error.what:
        assert error.where.endswith(f"teachers.yaml:{line}"), error.where
    assert error.mend and "packs.md" not in error.mend


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("api_key_env: TEST_TEACHER_KEY", f"api_key_env: {KEY}"),
        ("api_key_env: TEST_TEACHER_KEY", f"api_key: {KEY}"),
        ("api_key_env: TEST_TEACHER_KEY", f"revision: [{KEY}]"),
        ("kind: openai", f"kind: {KEY}"),
        ("  hosted:", f"  {KEY}!:"),
    ],
)
def test_a_key_that_was_pasted_into_the_file_is_refused_and_never_shown(tmp_path: Path, old: str, new: str) -> None:
    refused(tmp_path, file_of(entry()).replace(old, new))


def test_a_key_of_no_known_form_where_its_variable_belongs_is_not_shown_either(tmp_path: Path) -> None:
    error = refused(tmp_path, file_of(entry()).replace("TEST_TEACHER_KEY", "opaque-value-1"))
    assert "opaque-value-1" not in str(error)
    assert "no name of an environment variable" in error.what


def test_the_example_in_the_repository_can_be_used_with_and_without_its_comments(tmp_path: Path) -> None:
    assert list(read_catalog(EXAMPLE).teachers) == ["search"]
    lines = EXAMPLE.read_text(encoding="utf-8").splitlines()
    file = tmp_path / "teachers.yaml"
    start = next(i for i, line in enumerate(lines) if line == "  # hosted:")
    opened = [line.replace("  # ", "  ", 1) if line.startswith("  # ") else line for line in lines[start:]]
    file.write_text("\n".join(lines[:start] + opened))
    catalog = read_catalog(file)
    kinds = {e.kind for e in catalog.teachers.values()}
    assert kinds == {"search", "openai", "anthropic", "gemini", "transformers"}
    assert catalog.responsible("buildings") == "hosted"
