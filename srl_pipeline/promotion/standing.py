"""What earlier decisions say about a model: why it is current, whether it was taken back. Reads, never writes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from srl_pipeline.contracts import Json
from srl_pipeline.errors import ArtifactError, PipelineError
from srl_pipeline.promotion.registered import ASSET
from srl_pipeline.registry import Alias, ArtifactStore, Decision, Decisions, StoredArtifact

ALIASES: tuple[Alias, ...] = ("candidate", "current", "previous")
WEIGHTS = "weights"
"""Where the evidence of a decision keeps version -> content hashes of the weights it was about."""
BY_HAND = "by_hand"
FILES_LOST = "files_lost"


def snapshot(decisions: Decisions, model_type: str) -> dict[Alias, str | None]:
    """All three aliases as they are, for `Decisions.record` to expect."""
    found = decisions.aliases(model_type)
    return {alias: found.get(alias) for alias in ALIASES}


def made_current(decisions: Decisions, model_type: str, version: str) -> Decision | None:
    """The newest decision that made a version current."""
    return next((d for d in _moves(decisions, model_type) if d.after == version), None)


def taken_back(store: ArtifactStore, decisions: Decisions, model_type: str, version: str) -> Decision | None:
    """The decision that took a model back, unless it was made current since.

    That is a rollback, a shadow test, a person who promoted another one over it, or its retirement while its files
    were there: where they were lost, it went because of that and may return. The same weights are the same model, under
    whichever version they are registered, also when the files of that version are gone by now.
    """
    known = _kept_weights(decisions.decisions(model_type))

    def of(other: str) -> Json:
        return known[other] if other in known else _stored_weights(store, model_type, other)

    weights = of(version)

    def same(other: str) -> bool:
        return other == version or (weights is not None and of(other) == weights)

    for decision in _moves(decisions, model_type):
        if decision.after and same(decision.after):
            return None
        if decision.before and _takes_back(decision) and same(decision.before):
            return decision
    return None


def by_hand(decision: Decision) -> bool:
    """A person promoted."""
    return decision.kind == "promotion" and decision.evidence.get(BY_HAND) is True


def last_move(decisions: Decisions, model_type: str) -> int:
    """Number of the newest decision that changed which models are in use; 0 for none."""
    return next((d.id for d in _moves(decisions, model_type)), 0)


def weights_evidence(store: ArtifactStore, model_type: str, *versions: str) -> dict[str, Json]:
    """For the evidence of a decision: the weights of these versions, so that they are known when files are gone."""
    found = {version: _stored_weights(store, model_type, version) for version in versions if version}
    return {WEIGHTS: {version: weights for version, weights in found.items() if weights is not None}}


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
            where=store.place(ASSET, model_type, version),
            mend=f"See `srl-pipeline models {model_type}` for those that there are.",
        )
    return store.require(ASSET, model_type, version)


def _moves(decisions: Decisions, model_type: str) -> list[Decision]:
    """Decisions that changed which models are in use, newest first."""
    kinds = ("promotion", "rollback", "shadow")
    return [d for d in decisions.decisions(model_type) if d.kind in kinds and d.verdict == "change"]


def _takes_back(decision: Decision) -> bool:
    if decision.kind == "promotion":
        return by_hand(decision)
    return decision.kind == "shadow" or bool(decision.after) or decision.evidence.get(FILES_LOST) is not True


def _kept_weights(decided: Sequence[Decision]) -> dict[str, Json]:
    """Version -> weights, as decisions kept them."""
    found: dict[str, Json] = {}
    for decision in decided:
        kept = decision.evidence.get(WEIGHTS)
        found |= kept if isinstance(kept, Mapping) else {}
    return found


def _stored_weights(store: ArtifactStore, model_type: str, version: str) -> Json:
    """Content hashes of a registered model's weights; None where it is gone, or its manifest cannot be read."""
    try:
        found = store.find(ASSET, model_type, version)
    except ArtifactError:
        return None  # then it is known by its version alone
    return found.manifest.notes.get("weights") if found else None
