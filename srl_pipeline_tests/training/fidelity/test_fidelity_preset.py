"""The `paper` preset holds the text's figures."""

from __future__ import annotations

from typing import Any

import pytest

from srl_pipeline.config import PipelineConfig, override
from srl_pipeline.errors import PipelineError
from srl_pipeline.presets import preset
from srl_pipeline.training.optimization.arguments import grpo_arguments
from srl_pipeline.training.students.student import Student

FIGURES: dict[str, Any] = {
    "student.tuning": "full",  # "full fine-tuning of 7B"
    "warmup.mode": "never",  # no format warm-up in the text
    "srl.rollouts": 8,  # "8 rollouts"
    "srl.temperature": 1.0,  # "temperature 1.0"
    "srl.learning_rate": 5e-7,  # "lr 5e-7"
    "srl.prompts_per_step": 512,  # "batch 512"
    "srl.max_grad_norm": 1.0,  # "gradient norm 1.0"
    "srl.epochs": 30,  # "up to 30 epochs"
    "srl.kl_beta": 0.0,  # "no KL term"
    "srl.targets": "paper",  # "1…N−1: the last step is never a target"
    "srl.references": "one",  # "references: one (paper)"
    "srl.step_title": True,  # "the paper's footnote says it helps"
    "srl.autojunk": True,  # "the paper preset leaves Python's default"
    "srl.weights.text": 1.0,  # "the paper's pure reward": text similarity alone
    "srl.weights.fields": 0.0,
    "srl.weights.rules": 0.0,
    "srl.format_penalty": -1.0,  # "format violation → −1"
    "srl.format_advantage": "in_reward",  # no advantage term of ours for the format
    "generation.candidates": 1,  # one expert trajectory a problem
    "generation.reasoning_words": 0,  # the earlier steps are actions; the monologue is the student's
    "rlvr.algorithm": "grpo",
}
"""Setting -> value; the quotations are the design's words for what the text says."""


def value(config: PipelineConfig, name: str) -> Any:
    found: Any = config
    for part in name.split("."):
        found = getattr(found, part)
    return found


@pytest.mark.parametrize("name", FIGURES)
def test_a_figure_of_the_text_stands_in_the_preset(name: str) -> None:
    assert value(preset("paper"), name) == FIGURES[name]


def test_validation_chooses_among_the_checkpoints_of_all_epochs() -> None:
    srl = preset("paper").srl
    assert srl.validation_prompts > 0 and srl.patience == 0
    assert srl.in_steps(6 * 900).steps == 317  # 30 passes over 5,400 instances, 512 at a time


@pytest.mark.parametrize(("prompts", "steps"), [(512, 30), (513, 31), (1, 1), (5_120, 300)])
def test_epochs_are_the_steps_that_take_so_many_passes_over_the_prompts(prompts: int, steps: int) -> None:
    assert preset("paper").srl.in_steps(prompts).steps == steps


def test_without_epochs_the_steps_are_those_given() -> None:
    srl = preset("smoke").srl
    assert srl.in_steps(512) == srl


def test_a_student_of_the_users_own_is_all_that_the_preset_asks_for() -> None:
    config = override(preset("paper"), {"student.name": "/models/seven-billion"})
    assert config.student.name == "/models/seven-billion" and config.student.tuning == "full"


def test_the_objective_given_to_trl_is_the_texts(student: Student, tmp_path: Any) -> None:
    srl = preset("paper").srl
    found = grpo_arguments(srl, tmp_path, 1, srl.rollouts, srl.prompts_per_step, student)
    assert (found.loss_type, found.scale_rewards, found.beta) == ("grpo", "group", 0.0)
    assert found.epsilon == srl.clip_epsilon and found.epsilon_high in (None, srl.clip_epsilon)  # a symmetric clip
    assert found.importance_sampling_level == "token" and found.delta is None
    assert (found.learning_rate, found.max_grad_norm, found.num_generations) == (5e-7, 1.0, 8)
    assert found.per_device_train_batch_size * found.gradient_accumulation_steps == 512 * 8


def test_steps_as_small_as_the_texts_are_refused_in_a_format_that_would_round_them_away() -> None:
    with pytest.raises(PipelineError, match="bfloat16 would round"):
        override(preset("paper"), {"student.dtype": "bfloat16"})
