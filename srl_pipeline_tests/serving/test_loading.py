"""Registered models load with plain libraries, and with the lineage that they were trained with."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from safetensors.torch import load_file, save_file

from srl_pipeline.config import PipelineConfig, ServingConfig
from srl_pipeline.errors import ArtifactError, TrainingError
from srl_pipeline.serving import Unanswerable
from srl_pipeline.serving.loading import MAX_LOGIT_GAP, check_loads, load_model
from srl_pipeline.serving.questions import Question
from srl_pipeline.training.students.policy_weights import save, trainable
from srl_pipeline.training.students.student import load_student
from srl_pipeline_tests.training.world import FULL

from .conftest import Versions
from .world import MODEL, SOLVED, World


def test_a_registered_model_loads_with_plain_peft_and_transformers(world: World, versions: Versions) -> None:
    assert check_loads(world.artifact(versions.noise).path, world.student) <= MAX_LOGIT_GAP


def test_a_wholly_tuned_model_loads_with_plain_transformers(world: World, tmp_path: Path) -> None:
    student = load_student(world.student, PipelineConfig(preset="test", device="cpu", student=FULL))
    save(trainable(student, FULL, None, 3), student, tmp_path / "whole")
    assert check_loads(tmp_path / "whole", world.student) <= MAX_LOGIT_GAP


def test_a_model_that_plain_libraries_read_otherwise_is_refused(
    world: World, versions: Versions, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when our fused layers computed something else than PEFT: the folder's scale is read by one side only."""
    from srl_pipeline.serving import loading

    other = Path(shutil.copytree(world.artifact(versions.noise).path, tmp_path / "other"))
    weights = load_file(other / "adapter_model.safetensors")
    save_file({name: tensor * 1.5 for name, tensor in weights.items()}, other / "adapter_model.safetensors")
    plainly = loading._plainly_loaded
    monkeypatch.setattr(loading, "_plainly_loaded", lambda _, base: plainly(other, base))
    with pytest.raises(ArtifactError, match="logits differ"):
        check_loads(world.artifact(versions.noise).path, world.student)


def test_a_model_is_asked_with_its_own_lore_and_rules_whatever_became_of_the_pack(
    world: World, versions: Versions, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SRL_PACKS", raising=False)  # the pack is gone
    model = load_model(world.store, MODEL, versions.good, ServingConfig(), "cpu")
    assert model.judge({"region": "moss_vale", "trade": "smith"}, '## 1. Walls\n{"stone":"granite"}\n').correct
    with pytest.raises(Unanswerable, match="no value 'atoll'"):
        model.judge({"region": "atoll", "trade": "smith"}, "")


def test_unreadable_text_is_wrong_and_no_error(world: World, versions: Versions) -> None:
    model = load_model(world.store, MODEL, versions.good, ServingConfig(), "cpu")
    found = model.judge({"region": "moss_vale", "trade": "smith"}, "## 1. Walls\nwhatever\n")
    assert (found.correct, found.reward, found.artefact) == (False, 0.0, {})
    assert found.format_error.startswith("step 1: ")


def test_another_students_weights_are_refused(world: World, versions: Versions) -> None:
    config = world.student / "config.json"
    told = json.loads(config.read_text())
    changed = Path(shutil.copytree(world.student, world.home / world.student.name))
    (changed / "config.json").write_text(json.dumps(told | {"rms_norm_eps": 0.1}))
    world.student = changed
    with pytest.raises(TrainingError, match="are not those that this was trained on"):
        check_loads(world.artifact(versions.good).path, changed)


def test_a_lineage_whose_training_is_gone_is_told(world: World, versions: Versions) -> None:
    shutil.rmtree(world.store.folder("rlvr_checkpoint", MODEL, world.inputs["rlvr_checkpoint"]))
    with pytest.raises(ArtifactError, match="not known which student"):
        load_model(world.store, MODEL, versions.good, ServingConfig(), "cpu")


def test_a_chat_template_is_used_and_its_refusal_is_the_clients_to_mend(world: World, versions: Versions) -> None:
    from .world import TEMPLATE

    model = load_model(world.store, MODEL, versions.good, ServingConfig(max_tokens=16), "cpu")
    model._tokenizer.chat_template = TEMPLATE
    asked = model._chat((("system", "Be brief."), ("user", "Rain.")))
    assert model._tokenizer.decode(asked) == "[system] Be brief.\n[user] Rain.\n[assistant]"
    with pytest.raises(Unanswerable, match="chat template refuses"):
        model.ask(Question((("assistant", "x"),), None, None, 0.0, 1), lambda _: False)


def test_an_answer_that_nobody_wants_any_more_ends_at_its_line(world: World, versions: Versions) -> None:
    model = load_model(world.store, MODEL, versions.good, ServingConfig(), "cpu")
    question = Question((), dict(SOLVED), None, 0.0, 1)
    whole = model.ask(question, lambda _: False)
    assert model.ask(question, lambda _: True).completion_tokens < whole.completion_tokens
