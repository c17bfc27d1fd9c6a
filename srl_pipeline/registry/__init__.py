"""Artifacts with manifests: what was made, from what, whether it may be used. And the ledger: what it cost."""

from srl_pipeline.registry.artifacts import ArtifactStore, StoredArtifact
from srl_pipeline.registry.builder import Built, Outcome, build_or_reuse
from srl_pipeline.registry.ledger import Account, Balance, Caps, Hold, Ledger, Nanos, dollars, nanos
from srl_pipeline.registry.sqlite_ledger import SqliteLedger
from srl_pipeline.registry.versions import artifact_version, code_version

__all__ = [
    "Account",
    "ArtifactStore",
    "Balance",
    "Built",
    "Caps",
    "Hold",
    "Ledger",
    "Nanos",
    "Outcome",
    "SqliteLedger",
    "StoredArtifact",
    "artifact_version",
    "build_or_reuse",
    "code_version",
    "dollars",
    "nanos",
]
