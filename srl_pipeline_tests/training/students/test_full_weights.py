from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM, AutoTokenizer, LlamaConfig, LlamaForCausalLM

from srl_pipeline.config import PipelineConfig
from srl_pipeline.errors import TrainingError
from srl_pipeline.training.optimization.policy_stage import _Stage
from srl_pipeline.training.optimization.trainer import PolicyTrainer
from srl_pipeline.training.rollouts.collector import Collector
from srl_pipeline.training.students import student as student_module
from srl_pipeline.training.students.full_weights import WEIGHTS
from srl_pipeline.training.students.policy_weights import (
    at_start,
    difference,
    load_trained,
    reload_problem,
    restore,
    save,
    trainable,
    weights_file,
)
from srl_pipeline.training.students.student import Student, load_student
from srl_pipeline.training.warmup import run_warmup

from ..room import SOLUTIONS, Writer, warmup_config
from ..stage import STEPS, run_stage
from ..world import FULL, LORA, LetterTask, equal, load, policy_config, prompts, trained

EMBEDDINGS = {"model.embed_tokens.weight", "lm_head.weight"}
IDS = torch.tensor([[1, 2, 3, 4, 5]])


def full(student: Student, start: Path | None = None) -> Any:
    return trainable(student, FULL, start, 1)


def shaken(model: Any, size: float = 0.05) -> Any:
    generator = torch.Generator().manual_seed(6)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.requires_grad:
                parameter += torch.randn(parameter.shape, generator=generator) * size
    return model


