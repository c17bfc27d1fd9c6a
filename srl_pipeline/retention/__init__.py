"""What of the artifacts stays and what is removed: everything that a model in use rests on stays."""

from srl_pipeline.retention.cleaning import clean, look
from srl_pipeline.retention.planning import plan
from srl_pipeline.retention.records import Cleaning, KeptArtifact, Leftover, Node, Plan, RemovedArtifact

__all__ = ["Cleaning", "KeptArtifact", "Leftover", "Node", "Plan", "RemovedArtifact", "clean", "look", "plan"]
