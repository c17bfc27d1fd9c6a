"""Load the three pins that everything downstream rests on."""

from __future__ import annotations

from dataclasses import dataclass

from srl_pipeline.contracts import Sources
from srl_pipeline.lore import load_documents
from srl_pipeline.model_types import Pack
from srl_pipeline.registry import ArtifactStore, StoredArtifact
from srl_pipeline.verification import pinned_pack


@dataclass(frozen=True)
class LoadedSources:
    """The pins as artifacts, and the pack that they describe."""

    pack: Pack
    lore_index: StoredArtifact
    teacher_model: StoredArtifact
    rule_set: StoredArtifact

    @property
    def artifacts(self) -> dict[str, StoredArtifact]:
        """Asset -> artifact."""
        return {"lore_index": self.lore_index, "teacher_model": self.teacher_model, "rule_set": self.rule_set}


def load_sources(store: ArtifactStore, model_type: str, sources: Sources) -> LoadedSources:
    """Load the pins; raises ArtifactError or GateError when one may not be used."""
    lore, teacher, rules = (
        store.require(asset, model_type, version) for asset, version in sources.model_dump().items()
    )
    return LoadedSources(pinned_pack(rules, load_documents(lore)), lore, teacher, rules)
