"""What to ask next: scenarios that are steered, never repeat, and come from the strategies that pay."""

from srl_pipeline.generation.drawing.codes import axis_distance, bucket_name
from srl_pipeline.generation.drawing.coverage import coverage
from srl_pipeline.generation.drawing.drawing import Drawing
from srl_pipeline.generation.drawing.duplicates import Content, DuplicateFilter, content
from srl_pipeline.generation.drawing.feedback import read_feedback
from srl_pipeline.generation.drawing.held_out import evaluation_ids, evaluation_scenarios, freeze_evaluation
from srl_pipeline.generation.drawing.outcomes import Outcome
from srl_pipeline.generation.drawing.records import Drawn, FailedEpisode, Feedback
from srl_pipeline.generation.drawing.space import count_valid

__all__ = [
    "Content",
    "Drawing",
    "Drawn",
    "DuplicateFilter",
    "FailedEpisode",
    "Feedback",
    "Outcome",
    "axis_distance",
    "bucket_name",
    "content",
    "count_valid",
    "coverage",
    "evaluation_ids",
    "evaluation_scenarios",
    "freeze_evaluation",
    "read_feedback",
]
