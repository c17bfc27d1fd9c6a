"""Failures are written where a person or a log shipper finds them: ``<home>/alerts.jsonl``, a line a failed run."""

from __future__ import annotations

from pathlib import Path

import dagster as dg

from srl_pipeline.canonical import dumps
from srl_pipeline.clock import now_iso
from srl_pipeline.defs.making import PARTITION, TRIGGER
from srl_pipeline.defs.resources import PipelineResource
from srl_pipeline.registry.artifacts import disk_errors


@dg.run_failure_sensor(
    default_status=dg.DefaultSensorStatus.RUNNING,
    minimum_interval_seconds=15,
    description="Appends a line to alerts.jsonl for every failed run.",
)
def failure_alerts(context: dg.RunFailureSensorContext, pipeline: PipelineResource) -> None:
    run = context.dagster_run
    line: dict[str, object] = {
        "time": now_iso(),
        "run_id": run.run_id,
        "job": run.job_name,
        "model_type": run.tags.get(PARTITION, ""),
        "trigger": run.tags.get(TRIGGER, "manual"),
        "failed": [event.step_key or "" for event in context.get_step_failure_events()],
        "message": _message(context),
    }
    append_line(pipeline.home_folder() / "alerts.jsonl", line)
    context.log.error(f"{run.job_name}[{line['model_type']}] failed: {line['message']}")


def _message(context: dg.RunFailureSensorContext) -> str:
    for event in context.get_step_failure_events():
        data = event.step_failure_data
        if data.user_failure_data and data.user_failure_data.description:
            return data.user_failure_data.description
        if data.error:
            return (data.error.cause or data.error).message.strip()
    return context.failure_event.message or "The run failed without a message."


def append_line(file: Path, value: dict[str, object]) -> None:
    """Append one line of JSON; a line this short is written whole or not at all."""
    with disk_errors(file):
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("a", encoding="utf-8") as handle:
            handle.write(dumps(value) + "\n")
