"""Dagster's folder, its settings, the heartbeats of its daemon."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

import pytest

from srl_pipeline.cli.instance import SETTINGS
from srl_pipeline.doctor import Installation, dagster_home
from srl_pipeline.errors import PipelineError


@pytest.fixture
def folder(home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An instance's folder with the repository's settings, as DAGSTER_HOME."""
    made = home / "dagster"
    made.mkdir()
    shutil.copyfile(SETTINGS, made / "dagster.yaml")
    monkeypatch.setenv("DAGSTER_HOME", str(made))
    return made


def test_before_the_first_run_there_is_nothing_to_be_wrong(installation: Installation) -> None:
    found = [*dagster_home.dagster(installation), *dagster_home.daemon(installation)]
    assert [f.level for f in found] == ["ok", "ok"]
    assert not list(installation.home.iterdir())


def test_the_repositorys_settings_are_taken_and_nothing_is_made(installation: Installation, folder: Path) -> None:
    found = [*dagster_home.dagster(installation), *dagster_home.daemon(installation)]
    assert [f.level for f in found] == ["ok", "ok"]
    assert [f.name for f in folder.iterdir()] == ["dagster.yaml"]


def test_an_instance_that_other_commands_do_not_find_is_warned_of(
    installation: Installation, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DAGSTER_HOME")
    [found] = dagster_home.dagster(installation)
    assert (found.level, str(folder) in found.mend) == ("warning", True)


def test_a_home_that_is_not_absolute_is_a_problem(installation: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DAGSTER_HOME", "dagster")
    assert dagster_home.dagster(installation)[0].level == "problem"


def test_a_home_without_settings_is_warned_of(installation: Installation, folder: Path) -> None:
    (folder / "dagster.yaml").unlink()
    assert dagster_home.dagster(installation)[0].level == "warning"


@pytest.mark.parametrize(
    ("text", "told"),
    [("storage: [unclosed", r"dagster\.yaml:1"), ("telemetree: {}\n", "telemetree"), ("- a list\n", "does not take")],
)
def test_settings_that_dagster_does_not_take_are_refused(
    installation: Installation, folder: Path, text: str, told: str
) -> None:
    (folder / "dagster.yaml").write_text(text)
    with pytest.raises(PipelineError, match=told):
        dagster_home.dagster(installation)


def test_a_daemon_is_known_by_its_fresh_heartbeats(installation: Installation, folder: Path) -> None:
    from dagster import DagsterInstance
    from dagster._daemon.types import DaemonHeartbeat

    with DagsterInstance.from_config(str(folder)) as instance:
        kinds = instance.get_required_daemon_types()
        for age in (7200.0, 0.0):
            for kind in kinds:
                instance.add_daemon_heartbeat(DaemonHeartbeat(time.time() - age, kind, "id", []))
            [found] = dagster_home.daemon(installation)
            assert found.level == ("warning" if age else "ok")
            assert ("SENSOR" in found.what) == bool(age)


def test_an_instance_in_a_database_is_not_asked_without_online(installation: Installation, folder: Path) -> None:
    (folder / "dagster.yaml").write_text(
        "storage: {postgres: {postgres_db: {username: u, password: p, hostname: h, db_name: d}}}\n"
    )
    assert "not asked" in dagster_home.daemon(installation)[0].what
