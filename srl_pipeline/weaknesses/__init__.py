"""What a model is bad at: weak slices of the held-out set, regressions against the promoted model, alarms."""

from srl_pipeline.weaknesses.artifact import build_weaknesses, read_weaknesses
from srl_pipeline.weaknesses.page import weaknesses_markdown
from srl_pipeline.weaknesses.records import Condition, Figure, Part, Regression, Weakness, Weaknesses

__all__ = [
    "Condition",
    "Figure",
    "Part",
    "Regression",
    "Weakness",
    "Weaknesses",
    "build_weaknesses",
    "read_weaknesses",
    "weaknesses_markdown",
]
