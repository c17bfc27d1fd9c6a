"""Build an artifact, or find that it is already there."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from srl_pipeline.clock import StopWatch, now_iso
from srl_pipeline.contracts import Gate, Manifest
from srl_pipeline.registry.artifacts import ArtifactStore, StoredArtifact, disk_errors
from srl_pipeline.registry.versions import artifact_version

log = logging.getLogger("srl_pipeline")


@dataclass(frozen=True)
class Outcome:
    """What making an artifact yielded besides its files."""

    metrics: dict[str, float]
    gates: list[Gate]
    cost_usd: float = 0.0
    notes: dict[str, Any] = field(default_factory=dict[str, Any])


@dataclass(frozen=True)
class Built:
    """An artifact and whether this call made it."""

    artifact: StoredArtifact
    reused: bool

    @property
    def manifest(self) -> Manifest:
        return self.artifact.manifest


def build_or_reuse(
    store: ArtifactStore,
    asset: str,
    model_type: str,
    *,
    inputs: Mapping[str, StoredArtifact],
    config: dict[str, Any],
    code: str,
    make: Callable[[Path], Outcome],
    seeds: dict[str, int] | None = None,
    data_version: str | None = None,
) -> Built:
    """Return the committed artifact for these inputs, or call ``make(work_folder)`` and commit what it wrote.

    ``data_version`` is given for pins, whose version is the hash of their content. An artifact with a failed gate is
    made again.
    """
    versions = {name: artifact.data_version for name, artifact in sorted(inputs.items())}
    version = data_version or artifact_version(asset, versions, config, code)
    found = store.find(asset, model_type, version)
    if found and not found.manifest.failed_gates:
        log.info("%s[%s] %s: unchanged, nothing recomputed", asset, model_type, version)
        return Built(store.require(asset, model_type, version), reused=True)
    log.info("%s[%s] %s: building", asset, model_type, version)
    watch = StopWatch()
    work = store.work_folder(asset, model_type, version)
    with disk_errors(work):
        outcome = make(work)
    manifest = Manifest(
        asset=asset,
        model_type=model_type,
        data_version=version,
        inputs=versions,
        config=config,
        seeds=seeds or {},
        code_version=code,
        created_at=now_iso(),
        seconds=round(watch.seconds, 3),
        gates=outcome.gates,
        metrics=outcome.metrics,
        cost_usd=outcome.cost_usd,
        digests={},
        notes=outcome.notes,
    )
    return Built(store.commit(work, manifest), reused=False)
