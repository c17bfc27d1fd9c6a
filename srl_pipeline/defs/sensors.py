"""ONE sensor over teachers, rules, lore and what was measured: two would train a model type twice at once.

What it decides is `retraining.plan`, a pure function; here are only the ears and the hands.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

import dagster as dg

from srl_pipeline.clock import now, now_iso
from srl_pipeline.config import PipelineConfig
from srl_pipeline.defs.graph import INPUTS, with_downstream
from srl_pipeline.defs.jobs import regenerate
from srl_pipeline.defs.making import PARTITION, TRIGGER
from srl_pipeline.defs.partitions import model_types
from srl_pipeline.defs.resources import PipelineResource
from srl_pipeline.errors import PipelineError
from srl_pipeline.launchers.dead_runs import failed_keys, under_way
from srl_pipeline.model_types import Pack, find_packs, load_pack
from srl_pipeline.registry import Decisions, History
from srl_pipeline.retraining import PINS, Observed, Regeneration, Versions, plan
from srl_pipeline.retraining.observe import observe
from srl_pipeline.retraining.record import record
from srl_pipeline.teachers import responsible_teacher, teacher_ref


@dg.sensor(
    job=regenerate,
    minimum_interval_seconds=15,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Regenerates what rests on a teacher, rules, lore or student that changed, and where models are weak.",
)
def registry_sensor(context: dg.SensorEvaluationContext, pipeline: PipelineResource) -> dg.SensorResult:
    with pipeline.history() as history, pipeline.decisions() as decisions:
        observed, notes = observe_all(pipeline, context.instance, history, decisions)
        decided = plan(context.cursor, observed, now())
        record(decisions, decided.requests, decided.refusals, now_iso())
    for note in notes:
        context.log.warning(note)
    for name in decided.first_seen:
        context.log.info(f"{name}: seen for the first time; its versions are recorded, nothing is started")
    requests = [run_request(r, never_made(context.instance, r.model_type)) for r in decided.requests]
    notes += [f"{name}: {why}" for name, why in decided.waiting.items()]
    if not requests and not decided.waiting:
        notes.insert(0, f"no change in {len(observed)} model types")
    return dg.SensorResult(
        run_requests=requests, cursor=decided.cursor, skip_reason=None if requests else dg.SkipReason("; ".join(notes))
    )


def observe_all(
    pipeline: PipelineResource, instance: dg.DagsterInstance, history: History, decisions: Decisions
) -> tuple[dict[str, Observed], list[str]]:
    """Every pack that can be read, as it is now, and a line for each that cannot: it does not stop the others."""
    known, found = set(model_types.get_partition_keys()), {}
    notes: list[str] = []
    for name, folder in find_packs().items():
        if name not in known:
            notes.append(f"{name}: a new pack; reload the code location to make it a partition")
            continue
        try:
            pack = read_if_changed(name, stamp(folder))
            config = pipeline.config(name, pack)
            with pipeline.origins(name, config):
                found[name] = _observe(pipeline, instance, history, decisions, pack, config)
        except (PipelineError, OSError) as error:
            notes.append(f"{name}: {error}")
    return found, notes


def _observe(
    pipeline: PipelineResource,
    instance: dg.DagsterInstance,
    history: History,
    decisions: Decisions,
    pack: Pack,
    config: PipelineConfig,
) -> Observed:
    name = pack.name
    teacher = responsible_teacher(config.generation.teacher, name)
    versions = Versions(
        teacher=teacher_ref(teacher).version,
        rules=pack.definition.version,
        lore=pack.lore_version,
        student=config.student.name,
    )
    return observe(
        pipeline.home_folder(),
        history,
        decisions,
        name,
        versions,
        teacher,
        config,
        running=under_way(instance, PARTITION, name),
        failed=failed_keys(instance, PARTITION, name),
    )


def stamp(folder: Path) -> tuple[tuple[str, int, int], ...]:
    """Name, time and size of every file of a pack: reading one costs 0.2 s, and every tick looks at all."""
    files = ((str(path), path.stat()) for path in sorted(folder.rglob("*")) if path.is_file())
    return tuple((name, stat.st_mtime_ns, stat.st_size) for name, stat in files)


@lru_cache(maxsize=64)
def read_if_changed(name: str, stamped: tuple[tuple[str, int, int], ...]) -> Pack:
    """The pack, read anew when a file of it is not as ``stamped``. An error is not remembered."""
    return load_pack(name)


def never_made(instance: dg.DagsterInstance, model_type: str) -> list[str]:
    """Pins of a model type that were never materialized: what rests on them could not run without."""
    pins = [asset for asset in PINS.values() if not INPUTS[asset]]
    return [pin for pin in pins if model_type not in instance.get_materialized_partitions(dg.AssetKey(pin))]


def run_request(regeneration: Regeneration, also: Iterable[str] = ()) -> dg.RunRequest:
    """A run of the assets that are asked for (``also`` others) and everything downstream, for one model type."""
    return dg.RunRequest(
        run_key=regeneration.run_key,
        partition_key=regeneration.model_type,
        asset_selection=[dg.AssetKey(name) for name in with_downstream([*regeneration.assets, *also])],
        tags={TRIGGER: ",".join(regeneration.triggers)},
    )
