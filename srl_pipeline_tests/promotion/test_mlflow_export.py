"""A registered model in a real MLflow store."""

from __future__ import annotations

import sys
from typing import Any

import pytest

from srl_pipeline.errors import PipelineError
from srl_pipeline.promotion import export_mlflow, find_model, local_tracking_uri, rollback

from .chains import TYPE, Installation, solving


def test_without_mlflow_the_error_says_what_to_install(here: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    chain = here.chain(solving(30))
    model = find_model(here.store, here.decisions, TYPE, chain.registered)
    monkeypatch.setitem(sys.modules, "mlflow.tracking", None)
    with pytest.raises(PipelineError, match=r"pip install .*mlflow-skinny"):
        export_mlflow(here.decisions, model, local_tracking_uri(here.home))


@pytest.mark.slow
def test_a_model_is_a_run_and_a_version_and_its_aliases_follow_ours(here: Installation) -> None:
    tracking: Any = pytest.importorskip("mlflow.tracking")
    first, second = here.chain(solving(20), weights="first"), here.chain(solving(35), weights="second")
    for chain in (first, second):
        here.decide(chain)
    uri = local_tracking_uri(here.home)

    def export(version: str) -> Any:
        return export_mlflow(here.decisions, find_model(here.store, here.decisions, TYPE, version), uri)

    old, new = export(first.registered), export("current")
    assert export("current") == new  # found again, not logged twice
    client = tracking.MlflowClient(tracking_uri=uri, registry_uri=uri)
    name = f"srl-{TYPE}"
    assert client.get_model_version_by_alias(name, "current").run_id == new.run_id
    assert client.get_model_version_by_alias(name, "previous").run_id == old.run_id
    run = client.get_run(new.run_id)
    assert run.info.status == "FINISHED"
    assert run.data.metrics["pass_rate"] == 0.875
    assert (run.data.params["teacher"], run.data.params["rlvr_checkpoint"]) == ("expert", second.rlvr)
    assert run.data.tags["srl.data_version"] == second.registered
    files = {file.path for file in client.list_artifacts(new.run_id, "model")}
    assert {"model/README.md", "model/adapter_model.safetensors", "model/lineage.json"} <= files
    rollback(here.store, here.decisions, TYPE, reason="No.")
    export("current")
    assert client.get_model_version_by_alias(name, "current").run_id == old.run_id
