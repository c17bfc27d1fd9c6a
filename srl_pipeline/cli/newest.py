"""The artifact that a command shows: the newest of a model type, or the one that is asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from srl_pipeline.errors import ArtifactError, PipelineError

if TYPE_CHECKING:
    from srl_pipeline.registry import StoredArtifact


def newest(asset: str, model_type: str, version: str | None = None) -> StoredArtifact:
    """This version, or the newest; PipelineError for an unknown type, ArtifactError where there is none."""
    from srl_pipeline.config import home
    from srl_pipeline.model_types import find_packs
    from srl_pipeline.registry.places import open_store

    store = open_store(home())
    found = (
        store.find(asset, model_type, version) if version else next(reversed(store.versions(asset, model_type)), None)
    )
    if found:
        return found
    if model_type not in (packs := list(find_packs())):
        raise PipelineError(
            f"There is no model type {model_type!r}.",
            where="TYPE",
            mend=f"Use one of {', '.join(packs) or '(no pack found)'}.",
        )
    which = f" of version {version}" if version else ""
    raise ArtifactError(
        f"{model_type} has no {asset.replace('_', ' ')}{which}.",
        where=store.place(asset, model_type, version or "*"),
        mend=f"Materialize {asset} for {model_type} first; SRL_HOME and SRL_STORE choose where it is looked for.",
    )
