"""The cluster's dagster.yaml: what Dagster itself makes of it, and that it does not drift from the repository's own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from dagster._core.instance.config import dagster_instance_config
from dagster._core.instance.ref import InstanceRef

from srl_pipeline_tests.infra.rendered import CHART, MATRIX, RELEASE, data, of_kind, render

OWN = Path(__file__).resolve().parents[2] / "dagster.yaml"
ONLY_HERE = {"storage", "run_launcher", "compute_logs", "run_monitoring.start_timeout_seconds"}
"""What a cluster needs and one machine does not."""


def written(shape: str, folder: Path) -> dict[str, Any]:
    found = data(render(MATRIX[shape]), "instance", "dagster.yaml")
    (folder / "dagster.yaml").write_text(yaml.safe_dump(found))
    return found


@pytest.mark.parametrize("shape", MATRIX)
def test_dagster_accepts_the_file(shape: str, tmp_path: Path) -> None:
    # dagster_postgres is not installed here: its section is checked by Dagster's own schema, and never connected
    written(shape, tmp_path)
    config, _ = dagster_instance_config(str(tmp_path))
    assert config["storage"]["postgres"]["postgres_db"]["password"] == {"env": "DAGSTER_PG_PASSWORD"}
    launcher = InstanceRef.from_dir(str(tmp_path)).run_launcher_data
    assert launcher is not None and launcher.class_name == "K8sRunLauncher"


def test_all_that_the_repository_sets_holds_in_a_cluster(tmp_path: Path) -> None:
    assert (CHART / "files" / "dagster.yaml").read_text() == OWN.read_text(), "copy the repository's dagster.yaml"
    own, cluster = _flat(yaml.safe_load(OWN.read_text())), _flat(written("minimal", tmp_path))
    own = {name: value for name, value in own.items() if not name.startswith("run_launcher.")}
    assert {name: cluster.get(name) for name in own} == own
    assert {_above(name) for name in cluster.keys() - own.keys()} == ONLY_HERE


def test_a_cluster_may_train_more_at_once_than_a_machine(tmp_path: Path) -> None:
    objects = render({"training": {"maxConcurrent": 7}, "runs": {"maxConcurrent": 20}})
    found = data(objects, "instance", "dagster.yaml")["concurrency"]
    assert found["pools"] == {"granularity": "op", "default_limit": 7}
    assert found["runs"]["max_concurrent_runs"] == 20
    assert (
        found["runs"]["tag_concurrency_limits"]
        == yaml.safe_load(OWN.read_text())["concurrency"]["runs"]["tag_concurrency_limits"]
    )


def test_logs_of_steps_go_to_the_bucket_that_is_named(tmp_path: Path) -> None:
    from dagster._config import process_config
    from dagster_aws.s3 import S3ComputeLogManager

    found = written("keys, logs, teachers", tmp_path)["compute_logs"]
    assert found["class"] == "S3ComputeLogManager" and found["config"]["bucket"] == "srl-logs"
    assert process_config(S3ComputeLogManager.config_type(), found["config"]).success
    assert written("minimal", tmp_path)["compute_logs"]["class"] == "NoOpComputeLogManager"


def test_the_workspace_asks_the_service_of_the_code_location() -> None:
    objects = render({})
    server = data(objects, "instance", "workspace.yaml")["load_from"][0]["grpc_server"]
    service = of_kind(objects, "Service")[server["host"]]
    assert service["spec"]["ports"][0]["port"] == server["port"] == 4000
    command = of_kind(objects, "Deployment")[f"{RELEASE}-code-location"]["spec"]["template"]["spec"]["containers"][0]
    assert "srl_pipeline.definitions" in command["command"]


def _flat(found: dict[str, Any], above: str = "") -> dict[str, Any]:
    """Dotted names and their values; lists are values."""
    flat: dict[str, Any] = {}
    for name, value in found.items():
        dotted = f"{above}.{name}" if above else name
        flat |= _flat(value, dotted) if isinstance(value, dict) and value else {dotted: value}
    return flat


def _above(name: str) -> str:
    return name if name in ONLY_HERE else name.split(".", 1)[0]
