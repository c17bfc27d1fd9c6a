"""A model's folder from a stranger: nothing in it is run, and only safetensors are weights."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from srl_pipeline.config import PipelineConfig
from srl_pipeline.errors import StudentError
from srl_pipeline.training.students.student import load_student

CONFIG = PipelineConfig(preset="test", device="cpu")


@pytest.fixture
def hostile(student_folder: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(student_folder, tmp_path / "hostile"))


def test_weights_in_a_pickle_are_not_read_though_a_safetensors_file_lies_beside_them(hostile: Path) -> None:
    weights = hostile / "model.safetensors"
    torch.save(load_file(weights), hostile / "pytorch_model.bin")
    weights.rename(hostile / "another.safetensors")
    with pytest.raises(StudentError, match="cannot be loaded"):
        load_student(hostile, CONFIG)


@pytest.mark.parametrize("file", ["config.json", "tokenizer_config.json"])
def test_code_that_a_folder_brings_is_not_run_and_nobody_is_asked_to(
    hostile: Path, monkeypatch: pytest.MonkeyPatch, file: str
) -> None:
    ran = hostile / "ran"
    (hostile / "own.py").write_text(f"open({str(ran)!r}, 'w')\nConfig = Model = Tokenizer = None\n")
    said = json.loads((hostile / file).read_text())
    said["auto_map"] = {
        "AutoConfig": "own.Config",
        "AutoModelForCausalLM": "own.Model",
        "AutoTokenizer": ["own.Tokenizer", None],
    }
    said |= {"model_type": "own"} if file == "config.json" else {"tokenizer_class": "Own"}
    (hostile / file).write_text(json.dumps(said))

    asked: list[str] = []

    def hasty(prompt: str) -> str:
        asked.append(prompt)
        return "y"

    monkeypatch.setattr("builtins.input", hasty)
    with pytest.raises(StudentError, match="cannot be loaded"):
        load_student(hostile, CONFIG)
    assert not asked and not ran.exists()
