from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from srl_pipeline.config import RlvrConfig, override
from srl_pipeline.errors import PipelineError
from srl_pipeline.presets import preset
from srl_pipeline.training.journal import Journal
from srl_pipeline.training.optimization.algorithms import policy_collector, policy_trainer
from srl_pipeline.training.optimization.dpo import DpoTrainer
from srl_pipeline.training.optimization.kl_control import next_coefficient
from srl_pipeline.training.optimization.policy_stage import STATE, PolicyOutcome, _Stage
from srl_pipeline.training.optimization.ppo import PpoTrainer
from srl_pipeline.training.optimization.trainer import PolicyTrainer
from srl_pipeline.training.optimization.value_head import VALUE_HEAD
from srl_pipeline.training.rollouts.collector import Collector
from srl_pipeline.training.students.policy_weights import trainable
from srl_pipeline.training.students.student import Student

from ..outcome import OutcomeTask, Run, rlvr_config, run_outcome_stage
from ..world import LORA, adapted, adapter_weights, equal, policy_config, prompts, trained
from .test_policy_stage import Killed, at_step, kill, timeless

STEPS = 4
ADAPTIVE = {"kl_beta": 0.1, "kl_target": 1e-3, "kl_beta_max": 10.0}
LAST: dict[str, Any] = {"steps": STEPS, "validation_prompts": 0}
"""Without validation a stage leaves its last weights: nothing is chosen."""
CONFIGS = {
    "grpo with adaptive KL": rlvr_config("grpo", **LAST, max_grad_norm=1.0, **ADAPTIVE),
    "ppo": rlvr_config("ppo", **LAST, max_grad_norm=1.0),
    "ppo with adaptive KL": rlvr_config("ppo", **LAST, max_grad_norm=1.0, **ADAPTIVE),
    "dpo": rlvr_config("dpo", **LAST, max_grad_norm=1.0),
}
COLUMNS = {
    "grpo with adaptive KL": {"kl", "kl_coef", "entropy"},
    "ppo": {"policy_loss", "value_loss", "explained_variance", "clip_fraction", "entropy"},
    "ppo with adaptive KL": {"kl", "kl_coef", "value_loss", "explained_variance", "clip_fraction"},
    "dpo": {"margin", "pair_accuracy"},
}


@dataclass(frozen=True)
class Whole:
    """A stage that nothing interrupted."""

    outcome: PolicyOutcome
    last: dict[str, torch.Tensor]


def last_weights(work: Path) -> dict[str, torch.Tensor]:
    """Of the last checkpoint, the value head among them where there is one."""
    folder = work / "_checkpoints_rlvr" / f"checkpoint-{STEPS}"
    head = folder / VALUE_HEAD
    return adapter_weights(folder) | (load_file(head) if head.exists() else {})


@pytest.fixture(scope="module")
def whole(student_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Whole]:
    """Each algorithm's stage, run once."""
    done: dict[str, Whole] = {}

    def of(name: str) -> Whole:
        if name not in done:
            work = tmp_path_factory.mktemp("whole")
            outcome = run_outcome_stage(student_folder, work, CONFIGS[name])
            done[name] = Whole(outcome, last_weights(work))
        return done[name]

    return of


@pytest.mark.parametrize(("algorithm", "trainer"), [("grpo", PolicyTrainer), ("ppo", PpoTrainer), ("dpo", DpoTrainer)])
def test_the_configuration_names_the_trainer(
    student: Student, tmp_path: Path, algorithm: str, trainer: type[PolicyTrainer]
) -> None:
    assert type(Run(student, adapted(student), tmp_path, rlvr_config(algorithm)).trainer) is trainer


def test_a_stage_without_a_choice_is_grpo(student: Student, tmp_path: Path) -> None:
    config = policy_config()
    collector = policy_collector(prompts(student), OutcomeTask(), config, 5)
    made = policy_trainer(
        student, adapted(student), collector, config, output=tmp_path, seed=1, on_batch=lambda *_: None, callbacks=[]
    )
    assert (type(made), type(collector)) == (PolicyTrainer, Collector)


MOMENTS: dict[str, tuple[type, str, Callable[..., bool], bool]] = {
    "after the row of step 3": (Journal, "finish", lambda self, row: row["step"] == 3, True),
    "while the checkpoint of step 2 is written": (_Stage, "complete_checkpoint", at_step(2), False),
}


@pytest.mark.chain
@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize("name", ["grpo with adaptive KL", "ppo with adaptive KL", "dpo"])
def test_a_stage_killed_and_resumed_ends_with_the_same_weights_bit_for_bit(
    student_folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    whole: Callable[[str], Whole],
    name: str,
    moment: str,
) -> None:
    expected, config = whole(name), CONFIGS[name]
    owner, method, when, after = MOMENTS[moment]
    heal = kill(monkeypatch, owner, method, when, after=after)
    with pytest.raises(Killed):
        run_outcome_stage(student_folder, tmp_path, config)
    heal()
    torch.manual_seed(12345)  # a new process has another random state
    found = run_outcome_stage(student_folder, tmp_path, config)
    assert equal(last_weights(tmp_path), expected.last)
    assert equal(adapter_weights(found.adapter), adapter_weights(expected.outcome.adapter))
    assert timeless(found.rows) == timeless(expected.outcome.rows)
    assert (found.counts, found.metrics) == (expected.outcome.counts, expected.outcome.metrics)


