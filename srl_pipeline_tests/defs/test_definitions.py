"""What the code location contains, and what it must not load."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import dagster as dg
import pytest
import yaml

from srl_pipeline.defs.checks import GATES, OTHER
from srl_pipeline.defs.graph import INPUTS, TUNING_INPUTS
from srl_pipeline.model_types import find_packs
from srl_pipeline_tests.defs.conftest import loaded

REPOSITORY = Path(__file__).resolve().parents[2]
HEAVY = [
    "torch",
    "transformers",
    "trl",
    "peft",
    "lancedb",
    "pandas",
    "pyarrow",
    "matplotlib",
    "datasets",
    "openai",
    "anthropic",
    "google.genai",
    "google.cloud",
    "celpy",
    "datasketch",
]
PROBE = f"""
import json, sys
from srl_pipeline.definitions import defs
defs().get_repository_def()
print(json.dumps([m for m in {HEAVY!r} if m in sys.modules]))
"""


def test_loading_definitions_is_quick_and_imports_nothing_heavy() -> None:
    probe = _run(PROBE)
    assert json.loads(probe.stdout) == []
    # An eager location takes ten times as long. Dagster alone is the yardstick: machines differ by more than that.
    assert _cpu_seconds(PROBE) < 5 * _cpu_seconds("import dagster")


def _run(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=REPOSITORY)


def _cpu_seconds(code: str) -> float:
    return float(_run(f"{code}\nimport time; print(time.process_time())").stdout.splitlines()[-1])


def test_no_definition_is_missing() -> None:
    repository = loaded().get_repository_def()
    jobs = {"__ASSET_JOB", "regenerate", "evaluate_only", "select", "tune", "clean"}
    assert {job.name for job in repository.get_all_jobs()} == jobs
    assert {s.name for s in repository.sensor_defs} == {
        "registry_sensor",
        "selection_sensor",
        "tuning_sensor",
        "failure_alerts",
        "summary_automation",
    }
    assert all(s.default_status is dg.DefaultSensorStatus.RUNNING for s in repository.sensor_defs)
    assert {s.name: s.default_status for s in repository.schedule_defs} == {
        "weekly_cleaning": dg.DefaultScheduleStatus.STOPPED  # nothing is removed by itself before a person wants it
    }
    graph = loaded().resolve_asset_graph()
    assert {key.to_user_string() for key in graph.get_all_asset_keys()} == {*INPUTS, *TUNING_INPUTS, "selection"}
    checks = {(k.asset_key.to_user_string(), k.name) for k in graph.asset_check_keys}
    assert checks == {(asset, name) for asset, gates in GATES.items() for name in [*gates, OTHER]}


def test_edges_are_those_of_the_graph() -> None:
    graph = loaded().resolve_asset_graph()
    for name, inputs in (INPUTS | TUNING_INPUTS).items():
        assert {key.to_user_string() for key in graph.get(dg.AssetKey(name)).parent_keys} == set(inputs)


@pytest.mark.parametrize("name", [*INPUTS, *TUNING_INPUTS])
def test_every_asset_says_what_it_is_and_whose(name: str) -> None:
    graph = loaded().resolve_asset_graph()
    asset = graph.get(dg.AssetKey(name))
    assert asset.group_name in {"sources", "data", "training", "evaluation", "models", "tuning"}
    assert asset.description and asset.description.endswith(".")
    assert asset.kinds and asset.owners
    partitions = asset.partitions_def.get_partition_keys() if asset.partitions_def else None
    assert partitions == (None if name in {"leaderboard", "status_page"} else list(find_packs()))


def test_trainings_wait_for_each_other() -> None:
    job = loaded().resolve_job_def("regenerate")
    pools = {node.name: node.definition.pools for node in job.graph.nodes}
    assert {name for name, pool in pools.items() if pool == {"training"}} == {
        "srl_checkpoint",
        "rlvr_checkpoint",
        "eval_report",
        "current_evaluation",
    }


def test_the_repositorys_instance_file_loads(tmp_path: Path) -> None:
    (tmp_path / "dagster.yaml").write_text((REPOSITORY / "dagster.yaml").read_text())
    with dg.DagsterInstance.from_config(str(tmp_path)) as instance:
        pools = instance.get_concurrency_config().pool_config
        assert pools.default_pool_limit == 1
        assert instance.run_monitoring_enabled
        assert not instance.get_settings("telemetry")["enabled"]


def test_the_workspace_names_the_definitions() -> None:
    workspace = yaml.safe_load((REPOSITORY / "workspace.yaml").read_text())
    assert workspace["load_from"][0]["python_module"]["module_name"] == "srl_pipeline.definitions"
