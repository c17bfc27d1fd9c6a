"""The `tuning_dataset` asset: verified trajectories as neutral examples, cleaned, with a card."""

from __future__ import annotations

from srl_pipeline.tuning.dataset.build import build_tuning_dataset
from srl_pipeline.tuning.dataset.cleaning import clean
from srl_pipeline.tuning.dataset.files import EXAMPLES, read_card, read_examples
from srl_pipeline.tuning.dataset.page import dataset_page
from srl_pipeline.tuning.dataset.records import DatasetCard, Finding, Longest, Sizes, StepCount

__all__ = [
    "EXAMPLES",
    "DatasetCard",
    "Finding",
    "Longest",
    "Sizes",
    "StepCount",
    "build_tuning_dataset",
    "clean",
    "dataset_page",
    "read_card",
    "read_examples",
]