@pytest.fixture(scope="module")
def tied_folder(student_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The random student with one matrix for input and output, as small models have it."""
    folder = tmp_path_factory.mktemp("students") / "tied-64"
    config = LlamaConfig.from_pretrained(student_folder, tie_word_embeddings=True)
    torch.manual_seed(5)
    LlamaForCausalLM(config).save_pretrained(folder)
    AutoTokenizer.from_pretrained(student_folder).save_pretrained(folder)
    return folder


@pytest.fixture(params=["untied", "tied"])
def any_folder(request: pytest.FixtureRequest, student_folder: Path, tied_folder: Path) -> Path:
    return tied_folder if request.param == "tied" else student_folder


@pytest.fixture
def folder(any_folder: Path, tmp_path: Path) -> Path:
    """What a stage of full tuning left."""
    student = load(any_folder)
    save(shaken(full(student)), student, tmp_path / "trained")
    return tmp_path / "trained"


def test_every_weight_is_trainable_but_for_the_embeddings(any_folder: Path) -> None:
    model = full(load(any_folder))
    frozen = {name for name, p in model.named_parameters() if not p.requires_grad}
    assert frozen and frozen <= EMBEDDINGS and len(trained(model)) > 10


def test_a_step_changes_every_weight_but_the_embeddings(any_folder: Path, tmp_path: Path) -> None:
    before = load(any_folder).model.state_dict()
    outcome = run_stage(any_folder, tmp_path, model_of=full, steps=1, learning_rate=1e-3, max_resamples=9)
    after = load_file(outcome.adapter / WEIGHTS)
    assert {name for name, tensor in after.items() if torch.equal(tensor, before[name])} == after.keys() & EMBEDDINGS


def test_what_is_saved_is_a_model_that_transformers_loads_as_it_is(any_folder: Path, folder: Path) -> None:
    loaded, student = AutoModelForCausalLM.from_pretrained(folder), load(any_folder)
    with torch.no_grad():
        found = loaded(IDS).logits
        assert torch.equal(found, load_trained(student, folder)(IDS).logits)
        assert not torch.equal(found, load(any_folder).model(IDS).logits)
    assert AutoTokenizer.from_pretrained(folder).get_vocab() == student.tokenizer.get_vocab()


def test_trained_weights_go_on_where_they_ended(any_folder: Path, folder: Path) -> None:
    model = full(load(any_folder), folder)
    saved = load_file(folder / WEIGHTS)
    assert all(torch.equal(model.state_dict()[name], tensor) for name, tensor in saved.items())


def test_the_start_is_the_student_itself_or_the_weights_that_the_stage_began_with(
    any_folder: Path, folder: Path
) -> None:
    for start, expected in ((None, load(any_folder).model), (folder, load_trained(load(any_folder), folder))):
        model = full(load(any_folder), start)
        shaken(model)
        with torch.no_grad():
            policy = model(IDS).logits
            with at_start(model) as reference:
                assert torch.equal(reference(IDS).logits, expected(IDS).logits)
                assert not any(p.requires_grad for p in reference.parameters())
            assert torch.equal(model(IDS).logits, policy) and not torch.equal(policy, expected(IDS).logits)
        assert len(model.state_dict()) == len(expected.state_dict())  # the start is no part of the policy


def test_a_stage_with_a_divergence_term_leaves_the_start_alone_and_loads_it_once(
    student: Student, tmp_path: Path
) -> None:
    model, config = full(student), policy_config(kl_beta=0.3, steps=2, max_resamples=9, learning_rate=1e-3)
    task: Any = LetterTask()
    collector = Collector(prompts(student), task, config, seed=5)
    trainer = PolicyTrainer(
        student, model, collector, config, output=tmp_path, seed=1, on_batch=lambda *_: None, callbacks=[]
    )
    groups = [(p.ids, [[5, 9, 11], [8, 8, 30]]) for p in prompts(student, 2)]
    assert trainer.ref_model is None and trainer.kl_to_start(groups) == 0.0
    with at_start(model) as first:
        before = {name: tensor.clone() for name, tensor in first.state_dict().items()}
    trainer.train()
    with at_start(model) as second:
        assert second is first and equal(second.state_dict(), before)
    assert trainer.kl_to_start(groups) > 0


class Killed(BaseException):
    """Stands for the end of the process: nothing may catch it."""


@pytest.mark.chain
@pytest.mark.parametrize(("any_folder", "beta"), [("untied", 0.0), ("tied", 0.1)], indirect=["any_folder"])
def test_a_stage_killed_and_resumed_ends_with_the_same_weights_bit_for_bit(
    any_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, beta: float
) -> None:
    settings: dict[str, Any] = {"model_of": full, "learning_rate": 1e-3, "kl_beta": beta, "steps": STEPS}
    whole = run_stage(any_folder, tmp_path / "whole", **settings)
    complete = _Stage.complete_checkpoint

    def dying(self: Any, folder: Path) -> None:
        if self.trainer.state.global_step == 3:
            raise Killed
        complete(self, folder)

    monkeypatch.setattr(_Stage, "complete_checkpoint", dying)
    with pytest.raises(Killed):
        run_stage(any_folder, tmp_path / "cut", **settings)
    monkeypatch.setattr(_Stage, "complete_checkpoint", complete)
    torch.manual_seed(4321)
    resumed = run_stage(any_folder, tmp_path / "cut", **settings)
    last = f"_checkpoints_srl/checkpoint-{STEPS}/{WEIGHTS}"
    assert equal(load_file(tmp_path / "cut" / last), load_file(tmp_path / "whole" / last))
    assert equal(load_file(resumed.adapter / WEIGHTS), load_file(whole.adapter / WEIGHTS))
    assert resumed.counts == whole.counts and resumed.counts.updates > 0 and resumed.metrics == whole.metrics


@pytest.mark.chain
def test_warm_up_srl_and_rlvr_hand_whole_models_on(student_folder: Path, tmp_path: Path) -> None:
    student = load(student_folder)
    writer: Any = Writer(student.tokenizer)
    warm, base = warmup_config(learning_rate=1e-3), load(student_folder).model.state_dict()
    run_warmup(student, full(student), writer, SOLUTIONS, warm, tmp_path, 1)
    began = tmp_path / "warmup"
    assert difference(began, None, student_folder) > 0
    for stage in ("srl", "rlvr"):
        done = run_stage(
            student_folder,
            tmp_path / stage,
            model_of=lambda s, start=began: full(s, start),
            steps=2,
            learning_rate=1e-3,
            max_resamples=9,
            validation_prompts=0,
        )
        assert 0 < difference(done.adapter, began, student_folder) < 1
        assert done.metrics["kl"] > 0 and done.metrics["canary_gap"] < 1e-4
        began = done.adapter
    final = load_file(began / WEIGHTS)
    assert all(torch.equal(final[name], base[name]) for name in EMBEDDINGS)


def test_the_difference_is_the_largest_change_since_the_start_or_the_student(
    any_folder: Path, folder: Path, tmp_path: Path
) -> None:
    student = load(any_folder)
    model = full(student, folder)
    with torch.no_grad():
        model.model.norm.weight[3] += 0.25
    save(model, student, tmp_path / "more")
    assert difference(tmp_path / "more", folder, any_folder) == pytest.approx(0.25)
    assert difference(folder, folder, any_folder) == 0.0 < difference(folder, None, any_folder)


def _without_one(weights: dict[str, torch.Tensor]) -> None:
    weights.pop("model.norm.weight")


def _with_another(weights: dict[str, torch.Tensor]) -> None:
    weights["extra.weight"] = torch.zeros(1)


def _longer(weights: dict[str, torch.Tensor]) -> None:
    weights["model.norm.weight"] = weights["model.norm.weight"].repeat(2)


def _not_a_number(weights: dict[str, torch.Tensor]) -> None:
    weights["model.norm.weight"][0] = math.nan


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (_without_one, "missing or foreign, e.g. model.norm.weight"),
        (_with_another, "missing or foreign, e.g. extra.weight"),
        (_longer, "another shape"),
        (_not_a_number, "not finite"),
    ],
)
def test_weights_that_would_not_load_are_told_and_refused(
    any_folder: Path, folder: Path, spoil: Callable[[dict[str, torch.Tensor]], None], told: str
) -> None:
    model = full(load(any_folder))
    assert reload_problem(folder, model) == ""
    weights = load_file(folder / WEIGHTS)
    spoil(weights)
    save_file(weights, folder / WEIGHTS, metadata={"format": "pt"})
    assert told in reload_problem(folder, model)
    before = trained(model)
    with pytest.raises(TrainingError, match=told) as caught:
        restore(model, folder)
    assert caught.value.where == str(folder / WEIGHTS) and equal(trained(model), before)


def test_an_adapter_is_no_start_for_full_tuning_nor_a_whole_model_for_an_adapter(
    student_folder: Path, tmp_path: Path
) -> None:
    for name, config in (("adapter", LORA), ("model", FULL)):
        student = load(student_folder)
        save(trainable(student, config, None, 1), student, tmp_path / name)
    with pytest.raises(TrainingError, match="no weights of a whole model"):
        trainable(load(student_folder), FULL, tmp_path / "adapter", 1)
    with pytest.raises(TrainingError, match="no adapter"):
        trainable(load(student_folder), LORA, tmp_path / "model", 1)


def test_a_folder_without_trained_weights_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="no trained weights") as caught:
        weights_file(tmp_path)
    assert caught.value.where == str(tmp_path)


@pytest.mark.parametrize(("tuning", "expected"), [("lora", torch.bfloat16), ("full", torch.float32)])
def test_a_student_that_is_tuned_whole_is_loaded_in_float32_even_where_bfloat16_is_native(
    student_folder: Path, monkeypatch: pytest.MonkeyPatch, tuning: str, expected: torch.dtype
) -> None:
    monkeypatch.setattr(student_module, "cpu_has_bfloat16", lambda: True)
    given = PipelineConfig.model_validate({"preset": "test", "device": "cpu", "student": {"tuning": tuning}})
    assert load_student(student_folder, given).dtype == expected
