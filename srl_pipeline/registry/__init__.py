"""What is kept: artifacts with manifests, the ledger of money, the history of figures, decisions with reasons."""

from srl_pipeline.registry.actor import NOT_RECORDED, actor
from srl_pipeline.registry.artifacts import ArtifactStore, StoredArtifact
from srl_pipeline.registry.builder import Built, Outcome, build_or_reuse
from srl_pipeline.registry.decided import clear_setting, decided_settings, origin
from srl_pipeline.registry.decisions import Alias, Alternative, Conflict, Decision, Decisions, Kind
from srl_pipeline.registry.history import Entry, History, entry_of
from srl_pipeline.registry.ledger import Account, Balance, Caps, Charge, Hold, Ledger, Nanos, dollars, nanos
from srl_pipeline.registry.sqlite_decisions import DECISIONS, SqliteDecisions
from srl_pipeline.registry.sqlite_history import HISTORY, SqliteHistory
from srl_pipeline.registry.sqlite_ledger import LEDGER, SqliteLedger
from srl_pipeline.registry.versions import artifact_version, code_version

__all__ = [
    "DECISIONS",
    "HISTORY",
    "LEDGER",
    "NOT_RECORDED",
    "Account",
    "Alias",
    "Alternative",
    "ArtifactStore",
    "Balance",
    "Built",
    "Caps",
    "Charge",
    "Conflict",
    "Decision",
    "Decisions",
    "Entry",
    "History",
    "Hold",
    "Kind",
    "Ledger",
    "Nanos",
    "Outcome",
    "SqliteDecisions",
    "SqliteHistory",
    "SqliteLedger",
    "StoredArtifact",
    "actor",
    "artifact_version",
    "build_or_reuse",
    "clear_setting",
    "code_version",
    "decided_settings",
    "dollars",
    "entry_of",
    "nanos",
    "origin",
]