@pytest.mark.parametrize("name", CONFIGS)
def test_every_step_has_one_row_and_the_columns_of_its_algorithm(whole: Callable[[str], Whole], name: str) -> None:
    rows = whole(name).outcome.rows
    assert [row["step"] for row in rows] == [1.0, 2.0, 3.0, 4.0]
    assert rows[0].keys() >= {"loss", "grad_norm", "reward", "kept_fraction", *COLUMNS[name]}
    others = set().union(*COLUMNS.values()) - COLUMNS[name] - {"policy_loss", "entropy"}
    assert not others & rows[0].keys()


@pytest.mark.parametrize("name", CONFIGS)
def test_every_algorithm_moves_the_policy_and_says_how_far(whole: Callable[[str], Whole], name: str) -> None:
    metrics = whole(name).outcome.metrics
    assert metrics["updates"] == STEPS and metrics["kl"] > 0 and metrics["canary_gap"] < 1e-4


def test_the_value_head_is_in_checkpoints_and_not_in_what_the_stage_leaves(whole: Callable[[str], Whole]) -> None:
    done = whole("ppo")
    assert done.last["weight"].any() and not (done.outcome.adapter / VALUE_HEAD).exists()


def test_ppo_keeps_checkpoints_between_batches_only(
    student_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    saved: list[int] = []
    complete = _Stage.complete_checkpoint
    monkeypatch.setattr(
        _Stage,
        "complete_checkpoint",
        lambda self, folder: saved.append(self.trainer.state.global_step) or complete(self, folder),
    )
    config = rlvr_config("ppo", steps=7, save_every=2, validation_prompts=0, ppo_updates_per_batch=3)
    run_outcome_stage(student_folder, tmp_path, config)
    assert saved == [3, 6, 7]  # 7: the stage is over


def test_before_the_first_reward_ppo_changes_nothing_and_says_so(student_folder: Path, tmp_path: Path) -> None:
    class Nothing(OutcomeTask):
        def score(self, prompt: Any, text: str) -> Any:
            return OutcomeTask(right=lambda _: False).score(prompt, text)

    outcome = run_outcome_stage(student_folder, tmp_path, rlvr_config("ppo", steps=2), Nothing())
    assert outcome.metrics["updates"] == 0 and "no weight was changed" in outcome.note


@pytest.mark.parametrize("name", ["grpo with adaptive KL", "ppo with adaptive KL"])
def test_the_coefficient_follows_the_kl_of_each_batch(whole: Callable[[str], Whole], name: str) -> None:
    rows = [row for row in whole(name).outcome.rows if "kl_coef" in row]
    config = CONFIGS[name]
    expected = [config.kl_beta]
    for row in rows[:-1]:
        expected.append(next_coefficient(expected[-1], row["kl"], target=1e-3, least=1e-4, most=10.0))
    assert [row["kl_coef"] for row in rows] == pytest.approx(expected) and len(set(expected)) > 1


def test_the_next_coefficient_lies_in_the_checkpoint(student_folder: Path, tmp_path: Path) -> None:
    config = CONFIGS["grpo with adaptive KL"].model_copy(update={"steps": 1})
    run_outcome_stage(student_folder, tmp_path, config)
    state = (tmp_path / "_checkpoints_rlvr" / "checkpoint-1" / STATE).read_text()
    assert f'"kl_coef": {0.1 * 0.9}' in state  # a new adapter is no distance away from its start


@pytest.mark.parametrize("name", CONFIGS)
def test_every_algorithm_trains_a_whole_model_as_well(student: Student, tmp_path: Path, name: str) -> None:
    model = trainable(student, LORA.model_copy(update={"tuning": "full"}), None, 3)
    before, config = trained(model), CONFIGS[name].model_copy(update={"learning_rate": 1e-4})
    run = Run(student, model, tmp_path, config).train()
    assert not equal(trained(model), before) and len(run.watch.logs) == STEPS
    assert run.trainer.kl_to_start([(g.prompt.ids, [c.ids for c in g.completions]) for g in run.kept]) > 0


def test_without_a_target_the_coefficient_stays(student: Student, tmp_path: Path) -> None:
    run = Run(student, adapted(student), tmp_path, rlvr_config("grpo", steps=3, kl_beta=0.1)).train()
    assert [row["kl_coef"] for row in run.watch.logs] == [0.1, 0.1, 0.1]


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"rlvr.kl_target": 0.02}, "kl_beta_min"),
        ({"srl.kl_target": 0.02, "srl.kl_beta": 2.0}, "kl_beta_max"),
        ({"rlvr.algorithm": "dpo", "rlvr.kl_beta": 0.1}, "dpo.beta"),
        ({"rlvr.ppo.updates_per_batch": 0}, "updates_per_batch"),
        ({"rlvr.dpo.beta": 0.0}, "dpo.beta"),
    ],
)
def test_settings_that_contradict_each_other_are_refused(values: dict[str, Any], said: str) -> None:
    with pytest.raises(PipelineError, match=said):
        override(preset("smoke"), values)


def test_passes_over_the_prompts_are_counted_in_batches_of_several_steps() -> None:
    changes: dict[str, Any] = {"epochs": 2, "prompts_per_step": 4}
    steps = {name: rlvr_config(name, **changes).in_steps(10).steps for name in ("grpo", "dpo", "ppo")}
    assert steps == {"grpo": 5, "dpo": 5, "ppo": 10}


def test_a_target_with_a_coefficient_between_the_bounds_is_accepted() -> None:
    config = override(preset("smoke"), {"rlvr.kl_beta": 0.05, "rlvr.kl_target": 0.02, "rlvr.algorithm": "ppo"})
    assert isinstance(config.rlvr, RlvrConfig) and (config.rlvr.algorithm, config.rlvr.kl_target) == ("ppo", 0.02)
