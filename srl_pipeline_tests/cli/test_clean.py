"""``srl-pipeline clean``: it shows before it removes, and says why the rest stays. So does the job in Dagster."""

from __future__ import annotations

import json
from pathlib import Path

import dagster as dg
import pytest
import typer
from typer.testing import CliRunner, Result

from srl_pipeline.cli.clean import clean
from srl_pipeline.defs.cleaning import remove_old_artifacts
from srl_pipeline.defs.resources import PipelineResource
from srl_pipeline.errors import PipelineError
from srl_pipeline.registry import ArtifactStore
from srl_pipeline_tests.retention.garden import TYPE, Garden

app = typer.Typer()
app.command()(clean)


@pytest.fixture
def garden(tmp_path: Path, scaffold_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Garden:
    """Three versions of rules, a model that rests on the first of them, and Dagster never used."""
    for name in ("SRL_STORE", "SRL_STATE", "SRL_SETTINGS", "DAGSTER_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("SRL_HOME", str(tmp_path / "home"))
    planted = Garden(ArtifactStore(tmp_path / "home" / "artifacts"))
    for version in ("rule1", "rule2", "rule3"):
        planted.plant("rule_set", version)
    planted.plant("registered_model", "model1", {"rule_set": "rule1"})
    planted.name(current="model1")
    return planted


def run(*words: str) -> Result:
    return CliRunner().invoke(app, list(words))


def output(*words: str) -> str:
    done = run(*words)
    assert done.exit_code == 0, done.exception
    return done.output


def test_it_shows_what_it_would_remove_and_why_the_rest_stays(garden: Garden) -> None:
    told = output(TYPE, "--keep", "1", "--keep-days", "0")
    for words in ("the current model", "registered_model model1 rests on it", "would be removed", "rule2", "--delete"):
        assert words in told
    assert ("rule_set", "rule2") in garden.there()


def test_with_delete_it_removes(garden: Garden) -> None:
    told = output(TYPE, "--keep", "1", "--keep-days", "0", "--delete")
    assert "was removed" in told and "Removed 1 things" in told
    assert garden.there() == {("rule_set", "rule1"), ("rule_set", "rule3"), ("registered_model", "model1")}


def test_the_settings_say_what_stays(garden: Garden, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SRL_SETTINGS", "{retention.keep: 1, retention.keep_days: 0}")
    (found,) = json.loads(output("--json"))["types"]
    assert [one["data_version"] for one in found["removed"]] == ["rule2"]
    assert (found["keep"], found["keep_days"], found["deleted"]) == (1, 0, False)


def test_the_default_leaves_the_newest_three(garden: Garden) -> None:
    (found,) = json.loads(output("--json"))["types"]
    assert found["removed"] == [] and len(found["kept"]) == 4


def test_a_type_that_cannot_be_cleaned_keeps_no_other_from_it(garden: Garden) -> None:
    garden.store.work_folder("rule_set", "foreign", "v1")
    (garden.store.root / "rule_set" / "foreign").mkdir()
    done = run("--keep", "1", "--delete", "--json")
    assert done.exit_code == 1
    (problem,) = json.loads(done.stdout)["problems"]
    assert "foreign has artifacts but no pack" in problem
    assert [one["model_type"] for one in json.loads(done.stdout)["types"]] == [TYPE]


def test_an_unknown_type_is_an_error(garden: Garden) -> None:
    with pytest.raises(PipelineError, match="nonsense"):
        raise run("nonsense").exception or AssertionError


def test_it_waits_for_no_run_and_removes_nothing_beside_one(
    garden: Garden, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "dagster"))
    (tmp_path / "dagster").mkdir()
    with dg.DagsterInstance.from_config(str(tmp_path / "dagster")) as instance:
        started = dg.DagsterRunStatus.STARTED
        instance.add_run(dg.DagsterRun("regenerate", status=started, tags={"dagster/partition": TYPE}))
    with pytest.raises(PipelineError, match="A run of it waits or is under way: nothing of lanterns was removed"):
        raise run(TYPE, "--keep", "1", "--keep-days", "0", "--delete").exception or AssertionError
    assert ("rule_set", "rule2") in garden.there()


def test_the_op_cleans_the_model_type_of_its_run(garden: Garden, tmp_path: Path) -> None:
    overrides = {"retention.keep": 1, "retention.keep_days": 0}
    resource = PipelineResource(preset="smoke", home=str(tmp_path / "home"), overrides=overrides)
    with dg.DagsterInstance.ephemeral() as instance:
        job = dg.JobDefinition(name="clean_lanterns", graph_def=_graph(), partitions_def=_lanterns())
        done = job.execute_in_process(partition_key=TYPE, instance=instance, resources={"pipeline": resource})
    assert done.success and ("rule_set", "rule2") not in garden.there()


def _lanterns() -> dg.StaticPartitionsDefinition:
    return dg.StaticPartitionsDefinition([TYPE])


def _graph() -> dg.GraphDefinition:
    return dg.GraphDefinition(name="clean_lanterns", node_defs=[remove_old_artifacts])
