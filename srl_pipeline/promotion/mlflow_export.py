"""A registered model in MLflow: a run with its figures and files, a model version, our aliases.

MLflow is optional; what is kept here stays the truth, and an export only follows it.
"""

from __future__ import annotations

import math
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from pydantic import Field

from srl_pipeline.contracts import Record
from srl_pipeline.errors import PipelineError
from srl_pipeline.promotion.exporting import export_folder
from srl_pipeline.promotion.lineage import Lineage, read_lineage
from srl_pipeline.promotion.standing import ALIASES
from srl_pipeline.registry import ArtifactStore, Decisions, StoredArtifact

if TYPE_CHECKING:
    from mlflow.tracking import MlflowClient  # pyright: ignore[reportMissingImports]

VERSION_TAG = "srl.data_version"
ARTIFACTS = "model"
"""Folder of the model's files in a run."""


class Exported(Record):
    """Where a model is in MLflow."""

    tracking_uri: str = Field(description="Without the user and the password that it may have.")
    experiment: str
    run_id: str
    model: str
    version: str


def local_tracking_uri(home: Path) -> str:
    """MLflow's embedded store in an installation's folder."""
    return f"sqlite:///{home / 'mlflow' / 'mlflow.db'}"


def export_mlflow(store: ArtifactStore, decisions: Decisions, model: StoredArtifact, tracking_uri: str) -> Exported:
    """Log a model as a run and register it, with the aliases that it has now. One that is there is found again.

    What is logged is what `export_folder` writes: no file names a place of this machine.

    Args:
        model: A registered model, from `find_model`.
        tracking_uri: Of an MLflow server, or ``sqlite:///FILE``: the files then lie beside that file.

    Raises PipelineError where MLflow is not installed, cannot be reached or refuses, StudentError where the base of an
    adapter is not to be had.
    """
    name = f"srl-{model.manifest.model_type}"
    with _mlflow_errors(tracking_uri):
        client = _client(tracking_uri)
        found = _version(client, name, model.data_version) or _log(client, name, store, model, tracking_uri)
        _follow_aliases(client, name, decisions.aliases(model.manifest.model_type))
        return Exported(
            tracking_uri=without_credentials(tracking_uri),
            experiment=name,
            run_id=found.run_id,
            model=name,
            version=str(found.version),
        )


def without_credentials(uri: str) -> str:
    """A URI as it may be shown."""
    given = urlsplit(uri).netloc.rpartition("@")[0]
    return uri.replace(f"{given}@", "", 1) if given else uri


def _client(tracking_uri: str) -> MlflowClient:
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")  # read when MLflow is imported
    try:
        from mlflow.tracking import MlflowClient  # pyright: ignore[reportMissingImports]
    except ImportError as error:
        raise PipelineError(
            "MLflow is not installed.",
            where="export to MLflow",
            mend="Run `pip install -c constraints.txt mlflow-skinny sqlalchemy alembic`.",
        ) from error
    if file := _file_of(tracking_uri):
        file.parent.mkdir(parents=True, exist_ok=True)
    return MlflowClient(tracking_uri=tracking_uri, registry_uri=tracking_uri)


def _log(client: MlflowClient, name: str, store: ArtifactStore, model: StoredArtifact, tracking_uri: str) -> Any:
    with tempfile.TemporaryDirectory() as temporary:
        folder = export_folder(store, model, Path(temporary) / ARTIFACTS)
        return _log_folder(client, name, model, folder, tracking_uri)


def _log_folder(client: MlflowClient, name: str, model: StoredArtifact, folder: Path, tracking_uri: str) -> Any:
    lineage = read_lineage(model.path)
    run = client.create_run(
        _experiment(client, name, tracking_uri), run_name=model.data_version, tags=_tags(model, lineage)
    )
    run_id = run.info.run_id
    try:
        for metric, value in model.manifest.metrics.items():
            if math.isfinite(value):
                client.log_metric(run_id, metric, value)
        for parameter, value in _parameters(lineage).items():
            client.log_param(run_id, parameter, value)
        client.log_artifacts(run_id, str(folder), ARTIFACTS)
    except BaseException:
        client.set_terminated(run_id, status="FAILED")
        raise
    client.set_terminated(run_id)
    if not client.search_registered_models(f"name='{name}'"):
        client.create_registered_model(name)
    return client.create_model_version(
        name, source=f"{run.info.artifact_uri}/{ARTIFACTS}", run_id=run_id, tags=_tags(model, lineage)
    )


def _experiment(client: MlflowClient, name: str, tracking_uri: str) -> str:
    if found := client.get_experiment_by_name(name):
        return found.experiment_id
    file = _file_of(tracking_uri)
    return client.create_experiment(name, artifact_location=(file.parent / "artifacts").as_uri() if file else None)


def _tags(model: StoredArtifact, lineage: Lineage) -> dict[str, str]:
    return {VERSION_TAG: model.data_version, "srl.model_type": lineage.model_type, "srl.base": lineage.base.name}


def _parameters(lineage: Lineage) -> dict[str, str]:
    """What it rests on, by version."""
    return {
        "base": lineage.base.name,
        "teacher": lineage.teacher.name,
        "evaluation_version": str(lineage.evaluation_version),
        **{made.asset: made.data_version for made in lineage.artifacts},
    }


def _version(client: MlflowClient, name: str, data_version: str) -> Any:
    versions = client.search_model_versions(f"name='{name}'")
    return next((v for v in versions if v.tags.get(VERSION_TAG) == data_version), None)


def _follow_aliases(client: MlflowClient, name: str, aliases: Any) -> None:
    """Aliases of exported versions are set; one that names nothing exported is taken away."""
    there = client.get_registered_model(name).aliases
    for alias in ALIASES:
        found = _version(client, name, aliases[alias]) if alias in aliases else None
        if found is not None:
            client.set_registered_model_alias(name, alias, found.version)
        elif alias in there:
            client.delete_registered_model_alias(name, alias)


def _file_of(tracking_uri: str) -> Path | None:
    """The file of an embedded store."""
    prefix = "sqlite:///"
    return Path(tracking_uri.removeprefix(prefix)) if tracking_uri.startswith(prefix) else None


@contextmanager
def _mlflow_errors(tracking_uri: str) -> Iterator[None]:
    try:
        yield
    except PipelineError:
        raise
    except Exception as error:
        if type(error).__module__.partition(".")[0] not in ("mlflow", "sqlalchemy", "requests"):
            raise
        said = _without_secrets((str(error).splitlines() or [type(error).__name__])[0], tracking_uri)
        raise PipelineError(
            f"MLflow refuses or cannot be reached: {said}",
            where=f"tracking URI {without_credentials(tracking_uri)}",
            mend="Check the URI and the server, then export again: what is there is found.",
        ) from (error if without_credentials(tracking_uri) == tracking_uri else None)  # it may tell the password


def _without_secrets(text: str, tracking_uri: str) -> str:
    """``text`` without the user and the password of the URI, however they are written in it."""
    parts = urlsplit(tracking_uri)
    given = parts.netloc.rpartition("@")[0]
    for secret in (f"{given}@" if given else "", parts.password or "", unquote(parts.password or "")):
        text = text.replace(secret, "") if secret else text
    return text
