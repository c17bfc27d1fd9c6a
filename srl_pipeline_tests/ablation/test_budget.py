"""The same budget for every arm, and the least of it."""

from __future__ import annotations

import pytest

from srl_pipeline.ablation.budget import holistic_config, refuse_too_small, sft_within, shares, within
from srl_pipeline.ablation.plan import TRAINED, Arm
from srl_pipeline.config import PipelineConfig, PpoConfig, RlvrConfig, SrlConfig, WarmupConfig, override
from srl_pipeline.errors import PipelineError
from srl_pipeline.presets import preset


def config(budget: int, **changes: float) -> PipelineConfig:
    """Batches of 2 prompts with 4 rollouts, and of 4 transcripts."""
    dotted = {name.replace("__", "."): value for name, value in changes.items()}
    return override(preset("smoke"), {"ablation.token_budget": budget} | dotted)


def test_nothing_but_the_tokens_ends_a_stage() -> None:
    given = SrlConfig(
        epochs=3, patience=2, time_budget_seconds=9.0, cost_budget_usd=1.0, prompts_per_step=2, rollouts=5
    )
    stage = within(given, 1000)
    assert stage.token_budget == 1000
    assert (stage.epochs, stage.patience, stage.time_budget_seconds, stage.cost_budget_usd) == (0, 0, 0.0, 0.0)
    assert stage.steps * stage.prompts_per_step * stage.rollouts >= 1000  # were every completion a single token


def test_ppo_takes_several_steps_a_batch_and_still_has_enough() -> None:
    given = RlvrConfig(algorithm="ppo", ppo=PpoConfig(updates_per_batch=3), prompts_per_step=2, rollouts=5)
    assert within(given, 1000).steps == 300


def test_no_token_is_generated_outside_the_budget() -> None:
    stage = within(SrlConfig(), 1000)
    assert (stage.validation_prompts, stage.step_samples) == (0, 0)


def test_what_the_preset_says_of_the_algorithm_stays() -> None:
    given = SrlConfig(learning_rate=3e-3, kl_beta=0.1, std_epsilon=0.3)
    stage = within(given, 10)
    assert (stage.learning_rate, stage.kl_beta, stage.std_epsilon) == (3e-3, 0.1, 0.3)


def test_sft_takes_as_many_steps_as_train_the_budget_rounded_up() -> None:
    assert sft_within(WarmupConfig(batch_size=4), 1001, answer_tokens=50.0).steps == 6


def test_a_holistic_action_has_the_room_and_the_refills_of_an_episode() -> None:
    given = preset("embedded")
    found = holistic_config(given)
    assert (found.max_tokens, found.max_resamples) == (given.rlvr.max_tokens, given.rlvr.max_resamples)
    assert found.learning_rate == given.srl.learning_rate


def test_a_bound_chosen_for_the_composite_step_reward_does_not_filter_whole_solutions() -> None:
    assert preset("embedded").srl.std_epsilon != SrlConfig().std_epsilon
    assert holistic_config(preset("embedded")).std_epsilon == SrlConfig().std_epsilon


def test_the_shares_of_srl_and_rlvr_are_the_whole() -> None:
    assert shares(config(1001, ablation__srl_share=0.25)) == (250, 751)


@pytest.mark.parametrize(
    ("arm", "least"), [("sft", 400), ("rlvr", 800), ("holistic", 800), ("srl", 160), ("srl_rlvr", 1600)]
)
def test_a_budget_below_the_first_batch_is_refused(arm: Arm, least: int) -> None:
    refuse_too_small(config(least), [arm], answer_tokens=100.0, steps=5)
    with pytest.raises(PipelineError, match=f"first batch of {arm}: that takes about {least:,}"):
        refuse_too_small(config(least - 1), [arm], answer_tokens=100.0, steps=5)


def test_the_neediest_arm_is_named() -> None:
    with pytest.raises(PipelineError, match="first batch of srl_rlvr"):
        refuse_too_small(config(100), list(TRAINED), answer_tokens=100.0, steps=5)


def test_a_share_that_rounds_to_nothing_is_refused() -> None:
    with pytest.raises(PipelineError, match="srl_rlvr"):
        refuse_too_small(config(1000, ablation__srl_share=1e-6), ["srl_rlvr"], answer_tokens=1.0, steps=1)
