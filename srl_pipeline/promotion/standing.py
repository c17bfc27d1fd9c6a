"""What earlier decisions say about a model: why it is current, whether it was taken back. Reads, never writes."""

from __future__ import annotations

from srl_pipeline.contracts import Json
from srl_pipeline.errors import ArtifactError, PipelineError
from srl_pipeline.promotion.registered import ASSET
from srl_pipeline.registry import Alias, ArtifactStore, Decision, Decisions, StoredArtifact

ALIASES: tuple[Alias, ...] = ("candidate", "current", "previous")


def snapshot(decisions: Decisions, model_type: str) -> dict[Alias, str | None]:
    """All three aliases as they are, for `Decisions.record` to expect."""
    found = decisions.aliases(model_type)
    return {alias: found.get(alias) for alias in ALIASES}


def made_current(decisions: Decisions, model_type: str, version: str) -> Decision | None:
    """The newest decision that made a version current."""
    return next((d for d in _moves(decisions, model_type) if d.after == version), None)


def taken_back(store: ArtifactStore, decisions: Decisions, model_type: str, version: str) -> Decision | None:
    """The decision that took a model back, by a rollback or in a shadow test, unless it was made current since.

    The same weights are the same model, under whichever version they are registered. A model that was retired is not
    taken back: it went because its files were lost, not because it was bad.
    """
    weights = _weights(store, model_type, version)

    def same(other: str) -> bool:
        return other == version or (weights is not None and _weights(store, model_type, other) == weights)

    for decision in _moves(decisions, model_type):
        if decision.after and same(decision.after):
            return None
        bad = decision.kind == "shadow" or (decision.kind == "rollback" and decision.after)
        if bad and same(decision.before):
            return decision
    return None


def find_model(store: ArtifactStore, decisions: Decisions, model_type: str, name: str) -> StoredArtifact:
    """The registered model that an alias or a data version names: present, unaltered, its gates passed.

    Raises PipelineError where nothing is so called, ArtifactError or GateError where its files cannot be used.
    """
    aliases = dict(decisions.aliases(model_type))
    version = next((v for alias, v in aliases.items() if alias == name), name)
    if version in ALIASES:
        raise PipelineError(
            f"{model_type} has no model {name!r}.",
            where="aliases of registered models",
            mend=f"See `srl-pipeline models {model_type}`; a chain that ends well makes a candidate.",
        )
    if store.find(ASSET, model_type, version) is None and version not in aliases.values():
        raise ArtifactError(
            f"{model_type} has no registered model {version!r}.",
            where=str(store.root / ASSET / model_type),
            mend=f"See `srl-pipeline models {model_type}` for those that there are.",
        )
    return store.require(ASSET, model_type, version)


def _moves(decisions: Decisions, model_type: str) -> list[Decision]:
    """Decisions that changed which models are in use, newest first."""
    kinds = ("promotion", "rollback", "shadow")
    return [d for d in decisions.decisions(model_type) if d.kind in kinds and d.verdict == "change"]


def _weights(store: ArtifactStore, model_type: str, version: str) -> Json:
    """Content hashes of a registered model's weights; None where it is gone, or its manifest cannot be read."""
    try:
        found = store.find(ASSET, model_type, version) if version else None
    except ArtifactError:
        return None  # then it is known by its version alone
    return found.manifest.notes.get("weights") if found else None
