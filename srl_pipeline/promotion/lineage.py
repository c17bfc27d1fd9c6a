"""Where a registered model comes from: every artifact between the teacher's calls and its weights, and their money.

A lineage follows the inputs that made the weights. It does not follow `weaknesses`: they rest on an evaluation of the
model before, whose own past would be told again in every model after it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path

from pydantic import Field, ValidationError

from srl_pipeline.canonical import digest
from srl_pipeline.contracts import Gate, Manifest, Record
from srl_pipeline.errors import ArtifactError
from srl_pipeline.registry import ArtifactStore, StoredArtifact

FILE = "lineage.json"
NOT_FOLLOWED = frozenset({"weaknesses", "current_evaluation", "registered_model"})


class Made(Record):
    """One artifact upstream of the weights."""

    asset: str
    data_version: str
    inputs: dict[str, str]
    code_version: str
    config_digest: str
    seeds: dict[str, int]
    gates: list[Gate] = Field(description="Without their messages.")
    created_at: str
    seconds: float
    cost_usd: float


class TeacherOrigin(Record):
    """Who taught, under which terms, and what its answers cost."""

    name: str
    version: str
    kind: str
    model: str = Field(description="The vendor's name of the model; of a local one the folder's name; may be empty.")
    vendor: str
    training_allowed: bool | None = Field(description="By its terms; None where it has none, as the teacher 'search'.")
    terms_source: str
    terms_as_of: str
    calls: int | None = Field(description="Calls answered, cached ones included; None where it is not asked by calls.")
    input_tokens: int
    output_tokens: int
    usd: float = Field(description="Money of all attempts at this generation.")


class Base(Record):
    """The student that was trained, before it was."""

    name: str
    identity: str = Field(description="Content hash of its configuration and weights; empty where it is not known.")


class Lineage(Record):
    """All of it."""

    model_type: str
    weights: dict[str, str] = Field(description="File of trained weights -> content hash.")
    base: Base
    teacher: TeacherOrigin
    rule_set: str
    lore_index: str
    evaluation_version: int
    kl: float | None = Field(description="Mean KL a token of RLVR to its start; None: not measured.")
    artifacts: list[Made] = Field(description="None comes before what it rests on.")
    cost_usd: float
    seconds: float

    def made(self, asset: str) -> Made | None:
        """The artifact of an asset, if it is part of the lineage."""
        return next((m for m in self.artifacts if m.asset == asset), None)


def trace(store: ArtifactStore, model_type: str, inputs: Mapping[str, str]) -> list[Manifest]:
    """The manifests of ``inputs`` (asset -> data version) and of all that they rest on, upstream first.

    Raises ArtifactError where one of them is gone: a lineage with a hole is none.
    """
    found: dict[tuple[str, str], Manifest] = {}

    def visit(asset: str, version: str) -> None:
        if (asset, version) in found:
            return
        artifact = store.find(asset, model_type, version)
        if artifact is None:
            raise ArtifactError(
                f"{asset} {version} is gone, so it cannot be told where the model comes from.",
                where=store.place(asset, model_type, version),
                mend=f"Materialize {asset} for {model_type} again.",
            )
        if asset not in NOT_FOLLOWED:
            for upstream, of_version in sorted(artifact.manifest.inputs.items()):
                visit(upstream, of_version)
        found[asset, version] = artifact.manifest

    for asset, version in sorted(inputs.items()):
        visit(asset, version)
    return list(found.values())


def made_of(manifests: Iterable[Manifest]) -> list[Made]:
    """What a lineage keeps of manifests: no notes, no settings and no messages, which may name places."""
    return [
        Made(
            asset=m.asset,
            data_version=m.data_version,
            inputs=m.inputs,
            code_version=m.code_version,
            config_digest=digest(m.config),
            seeds=m.seeds,
            gates=[g.model_copy(update={"message": ""}) for g in m.gates],
            created_at=m.created_at,
            seconds=m.seconds,
            cost_usd=m.cost_usd,
        )
        for m in manifests
    ]


def teacher_origin(pin: StoredArtifact, trajectories: StoredArtifact) -> TeacherOrigin:
    """The teacher that a pin names, and what its answers to a generation cost. No endpoint and no credential."""
    from srl_pipeline.generation.data_card import read_card
    from srl_pipeline.teachers.catalog import Terms
    from srl_pipeline.teachers.pin import FILE as PIN
    from srl_pipeline.teachers.pin import pinned_teacher

    ref = pinned_teacher(pin)
    entry = json.loads((pin.path / PIN).read_bytes())["entry"]
    kind, model = str(entry["kind"]), str(entry.get("model") or "")
    terms = Terms.model_validate(entry["terms"]) if entry.get("terms") else None
    cost = read_card(trajectories.path).cost
    return TeacherOrigin(
        name=ref.name,
        version=ref.version,
        kind=kind,
        model=Path(model).name if kind == "transformers" else model,  # a folder of this machine
        vendor=str(entry.get("vendor") or kind),
        training_allowed=terms.training_allowed if terms else None,
        terms_source=terms.source if terms else "",
        terms_as_of=terms.as_of.isoformat() if terms else "",
        calls=cost.calls if cost else None,
        input_tokens=cost.input_tokens if cost else 0,
        output_tokens=cost.output_tokens if cost else 0,
        usd=cost.usd if cost else 0.0,
    )


def read_lineage(folder: Path) -> Lineage:
    """The lineage of a registered model; raises ArtifactError when it is missing or not readable."""
    file = folder / FILE
    try:
        return Lineage.model_validate_json(file.read_bytes())
    except (FileNotFoundError, ValidationError) as error:
        raise ArtifactError(
            "There is no lineage that can be read.", where=str(file), mend="Materialize registered_model again."
        ) from error
