"""ONE sensor over teachers, rules, lore and what was measured: two would train a model type twice at once.

What it decides is `retraining.plan`, a pure function; here are only the ears and the hands.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

import dagster as dg

from srl_pipeline.clock import now, now_iso
from srl_pipeline.config import PipelineConfig
from srl_pipeline.defs.graph import INPUTS, with_downstream
from srl_pipeline.defs.jobs import regenerate
from srl_pipeline.defs.making import PARTITION, TRIGGER
from srl_pipeline.defs.partitions import model_types
from srl_pipeline.defs.resources import PipelineResource
from srl_pipeline.defs.rota import Rota, Stamp, stamp
from srl_pipeline.errors import PipelineError
from srl_pipeline.launchers.dead_runs import failed_keys, under_way
from srl_pipeline.model_types import Pack, find_packs, load_pack
from srl_pipeline.registry import Decisions, History
from srl_pipeline.retraining import PINS, Observed, Regeneration, Versions, plan
from srl_pipeline.retraining.cursor import read_cursor
from srl_pipeline.retraining.observe import observe
from srl_pipeline.retraining.record import record
from srl_pipeline.teachers import responsible_teacher, teacher_ref

_rota = Rota()
_read: dict[str, tuple[Stamp, Pack]] = {}
"""Packs as they were last read, by name: about 0.7 MB each."""


@dg.sensor(
    job=regenerate,
    minimum_interval_seconds=15,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Regenerates what rests on a teacher, rules, lore or student that changed, and where models are weak.",
)
def registry_sensor(context: dg.SensorEvaluationContext, pipeline: PipelineResource) -> dg.SensorResult:
    with pipeline.history() as history, pipeline.decisions() as decisions:
        pending = {name for name, seen in read_cursor(context.cursor).items() if seen.pending}
        observed, notes = observe_all(pipeline, context.instance, history, decisions, pending)
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
    pipeline: PipelineResource,
    instance: dg.DagsterInstance,
    history: History,
    decisions: Decisions,
    pending: Collection[str] = (),
) -> tuple[dict[str, Observed], list[str]]:
    """Packs as they are now: all that can be read, and for which there is time. What cannot does not stop the others.

    Args:
        pending: Model types whose change is to be answered soon: they come first, with those that changed.

    Returns the model types by name, and a line for each that cannot be read and for those that were left out.
    """
    found: dict[str, Observed] = {}
    stamps, notes = stamp_all()
    left = len(stamps)
    for name in _rota.turns(stamps, pending):
        left -= 1
        try:
            pack = read_if_changed(name, stamps[name])
            config = pipeline.config(name, pack, decisions)
            with pipeline.origins(name, config):
                found[name] = _observe(pipeline, instance, history, decisions, pack, config)
        except (PipelineError, OSError) as error:
            notes.append(f"{name}: {error}")
    if left:
        notes.append(f"{left} model types are looked at by the next tick")
    return found, notes


def stamp_all() -> tuple[dict[str, Stamp], list[str]]:
    """Model type -> what its files are like now, and a line for each pack that is no model type or cannot be had."""
    known, stamps, notes = set(model_types.get_partition_keys()), dict[str, Stamp](), list[str]()
    for name, folder in find_packs().items():
        if name not in known:
            notes.append(f"{name}: a new pack; reload the code location to make it a partition")
            continue
        try:
            stamps[name] = stamp(folder)
        except OSError as error:
            notes.append(f"{name}: {error}")
    return stamps, notes


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


def read_if_changed(name: str, stamped: Stamp) -> Pack:
    """The pack, read anew when a file of it is not as ``stamped``. An error is not remembered."""
    known = _read.get(name)
    if known is not None and known[0] == stamped:
        return known[1]
    pack = load_pack(name)
    _read[name] = stamped, pack
    return pack


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
