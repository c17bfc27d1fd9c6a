"""What all launchers ask first: whether the artifact is made already."""

from __future__ import annotations

import dagster as dg

from srl_pipeline.contracts import StageRequest
from srl_pipeline.registry import ArtifactStore, Built


def made_already(context: dg.AssetExecutionContext, store: ArtifactStore, request: StageRequest) -> Built | None:
    """The artifact that ``request`` names, if it is there and passed its gates; then nothing is to be started."""
    names = (request.stage, request.model_type, request.data_version)
    found = store.find(*names)
    if found is None or found.manifest.failed_gates:
        return None
    context.log.info(f"{label(request)}: unchanged, nothing recomputed")
    return Built(store.require(*names), reused=True)


def label(request: StageRequest) -> str:
    """An artifact's name in logs."""
    return f"{request.stage}[{request.model_type}] {request.data_version}"
