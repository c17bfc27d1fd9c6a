"""Teachers that a tuning registered: entered once and for good, beside those that a person listed."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from typer.testing import CliRunner

from srl_pipeline.cli.app import app
from srl_pipeline.errors import TeacherError
from srl_pipeline.teachers import teacher_entry, teacher_ref
from srl_pipeline.teachers.catalog import TeacherEntry, current_catalog, reading, register_teacher, registered_file
from srl_pipeline.teachers.catalog.registered import FILE, read_registered
from srl_pipeline_tests.teachers.catalog.listed import entry, file_of, listed

JOB = "tuning job t-1"
KEY = "sk-abcdefghijklmnop1234"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An installation with one hosted teacher, and none registered yet."""
    monkeypatch.setenv("SRL_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("SRL_TUNED_TEACHERS", raising=False)
    listed(tmp_path, file_of(entry(), buildings="hosted"), monkeypatch)
    return tmp_path / "home"


def tuned(model: str = "ft:m-1:ours") -> TeacherEntry:
    return TeacherEntry.model_validate(teacher_entry("hosted").model_dump() | {"model": model})


def test_a_registered_teacher_is_one_like_any_other(home: Path) -> None:
    register_teacher("hosted-tuned-1", tuned(), origin=JOB)
    assert teacher_entry("hosted-tuned-1").model_dump() == tuned().model_dump()
    assert teacher_ref("hosted-tuned-1").version not in ("", teacher_ref("hosted").version)
    assert current_catalog().registered["hosted-tuned-1"].origin == JOB
    assert registered_file() == home / FILE


def test_without_a_file_of_the_users_own_it_is_found_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    register_teacher("hosted-tuned-1", tuned(), origin=JOB)
    monkeypatch.delenv("SRL_TEACHERS")
    empty = tmp_path / "empty"
    empty.mkdir()
    monkeypatch.chdir(empty)
    assert sorted(current_catalog().teachers) == ["hosted-tuned-1", "search"]


def test_a_variable_says_where_the_file_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SRL_TUNED_TEACHERS", str(tmp_path / "elsewhere" / "tuned.yaml"))
    register_teacher("hosted-tuned-1", tuned(), origin=JOB)
    assert (tmp_path / "elsewhere" / "tuned.yaml").is_file()
    assert "hosted-tuned-1" in current_catalog().teachers


def test_the_file_says_who_writes_it_and_that_entries_may_be_deleted(home: Path) -> None:
    for name in ("hosted-tuned-1", "hosted-tuned-2"):
        register_teacher(name, tuned(), origin=JOB)
    text = (home / FILE).read_text()
    assert text.startswith("# Written by srl_pipeline")
    assert "may delete an entry" in text
    (home / FILE).write_text(text[: text.index("  hosted-tuned-2:")])
    assert sorted(current_catalog().teachers) == ["hosted", "hosted-tuned-1", "search"]


def test_registering_the_same_again_changes_nothing(home: Path) -> None:
    register_teacher("hosted-tuned-1", tuned(), origin=JOB)
    before = (home / FILE).stat()
    register_teacher("hosted-tuned-1", tuned(), origin="another attempt of it")
    assert (home / FILE).stat() == before


def test_another_entry_of_the_same_name_is_refused(home: Path) -> None:
    register_teacher("hosted-tuned-1", tuned(), origin=JOB)
    with pytest.raises(TeacherError, match="is registered already, by tuning job t-1") as caught:
        register_teacher("hosted-tuned-1", tuned("ft:m-2:ours"), origin="tuning job t-2")
    assert str(home / FILE) in caught.value.where
    assert caught.value.mend
    assert teacher_entry("hosted-tuned-1").model == "ft:m-1:ours"


@pytest.mark.parametrize("name", ["hosted", "search"])
def test_a_name_that_a_person_has_given_is_refused(home: Path, name: str) -> None:
    with pytest.raises(TeacherError, match="is a teacher already"):
        register_teacher(name, tuned(), origin=JOB)
    assert not (home / FILE).exists()


def test_a_name_in_both_files_is_an_error_that_names_both(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    register_teacher("hosted-tuned-1", tuned(), origin=JOB)
    file = listed(tmp_path, file_of(entry(), entry("hosted-tuned-1")), monkeypatch)
    with pytest.raises(TeacherError, match="hosted-tuned-1") as caught:
        current_catalog()
    assert str(file) in caught.value.where
    assert str(home / FILE) in caught.value.where


@pytest.mark.parametrize(
    ("name", "changes", "says"),
    [
        ("Not A Name", {}, "is not a name"),
        ("hosted-tuned-1", {"model": ""}, "'model' is missing"),
        ("hosted-tuned-1", {"price": None}, "'price' is missing"),
        ("hosted-tuned-1", {"model": "ft:\x00"}, "is not allowed"),
        ("hosted-tuned-1", {"model": 'quotes " and : and # and\nlines'}, ""),
    ],
)
def test_what_could_not_be_read_again_is_not_written(
    home: Path, name: str, changes: dict[str, object], says: str
) -> None:
    register_teacher("hosted-tuned-0", tuned(), origin=JOB)
    before = (home / FILE).read_text()
    odd = tuned().model_copy(update=changes)
    if not says:
        register_teacher(name, odd, origin=JOB)
        assert teacher_entry(name).model == odd.model
        return
    with pytest.raises(TeacherError, match=says):
        register_teacher(name, odd, origin=JOB)
    assert (home / FILE).read_text() == before


def test_a_key_in_the_file_is_refused_and_never_shown(home: Path) -> None:
    register_teacher("hosted-tuned-1", tuned(), origin=JOB)
    text = (home / FILE).read_text()
    for key in (KEY, "opaque-value-1"):
        (home / FILE).write_text(text.replace("TEST_TEACHER_KEY", key))
        with pytest.raises(TeacherError) as caught:
            current_catalog()
        assert key not in str(caught.value)
        assert "api_key_env is no name of an environment variable" in caught.value.what


def test_it_is_read_again_only_when_it_changed(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    register_teacher("hosted-tuned-1", tuned(), origin=JOB)
    reads: list[Path] = []
    monkeypatch.setattr(reading, "read_registered", lambda path: reads.append(path) or read_registered(path))
    for _ in range(5):
        current_catalog()
    register_teacher("hosted-tuned-2", tuned(), origin=JOB)
    assert "hosted-tuned-2" in current_catalog().teachers
    assert len(reads) == 2


def test_the_command_lists_them_and_says_what_made_them(home: Path) -> None:
    register_teacher("hosted-tuned-1", tuned(), origin=JOB)
    rows = json.loads(CliRunner().invoke(app, ["teachers", "list", "--json"]).output)
    assert {r["name"]: r["registered_by"] for r in rows} == {"hosted": None, "hosted-tuned-1": JOB, "search": None}
    shown = " ".join(CliRunner().invoke(app, ["teachers", "list"]).output.split())
    assert f"Registered by a tuning, in {home / FILE}: hosted-tuned-1" in shown


def test_a_check_tells_that_solved_tasks_are_missing() -> None:
    few_shot = TeacherEntry.model_validate(tuned().model_dump() | {"shots": "0123456789abcdef"})
    register_teacher("hosted-prompt-1", few_shot, origin=JOB)
    told = CliRunner().invoke(app, ["teachers", "check", "hosted-prompt-1", "--json"])
    assert told.exit_code == 1
    assert any("solved tasks of the prompt are missing" in problem for problem in json.loads(told.output)["problems"])


def test_threads_that_register_at_once_lose_nothing() -> None:
    names = [f"hosted-tuned-{n}" for n in range(6)]
    threads = [threading.Thread(target=register_teacher, args=(n, tuned()), kwargs={"origin": JOB}) for n in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(current_catalog().registered) == sorted(names)


@pytest.mark.slow
def test_processes_that_register_at_once_lose_nothing(home: Path) -> None:
    program = (
        "import sys; from srl_pipeline.teachers import teacher_entry; "
        "from srl_pipeline.teachers.catalog import register_teacher\n"
        "for n in range(5): register_teacher(f'tuned-{sys.argv[1]}-{n}', teacher_entry('hosted'), origin='a process')"
    )
    children = [subprocess.Popen([sys.executable, "-c", program, name]) for name in ("a", "b")]
    assert [child.wait(60) for child in children] == [0, 0]
    assert len(current_catalog().registered) == 10
    assert [file.name for file in home.iterdir() if file.suffix == ".tmp"] == []
