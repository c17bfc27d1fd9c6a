"""Looks at tuning jobs that vendors are at work on, and asks for a run where one can go on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import dagster as dg

from srl_pipeline.clock import now
from srl_pipeline.defs.jobs import tune
from srl_pipeline.defs.making import PARTITION, TRIGGER, TUNING_JOB
from srl_pipeline.defs.partitions import model_types
from srl_pipeline.defs.resources import PipelineResource
from srl_pipeline.defs.rota import stamp
from srl_pipeline.defs.sensors import read_if_changed
from srl_pipeline.errors import PipelineError
from srl_pipeline.launchers.dead_runs import under_way
from srl_pipeline.model_types import pack_folder

if TYPE_CHECKING:
    from srl_pipeline.tuning.jobs import TuningJob


@dg.sensor(
    job=tune,
    minimum_interval_seconds=60,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Polls vendors that tune a model; when a job has ended, its money is settled and its model compared.",
)
def tuning_sensor(context: dg.SensorEvaluationContext, pipeline: PipelineResource) -> dg.SensorResult:
    from srl_pipeline.tuning.open_jobs import open_jobs

    requests, notes = list[dg.RunRequest](), list[str]()
    names = set(model_types.get_partition_keys())
    for job in open_jobs(pipeline.home_folder()):
        try:
            if job.model_type not in names:
                notes.append(f"{job.key}: there is no model type {job.model_type}")
                continue
            if job.waiting:
                job = poll(pipeline, job.model_type, job.key)
        except (PipelineError, OSError) as error:
            notes.append(f"{job.key}: {error}")
            continue
        if job.over or job.waiting:
            notes.append(f"{job.key}: {job.phase}{f', {job.state.state}' if job.state else ''}")
        elif under_way(context.instance, PARTITION, job.model_type):
            notes.append(f"{job.key}: a run of {job.model_type} is under way")
        else:
            requests.append(run_request(job.key, job.model_type, job.phase))
    for note in notes:
        context.log.info(note)
    return dg.SensorResult(
        run_requests=requests, skip_reason=None if requests else dg.SkipReason("; ".join(notes) or "no tuning job")
    )


def poll(pipeline: PipelineResource, model_type: str, key: str) -> TuningJob:
    """One look at a job; raises PipelineError where the vendor cannot be asked."""
    from srl_pipeline.tuning.work import Work

    pack = read_if_changed(model_type, stamp(pack_folder(model_type)))
    with pipeline.decisions() as decisions:
        work = Work(
            pipeline.home_folder(), pipeline.store(), decisions, pack, pipeline.config(model_type, pack), attempts=1
        )
        return work.look(key)


def run_request(key: str, model_type: str, phase: str) -> dg.RunRequest:
    """A run that takes the next steps of a job. By the hour: a step that failed is tried again, not at every tick."""
    return dg.RunRequest(
        run_key=f"{key}:{phase}:{now():%Y-%m-%dT%H}",
        partition_key=model_type,
        asset_selection=[dg.AssetKey("tuned_teacher")],
        tags={TRIGGER: "tuning", TUNING_JOB: key},
    )
