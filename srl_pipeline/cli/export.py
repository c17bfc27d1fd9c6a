"""``srl-pipeline export``: a registered model for elsewhere, as a Hugging Face folder or in MLflow."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from srl_pipeline.cli.arguments import Type
from srl_pipeline.cli.models import opened
from srl_pipeline.cli.output import JsonFlag, print_json


def export(
    model_type: Type,
    version: Annotated[str, typer.Argument(metavar="[VERSION]", help="Version or alias.")] = "current",
    to: Annotated[Path | None, typer.Option(help="Folder to write; must not exist, or be empty.")] = None,
    merged: Annotated[bool, typer.Option("--merged", help="Adapter and base as one whole model.")] = False,
    with_base: Annotated[bool, typer.Option("--with-base", help="The base beside the adapter.")] = False,
    mlflow: Annotated[
        str | None, typer.Option(metavar="URI", help="Tracking URI; 'local': a file in SRL_HOME.")
    ] = None,
    json: JsonFlag = False,
) -> None:
    """Write a model as a Hugging Face folder (--to), log it to MLflow (--mlflow), or both."""
    from srl_pipeline.config import home
    from srl_pipeline.errors import PipelineError
    from srl_pipeline.promotion import export_folder, export_mlflow, find_model, local_tracking_uri

    if to is None and mlflow is None:
        raise PipelineError(
            "It is not said where to.", where="srl-pipeline export", mend="Give --to FOLDER, or --mlflow URI."
        )
    done: dict[str, Any] = {}
    with opened(model_type) as (store, decisions):
        model = find_model(store, decisions, model_type, version)
        done["version"] = model.data_version
        if to is not None:
            done["folder"] = str(export_folder(store, model, to, merged=merged, with_base=with_base))
        if mlflow is not None:
            uri = local_tracking_uri(home()) if mlflow == "local" else mlflow
            done["mlflow"] = export_mlflow(store, decisions, model, uri).model_dump(mode="json")
    if json:
        print_json(done)
        return
    if "folder" in done:
        print(f"Model {done['version']} of {model_type} is in {done['folder']}.")
    if "mlflow" in done:
        found = done["mlflow"]
        print(f"MLflow has it as {found['model']}, version {found['version']} (run {found['run_id']}).")
