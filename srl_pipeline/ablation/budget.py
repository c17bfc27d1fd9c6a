"""The same token budget for every arm: how a stage is told, and the least that makes sense. Pure.

A token counts when it is generated for training and again when it is trained on. SFT generates none and trains all.
"""

from __future__ import annotations

import math
from typing import TypeVar

from srl_pipeline.ablation.plan import Arm
from srl_pipeline.config import PipelineConfig, PolicyConfig, SrlConfig, WarmupConfig
from srl_pipeline.errors import PipelineError

_Policy = TypeVar("_Policy", bound=PolicyConfig)


def within(config: _Policy, tokens: int) -> _Policy:
    """A stage that the token budget alone ends, and whose last weights are what it leaves.

    Validation and samples for a report generate tokens that nobody counts: they are switched off. Every completion has
    at least one token, so that the number of steps is never what ends the stage.
    """
    batches = math.ceil(tokens / (config.prompts_per_step * config.rollouts))
    return config.model_copy(
        update={
            "steps": batches * config.updates_per_batch,
            "epochs": 0,
            "token_budget": tokens,
            "time_budget_seconds": 0.0,
            "cost_budget_usd": 0.0,
            "patience": 0,
            "validation_prompts": 0,
            "step_samples": 0,
        }
    )


def sft_within(config: WarmupConfig, tokens: int, answer_tokens: float) -> WarmupConfig:
    """The warm-up's trainer with as many steps as train ``tokens``, at so many tokens an answer; rounded up."""
    return config.model_copy(update={"steps": math.ceil(tokens / (config.batch_size * answer_tokens))})


def holistic_config(config: PipelineConfig) -> SrlConfig:
    """SRL's settings with the room and the refills of a whole episode.

    The filter's bound is the default one: a preset's may be chosen for its composite step reward, and the text
    similarity of whole artefacts differs far less.
    """
    update = {
        "max_tokens": config.rlvr.max_tokens,
        "max_resamples": config.rlvr.max_resamples,
        "std_epsilon": SrlConfig().std_epsilon,
    }
    return config.srl.model_copy(update=update)


def shares(config: PipelineConfig) -> tuple[int, int]:
    """What SRL and what RLVR may spend of the budget where one follows the other."""
    total = config.ablation.token_budget
    first = round(total * config.ablation.srl_share)
    return first, total - first


def refuse_too_small(config: PipelineConfig, arms: list[Arm], answer_tokens: float, steps: int) -> None:
    """Raise PipelineError when an arm's budget does not last for its first batch.

    Args:
        arms: Trained ones.
        answer_tokens: Mean tokens of the expert's whole answers, which a batch is reckoned with.
        steps: Steps of an answer.
    """

    def batch(policy: PolicyConfig, tokens: float) -> float:
        return policy.prompts_per_step * policy.rollouts * tokens

    total, share = config.ablation.token_budget, config.ablation.srl_share
    srl, rlvr = batch(config.srl, answer_tokens / steps), batch(config.rlvr, answer_tokens)
    least: dict[Arm, float] = {
        "sft": config.warmup.batch_size * answer_tokens,
        "rlvr": rlvr,
        "holistic": batch(config.srl, answer_tokens),
        "srl": srl,
        "srl_rlvr": max(srl / share, rlvr / (1 - share)),
    }
    needs = [(least[arm], arm) for arm in arms]
    most, arm = max(needs, default=(0.0, ""))
    if total < most:
        raise PipelineError(
            f"A budget of {total:,} tokens does not last for the first batch of {arm}: that takes about {most:,.0f}.",
            where="ablation.token_budget",
            mend="Raise --budget, or lower srl.prompts_per_step, rlvr.prompts_per_step or their rollouts.",
        )
