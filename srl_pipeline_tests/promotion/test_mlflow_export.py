"""A registered model in a real MLflow store."""

from __future__ import annotations

import json
import sys
import traceback
from typing import Any

import pytest

from srl_pipeline.errors import PipelineError
from srl_pipeline.promotion import export_mlflow, find_model, local_tracking_uri, rollback
from srl_pipeline.promotion.mlflow_export import without_credentials

from .chains import TYPE, Installation, solving


def test_without_mlflow_the_error_says_what_to_install(here: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    chain = here.chain(solving(30))
    model = find_model(here.store, here.decisions, TYPE, chain.registered)
    monkeypatch.setitem(sys.modules, "mlflow.tracking", None)
    with pytest.raises(PipelineError, match=r"pip install .*mlflow-skinny"):
        export_mlflow(here.store, here.decisions, model, local_tracking_uri(here.home))


def whole(weights: str) -> dict[str, str]:
    """A model that needs no base beside it."""
    student = json.dumps({"name": "small-64", "identity": "0123", "grammar": 1})
    return {"model.safetensors": weights, "config.json": "{}", "student.json": student}


@pytest.mark.parametrize(
    ("uri", "shown"),
    [
        ("http://ann:s3cr%40t@127.0.0.1:5000/x", "http://127.0.0.1:5000/x"),
        ("postgresql://ann:s3cr@t@db/mlflow", "postgresql://db/mlflow"),
        ("http://127.0.0.1:5000", "http://127.0.0.1:5000"),
        ("sqlite:////home/mlflow.db", "sqlite:////home/mlflow.db"),
    ],
)
def test_a_uri_is_shown_without_user_and_password(uri: str, shown: str) -> None:
    assert without_credentials(uri) == shown


def test_an_error_tells_neither_user_nor_password(here: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("mlflow.tracking")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    chain = here.chain(solving(30), files=whole("w"))
    model = find_model(here.store, here.decisions, TYPE, chain.registered)
    uri = "http://ann:s3cr%40t@127.0.0.1:1/x"
    with pytest.raises(PipelineError) as caught:
        export_mlflow(here.store, here.decisions, model, uri)
    told = "".join(traceback.format_exception(caught.value))
    assert "MLflow refuses or cannot be reached" in told and "http://127.0.0.1:1/x" in told
    assert not any(secret in told for secret in ("ann:", "s3cr"))


@pytest.mark.slow
def test_a_model_is_a_run_and_a_version_and_its_aliases_follow_ours(here: Installation) -> None:
    tracking: Any = pytest.importorskip("mlflow.tracking")
    first, second = (here.chain(solving(n), weights=name, files=whole(name)) for n, name in ((20, "1st"), (35, "2nd")))
    for chain in (first, second):
        here.decide(chain)
    uri = local_tracking_uri(here.home)

    def export(version: str) -> Any:
        return export_mlflow(here.store, here.decisions, find_model(here.store, here.decisions, TYPE, version), uri)

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
    assert {"model/README.md", "model/model.safetensors", "model/lineage.json"} <= files
    assert "model/manifest.json" not in files
    rollback(here.store, here.decisions, TYPE, reason="No.")
    export("current")
    assert client.get_model_version_by_alias(name, "current").run_id == old.run_id
