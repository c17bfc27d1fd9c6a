"""``srl-pipeline run``: the whole chain for one model type, in this process, with Dagster's history."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlparse

import typer

from srl_pipeline.cli.arguments import Preset, Settings, Type, parse_settings
from srl_pipeline.cli.instance import open_instance, prepare_dagster_home
from srl_pipeline.cli.output import JsonFlag, console, print_json
from srl_pipeline.cli.progress import AssetState, Follower, Progress
from srl_pipeline.cli.signals import heed_termination
from srl_pipeline.config import home
from srl_pipeline.launchers.dead_runs import PROCESS, end_dead_runs, this_process

REPORT = "eval_report"


def run(model_type: Type, preset: Preset = "", settings: Settings = None, json: JsonFlag = False) -> None:
    """Make everything for one model type: lore, trajectories, SRL, RLVR, evaluation.

    What is unchanged is found, not made again; what was interrupted goes on where it was.
    """
    overrides = parse_settings(settings or [])
    pipeline = {"preset": preset, "overrides": overrides, "home": str(home())}
    _check(model_type, pipeline)
    run_id, progress = materialize(model_type, pipeline, prepare_dagster_home(), quiet=json)
    if json:
        print_json(_as_json(model_type, run_id, progress.assets))
    elif not any(asset.state == "failed" for asset in progress.assets.values()):
        _show_report(progress.assets)
        _explain_standing(model_type)
    end_where_failed(model_type, run_id, progress.assets)


def end_where_failed(model_type: str, run_id: str, assets: dict[str, AssetState]) -> None:
    """Tell what failed and end with status 1; nothing where all assets are made."""
    failed = {name: asset for name, asset in assets.items() if asset.state == "failed"}
    if failed or not assets:
        for name, asset in failed.items():
            print(f"error: {name}[{model_type}]: {_explain(asset)}", file=sys.stderr)
        print(f"Finished assets are kept; the whole story is Dagster run {run_id}.", file=sys.stderr)
        raise typer.Exit(1)


def _check(model_type: str, pipeline: dict[str, Any]) -> None:
    """Raise for an unknown type, preset, setting or a broken pack before anything runs."""
    from srl_pipeline.defs.resources import PipelineResource

    PipelineResource(**pipeline).config(model_type)


def materialize(
    model_type: str,
    pipeline: dict[str, Any],
    dagster_home: Path,
    *,
    quiet: bool,
    assets: Sequence[str] = (),
    job: str = "regenerate",
) -> tuple[str, Progress]:
    """Make ``assets`` of a job, or all of them, in Dagster's history; returns the run's id and what became of each."""
    import uuid

    import dagster as dg

    from srl_pipeline.definitions import defs

    heed_termination()
    shown = None if quiet else console
    run_id, progress = str(uuid.uuid4()), Progress(shown)
    with open_instance(dagster_home) as instance:
        end_dead_runs(instance)
        resolved = defs().resolve_job_def(job)
        with Follower(instance, run_id, progress, shown):
            resolved.execute_in_process(
                instance=instance,
                run_id=run_id,
                partition_key=model_type,
                asset_selection=[dg.AssetKey(name) for name in assets] or None,
                raise_on_error=False,
                # The daemon must not retry what a person runs: a rerun resumes.
                tags={PROCESS: this_process(), "dagster/max_retries": "0"},
                run_config={
                    "resources": {"pipeline": {"config": pipeline}},
                    # Progress is told by the follower; Dagster's own lines would be a page a step.
                    "loggers": {"console": {"config": {"log_level": "CRITICAL"}}},
                },
            )
    return run_id, progress


def _explain(asset: AssetState) -> str:
    if not asset.failed_checks:
        return asset.error
    checks = "; ".join(f"{name} ({text})" if text else name for name, text in asset.failed_checks.items())
    return f"failed its gate: {checks}\n  where: {asset.uri}\n  mend:  Mend the cause and run again."


def _show_report(assets: dict[str, AssetState]) -> None:
    from srl_pipeline.cli.report import print_report

    if REPORT in assets:
        print_report(Path(unquote(urlparse(assets[REPORT].uri).path)))
    unchanged = sum(asset.reused for asset in assets.values())
    if unchanged:
        console.print(f"{unchanged} of {len(assets)} assets unchanged, nothing recomputed", highlight=False)


def _explain_standing(model_type: str) -> None:
    """Which model is current now, and why."""
    from srl_pipeline.cli.models import opened
    from srl_pipeline.promotion import explain

    with opened(model_type) as (store, decisions):
        for line in explain(decisions, store, model_type):
            console.print(line, markup=False, highlight=False, soft_wrap=True)


def _as_json(model_type: str, run_id: str, assets: dict[str, AssetState]) -> dict[str, Any]:
    return {
        "model_type": model_type,
        "run_id": run_id,
        "success": bool(assets) and all(asset.state != "failed" for asset in assets.values()),
        "unchanged": sum(asset.reused for asset in assets.values()),
        "assets": {
            name: {
                "state": asset.state,
                "reused": asset.reused,
                "seconds": round(asset.seconds, 3),
                "data_version": asset.data_version,
                "uri": asset.uri,
                "metrics": asset.metrics,
                "error": _explain(asset) if asset.state == "failed" else "",
            }
            for name, asset in assets.items()
        },
    }
