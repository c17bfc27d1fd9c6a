"""Asks for a check of teachers and students: on a schedule, and when candidates, prices or constraints change."""

from __future__ import annotations

import dagster as dg

from srl_pipeline.canonical import digest
from srl_pipeline.clock import now
from srl_pipeline.defs.jobs import select
from srl_pipeline.defs.making import PARTITION, TRIGGER
from srl_pipeline.defs.resources import PipelineResource
from srl_pipeline.defs.rota import Rota, Stamp
from srl_pipeline.defs.sensors import read_if_changed, stamp_all
from srl_pipeline.errors import PipelineError
from srl_pipeline.launchers.dead_runs import under_way
from srl_pipeline.registry import Decisions

_rota = Rota()


@dg.sensor(
    job=select,
    minimum_interval_seconds=60,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Measures candidate teachers and students again when a check is due.",
)
def selection_sensor(context: dg.SensorEvaluationContext, pipeline: PipelineResource) -> dg.SensorResult:
    requests = list[dg.RunRequest]()
    stamps, notes = stamp_all()
    with pipeline.decisions() as decisions:
        for name in _rota.turns(stamps):
            try:
                why = checks_due(pipeline, decisions, name, stamps[name])
            except (PipelineError, OSError) as error:
                notes.append(f"{name}: {error}")
                continue
            if why and under_way(context.instance, PARTITION, name):
                notes.append(f"{name}: a run of it is under way; then: {why}")
            elif why:
                # by the hour: a check that failed is tried again, and not at every tick
                key = f"{name}:{now():%Y-%m-%dT%H}:{digest([why, decisions.settings(name)])}"
                requests.append(dg.RunRequest(run_key=key, partition_key=name, tags={TRIGGER: "selection"}))
    for note in notes:
        context.log.warning(note)
    skip = None if requests else dg.SkipReason("; ".join(notes) or "no check is due")
    return dg.SensorResult(run_requests=requests, skip_reason=skip)


def checks_due(pipeline: PipelineResource, decisions: Decisions, name: str, stamped: Stamp) -> str:
    """Why teacher or student of a model type are to be checked; empty where neither is."""
    from srl_pipeline.selection import due, student_fingerprint, teacher_fingerprint

    pack = read_if_changed(name, stamped)
    config = pipeline.config(name, pack, decisions)
    settings, store = config.selection, pipeline.store()
    reasons: list[str] = []
    # without a list, and without a check that should be ended, nothing needs to be read
    if settings.candidates or decisions.decisions(name, kind="teacher", last=1):
        reasons.append(due(decisions, "teacher", name, settings, teacher_fingerprint(name, config), now()))
    if settings.students or decisions.decisions(name, kind="student", last=1):
        reasons.append(due(decisions, "student", name, settings, student_fingerprint(store, pack, config), now()))
    return " ".join(filter(None, reasons))
