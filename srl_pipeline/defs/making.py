"""From a Dagster step to a domain builder and back: versions in, a materialization with its checks out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dagster as dg

from srl_pipeline.auditing import note_configuration, seen_by
from srl_pipeline.clock import now_iso
from srl_pipeline.config import PipelineConfig
from srl_pipeline.contracts import Sources
from srl_pipeline.defs.checks import check_results
from srl_pipeline.defs.graph import INPUTS, PINS, TUNING_INPUTS
from srl_pipeline.defs.resources import PipelineResource
from srl_pipeline.errors import ArtifactError, PipelineError
from srl_pipeline.launchers.lock import exclusive
from srl_pipeline.model_types import Pack, load_pack
from srl_pipeline.registry import ArtifactStore, Built, StoredArtifact, entry_of

DATA_VERSION = "dagster/data_version"
PARTITION = "dagster/partition"
TRIGGER = "srl/trigger"
"""Run tag: what started the run."""
TUNING_JOB = "srl/tuning_job"
"""Run tag: key of the tuning job whose next steps the run takes."""
UNCHANGED = "unchanged, nothing recomputed"


@dataclass(frozen=True)
class Making:
    """What a builder is given: where to store, the pack as it is now, configuration and inputs."""

    context: dg.AssetExecutionContext
    asset: str
    model_type: str
    store: ArtifactStore
    pack: Pack
    config: PipelineConfig

    def inputs(self) -> dict[str, str]:
        """Upstream asset -> data version of its latest materialization."""
        return {name: self.version(name) for name in (INPUTS | TUNING_INPUTS)[self.asset]}

    def sources(self) -> Sources:
        """The three pins."""
        return Sources(**{name: self.version(name) for name in PINS})

    def version(self, asset: str) -> str:
        """The latest data version of an upstream asset; raises ArtifactError when there is none."""
        found = latest_version(self.context.instance, asset, self.model_type)
        if found is None:
            raise ArtifactError(
                f"{asset}[{self.model_type}] was never materialized.",
                where=f"Dagster's history, asked by {self.asset}",
                mend=f"Materialize {asset} for {self.model_type} first, or run the job 'regenerate'.",
            )
        return found

    def artifact(self, asset: str) -> StoredArtifact:
        """The latest artifact of an upstream asset: present, unaltered, its gates passed."""
        return self.store.require(asset, self.model_type, self.version(asset))

    def previous(self) -> StoredArtifact | None:
        """This asset's own latest artifact, if it is there and passed its gates."""
        version = latest_version(self.context.instance, self.asset, self.model_type)
        found = self.store.find(self.asset, self.model_type, version) if version else None
        return found if found and not found.manifest.failed_gates else None


def latest_version(instance: dg.DagsterInstance, asset: str, model_type: str) -> str | None:
    """The data version of the newest materialization in Dagster's event log: that is what 'latest' means."""
    query = dg.AssetRecordsFilter(asset_key=dg.AssetKey(asset), asset_partitions=[model_type])
    for record in instance.fetch_materializations(query, limit=1).records:
        if record.asset_materialization and record.asset_materialization.tags:
            return record.asset_materialization.tags.get(DATA_VERSION)
    return None


def making_of(context: dg.AssetExecutionContext, pipeline: PipelineResource) -> Making:
    """What a step is to make; raises PipelineError for a pack or a setting that cannot be used."""
    model_type = context.partition_key
    pack = load_pack(model_type)
    config = pipeline.config(model_type, pack)
    return Making(context, context.asset_key.path[-1], model_type, pipeline.store(), pack, config)


def materialize(
    context: dg.AssetExecutionContext,
    pipeline: PipelineResource,
    make: Callable[[Making], Built],
    show: Callable[[StoredArtifact], Mapping[str, Any]] = lambda artifact: {},
) -> dg.MaterializeResult:
    """Build the step's asset with ``make``, or find it; ``show`` adds metadata."""
    with pipeline_errors():
        making = making_of(context, pipeline)
        name = f"{making.asset}[{making.model_type}]"
        lock = making.store.root / "_locks" / f"{making.asset}-{making.model_type}.lock"
        _note_configuration(pipeline, making)
        with exclusive(lock, lambda: context.log.info(f"Another process is making {name}: waiting")):
            with pipeline.origins(making.model_type, making.config):
                built = make(making)
            _remember(pipeline, built, context.run.tags.get(TRIGGER, "manual"))
        return result(context, built, show(built.artifact))


def _note_configuration(pipeline: PipelineResource, making: Making) -> None:
    """A change of configuration is kept by the first step that runs with it."""
    seen = seen_by(making.config, making.pack, Path.cwd())
    with pipeline.decisions() as decisions:
        note_configuration(decisions, making.model_type, seen, making.config, at=now_iso())


def _remember(pipeline: PipelineResource, built: Built, trigger: str) -> None:
    """Enter an artifact into the history; one that is in it, or that a crash kept out of it, alike."""
    with pipeline.history() as history:
        history.append(entry_of(built.manifest, trigger=trigger))


def result(context: dg.AssetExecutionContext, built: Built, more: Mapping[str, Any]) -> dg.MaterializeResult:
    """The materialization of a built or found artifact. Figures are flat floats: Dagster plots those over time."""
    manifest = built.manifest
    state = UNCHANGED if built.reused else f"built in {manifest.seconds:.1f} s"
    context.log.info(f"{manifest.asset}[{manifest.model_type}] {manifest.data_version}: {state}")
    return dg.MaterializeResult(
        data_version=dg.DataVersion(manifest.data_version),
        metadata={
            "result": state,
            **more,  # reports and tables first: what a person looks for
            "reused": built.reused,
            "data_version": manifest.data_version,
            "uri": dg.MetadataValue.url(built.artifact.path.as_uri()),
            "seconds": float(manifest.seconds),
            "cost_usd": float(manifest.cost_usd),
            **{name: float(value) for name, value in manifest.metrics.items()},
        },
        check_results=check_results(manifest.asset, manifest.gates),
    )


@contextmanager
def pipeline_errors() -> Iterator[None]:
    """Show a PipelineError as it was written. It is never retried: the same step would fail in the same way."""
    try:
        yield
    except PipelineError as error:
        metadata = {"what": error.what, "where": error.where, "mend": error.mend}
        raise dg.Failure(description=str(error), metadata=metadata, allow_retries=False) from error
