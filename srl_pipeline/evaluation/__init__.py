"""Evaluation: from measured episodes to statistics, a report, a leaderboard. Importing it loads no torch."""

from srl_pipeline.evaluation.leaderboard import LeaderboardRow, LeaderboardStage, leaderboard, leaderboard_markdown
from srl_pipeline.evaluation.report import (
    find_steps_page,
    markdown_with_inline_plots,
    read_results,
    read_summary,
    write_report,
)
from srl_pipeline.evaluation.results import Episode, EvaluationResults, StageResult, TrainingSummary
from srl_pipeline.evaluation.statistics import Estimate, Paired, mcnemar_exact, mean, paired, wilson
from srl_pipeline.evaluation.summary import Comparison, StageSummary, Summary, TrainingFigures, summarise
from srl_pipeline.evaluation.wording import sentences

__all__ = [
    "Comparison",
    "Episode",
    "Estimate",
    "EvaluationResults",
    "LeaderboardRow",
    "LeaderboardStage",
    "Paired",
    "StageResult",
    "StageSummary",
    "Summary",
    "TrainingFigures",
    "TrainingSummary",
    "find_steps_page",
    "leaderboard",
    "leaderboard_markdown",
    "markdown_with_inline_plots",
    "mcnemar_exact",
    "mean",
    "paired",
    "read_results",
    "read_summary",
    "sentences",
    "summarise",
    "wilson",
    "write_report",
]
