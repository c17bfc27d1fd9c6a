"""ONE sensor over teachers, rules and lore: two would train a model type twice when both change at once.

What it decides is `generation.triggers.plan`, a pure function; here are only the ears and the hands.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import lru_cache
from pathlib import Path

import dagster as dg

from srl_pipeline.defs.graph import INPUTS
from srl_pipeline.defs.jobs import regenerate
from srl_pipeline.defs.partitions import model_types
from srl_pipeline.defs.resources import PipelineResource
from srl_pipeline.errors import PipelineError
from srl_pipeline.generation.triggers import PINS, Regeneration, Versions, plan
from srl_pipeline.model_types import Pack, find_packs, load_pack
from srl_pipeline.teachers import responsible_teacher, teacher_ref


@dg.sensor(
    job=regenerate,
    minimum_interval_seconds=15,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Regenerates exactly what depends on a teacher, rule set or lore that changed.",
)
def registry_sensor(context: dg.SensorEvaluationContext, pipeline: PipelineResource) -> dg.SensorResult:
    versions, notes = current_versions(pipeline, context.log.warning)
    decided = plan(context.cursor, versions)
    for name in decided.first_seen:
        context.log.info(f"{name}: seen for the first time; its versions are recorded, nothing is started")
    requests = [run_request(r, never_made(context.instance, r.model_type)) for r in decided.requests]
    if not requests:
        notes.insert(0, f"no change in {len(versions)} model types")
    return dg.SensorResult(
        run_requests=requests, cursor=decided.cursor, skip_reason=None if requests else dg.SkipReason("; ".join(notes))
    )


def current_versions(
    pipeline: PipelineResource, warn: Callable[[str], object]
) -> tuple[dict[str, Versions], list[str]]:
    """The versions of every pack that can be read, and a line for each that cannot: it does not stop the others."""
    known, found = set(model_types.get_partition_keys()), {}
    notes: list[str] = []
    for name, folder in find_packs().items():
        if name not in known:
            notes.append(f"{name}: a new pack; reload the code location to make it a partition")
            continue
        try:
            pack = read_if_changed(name, stamp(folder))
            teacher = teacher_ref(responsible_teacher(pipeline.config(name, pack).generation.teacher, name))
        except (PipelineError, OSError) as error:
            notes.append(f"{name}: {error}")
            continue
        found[name] = Versions(teacher=teacher.version, rules=pack.definition.version, lore=pack.lore_version)
    for note in notes:
        warn(note)
    return found, notes


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
    return [pin for pin in PINS.values() if model_type not in instance.get_materialized_partitions(dg.AssetKey(pin))]


def run_request(regeneration: Regeneration, also: Iterable[str] = ()) -> dg.RunRequest:
    """A run of the changed pins (``also`` others) and everything downstream of them, for one model type."""
    return dg.RunRequest(
        run_key=regeneration.run_key,
        partition_key=regeneration.model_type,
        asset_selection=[dg.AssetKey(name) for name in with_downstream([*regeneration.assets, *also])],
        tags={"srl/trigger": ",".join(regeneration.changed)},
    )


def with_downstream(assets: Iterable[str]) -> list[str]:
    """``assets`` and all that rests on them, in the order of the graph."""
    chosen = set(assets)
    for name, inputs in INPUTS.items():
        if chosen.intersection(inputs):
            chosen.add(name)
    return [name for name in INPUTS if name in chosen]
