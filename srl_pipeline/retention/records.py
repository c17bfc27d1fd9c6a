"""What a cleaning is planned by and what it tells."""

from __future__ import annotations

from typing import NamedTuple

from pydantic import Field

from srl_pipeline.contracts import Manifest, Record


class Node(NamedTuple):
    """An artifact of the model type that is looked at."""

    asset: str
    version: str


class Plan(NamedTuple):
    """What stays, and why; what goes, in an order in which nothing goes before what rests on it."""

    kept: dict[Node, list[str]]
    removed: list[Node]


class KeptArtifact(Record):
    """An artifact that stays."""

    asset: str
    data_version: str
    created_at: str
    bytes: int
    why: list[str] = Field(min_length=1, description="Sentences' ends for people: it is kept because it is …")


class RemovedArtifact(Record):
    """An artifact that nothing needs."""

    asset: str
    data_version: str
    created_at: str = Field(description="Empty for files that have no manifest.")
    bytes: int


class Leftover(Record):
    """A file or folder of this machine that is no artifact and that nobody is at work on."""

    path: str
    bytes: int
    why: str


class Cleaning(Record):
    """One cleaning of a model type: what it removed, or would remove."""

    model_type: str
    deleted: bool = Field(description="Whether it was done; else it was only looked at.")
    keep: int
    keep_days: float
    kept: list[KeptArtifact]
    removed: list[RemovedArtifact]
    leftovers: list[Leftover]

    @property
    def kept_bytes(self) -> int:
        """Size of what stays."""
        return sum(one.bytes for one in self.kept)

    @property
    def removed_bytes(self) -> int:
        """Size of what goes, leftovers with it."""
        return sum(one.bytes for one in [*self.removed, *self.leftovers])


def node_of(manifest: Manifest) -> Node:
    """Where a manifest stands."""
    return Node(manifest.asset, manifest.data_version)
