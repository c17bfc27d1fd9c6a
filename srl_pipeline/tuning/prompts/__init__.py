"""Method `prompt`: solved tasks in the prompt, chosen by verified pass rate, for models that nobody can tune."""

from srl_pipeline.tuning.prompts.estimate import estimate_prompt
from srl_pipeline.tuning.prompts.optimise import optimise_prompt
from srl_pipeline.tuning.prompts.records import PromptResult, PromptSearch, Trial, with_shots

__all__ = ["PromptResult", "PromptSearch", "Trial", "estimate_prompt", "optimise_prompt", "with_shots"]
