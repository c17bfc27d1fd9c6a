"""Rewards for reinforcement tuning: a pack's rules as one self-contained Python source, and as a function on AWS."""

from srl_pipeline.tuning.graders.compiled import compile_grader
from srl_pipeline.tuning.graders.proof import Comparison, GraderCase, compare, example_cases, prove_grader
from srl_pipeline.tuning.graders.reward import answer_reward, read_action, step_reward

__all__ = [
    "Comparison",
    "GraderCase",
    "answer_reward",
    "compare",
    "compile_grader",
    "example_cases",
    "prove_grader",
    "read_action",
    "step_reward",
]
